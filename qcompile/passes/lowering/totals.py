"""Checks on all programs together: how many parameters, and whether they are worth it."""

from __future__ import annotations

from qcompile.diagnostics.messages.lowering import MoreThanLora, TooManyTrainableParameters
from qcompile.diagnostics.source import Span
from qcompile.ir.compilation import LoweredSet
from qcompile.ir.limits import MAX_TRAINABLE
from qcompile.ir.ops.mpo import MpoNode
from qcompile.ir.program import Program
from qcompile.ir.spec import AdapterSpec, Spec
from qcompile.passes.lowering.report import LoweringReport


def check_totals(lowered: LoweredSet, spec: Spec, report: LoweringReport) -> None:
    """Refuse absurdly many parameters; warn where a tensor network has more than LoRA."""
    total = parameter_count(lowered)
    if total > MAX_TRAINABLE:
        report.add(TooManyTrainableParameters(parameters=total, limit=MAX_TRAINABLE))
    for adapter in spec.adapters:
        _compare_with_lora(adapter, lowered, report)


def parameter_count(lowered: LoweredSet, adapter: str | None = None) -> int:
    """Trainable parameters of all modules, or of one adapter's; shared tensors count once."""
    total = 0
    shared: dict[str, int] = {}
    for site in lowered.sites:
        if adapter is not None and site.adapter != adapter:
            continue
        for tensor in lowered.programs[site.unit].tensors:
            if tensor.frozen:
                continue
            if tensor.share is None:
                total += tensor.size
            else:
                shared[tensor.share] = tensor.size
    return total + sum(shared.values())


def _compare_with_lora(adapter: AdapterSpec, lowered: LoweredSet, report: LoweringReport) -> None:
    used = [lowered.programs[s.unit] for s in lowered.sites if s.adapter == adapter.name]
    ranks = [_rank(program) for program in used]
    if not used or not any(isinstance(n, MpoNode) for program in used for n in program.nodes):
        return
    lora = 0
    for program, rank in zip(used, ranks, strict=True):
        if rank is None:
            return
        lora += rank * (program.in_features + program.out_features)
    parameters = parameter_count(lowered, adapter.name)
    if parameters > lora:
        report.add(
            MoreThanLora(
                adapter=adapter.name,
                parameters=parameters,
                lora=lora,
                rank=ranks[0] or 0,
                span=_first_line(adapter.span),
            )
        )


def _rank(program: Program) -> int | None:
    """The parameter `rank`, if it is one and makes sense."""
    value = dict(program.parameters).get("rank")
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


def _first_line(span: Span | None) -> Span | None:
    """The head of a construct that spans many lines."""
    if span is None:
        return None
    head = span.text.partition("\n")[0].rstrip()
    return Span(span.source, span.start, span.start + len(head))
