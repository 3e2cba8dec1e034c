"""Refuses a plan that would not fit in memory, before anything is allocated."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from qcompile.diagnostics.errors import CompileError
from qcompile.diagnostics.message import Message
from qcompile.diagnostics.messages.lowering import TensorsTooLarge
from qcompile.diagnostics.messages.planning import FewerTokensFit, PlanTooLarge, StepTooLarge
from qcompile.executors.costing import Workload
from qcompile.executors.registry import executor_of
from qcompile.executors.sweeps.columns import columns_work, frame_work
from qcompile.ir.compilation import LoweredSet, PlannedSet
from qcompile.ir.contraction_extents import result_shapes
from qcompile.ir.hosts import PARAMETER_HOSTS
from qcompile.ir.network import ContractionNode, frames_of
from qcompile.ir.node import domains
from qcompile.ir.orthogonal import Orthogonal, UnitaryNode
from qcompile.ir.plan import (
    DensityEvaluation,
    Evaluation,
    EvaluationNode,
    FusedEvaluation,
    Plan,
    TransferEvaluation,
)
from qcompile.ir.target import Target
from qcompile.ir.tensor import TensorSpec
from qcompile.passes.base import Context
from qcompile.passes.evaluators import workload

UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")


def refuse_oversized(plan: Plan, context: Context) -> None:
    """Check the estimate of one training step of one module against `context.memory_limit`.

    A step of `context.tokens` tokens that does not fit is a warning that says how many would; a
    step of a single token that does not is an error.

    Raises:
        CompileError: QA4008.
    """
    limit = context.memory_limit
    whole = _total(plan, context)
    if whole <= limit:
        return
    single = replace(context, tokens=1)
    least = _total(plan, single)
    _, largest, advice = max(_parts(plan, single), key=lambda part: part[0])
    if least > limit:
        message: Message = PlanTooLarge(
            adapter=plan.adapter,
            needed=human_bytes(least),
            limit=human_bytes(limit),
            largest=largest,
            advice=advice,
            span=context.span,
        )
        raise CompileError(message)
    # The estimate is a line in the number of tokens.
    each = (whole - least) / (context.tokens - 1)
    fitting = max(1, min(context.tokens - 1, int(1 + (limit - least) / each)))
    context.remark(
        FewerTokensFit(
            adapter=plan.adapter,
            tokens=context.tokens,
            needed=human_bytes(whole),
            limit=human_bytes(limit),
            fitting=fitting,
            largest=largest,
            span=context.span,
        )
    )


def refuse_too_many_tensors(
    lowered: LoweredSet, targets: Mapping[str, Target], memory_limit: int
) -> None:
    """Check the tensors of all modules and their gradients against the limit, in bytes.

    Args:
        lowered: All programs and where they go; shared tensors count once.
        targets: The target of each adapter by the adapter's name.
        memory_limit: As `Context.memory_limit`.

    Raises:
        CompileError: QA3151.
    """
    # With their gradients.
    total = 2 * _tensor_bytes(
        (tensor, targets[site.adapter])
        for site in lowered.sites
        for tensor in lowered.programs[site.unit].tensors
    )
    if total > memory_limit and len(lowered.sites) > 1:
        message = TensorsTooLarge(
            modules=len(lowered.sites),
            needed=human_bytes(total),
            limit=human_bytes(memory_limit),
        )
        raise CompileError(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class StepMemory:
    """What one training step of all modules holds, in bytes; the base model apart."""

    parameters: int
    gradients: int
    activations: int
    """Kept for the backward pass by all modules together."""
    optimiser: int
    """Of AdamW: two values for each trainable parameter."""

    @property
    def total(self) -> int:
        return self.parameters + self.gradients + self.activations + self.optimiser


def step_memory(planned: PlannedSet, tokens: int) -> StepMemory:
    """Of a step of so many tokens through every module; shared tensors count once."""
    plans = [planned.plans[site.unit] for site in planned.sites]
    tensors = [(t, plan.target) for plan in plans for t in plan.tensors]
    trainable = _tensor_bytes((t, target) for t, target in tensors if not t.frozen)
    activations = sum(plan.target.item_bytes * _kept(plan, tokens) for plan in plans)
    # Unit vectors, which all parameters of a width have in common.
    units = {plan.in_features: plan.target for plan in plans if plan.host in PARAMETER_HOSTS}
    activations += sum(target.item_bytes * width**2 for width, target in units.items())
    return StepMemory(
        parameters=_tensor_bytes(tensors),
        gradients=trainable,
        activations=activations,
        optimiser=2 * trainable,
    )


def _kept(plan: Plan, tokens: int) -> int:
    """Elements of one part; of a parameter, those of its matrix and of the changed parameter."""
    each = plan.costs.activation_elements_per_token
    if plan.host not in PARAMETER_HOSTS:
        return tokens * each
    return plan.in_features * max(0, each - plan.in_features) + plan.changed_elements


def _tensor_bytes(tensors: Iterable[tuple[TensorSpec, Target]]) -> int:
    """Of tensors under their targets; those that are shared under one key count once."""
    total = 0
    shared: dict[str, int] = {}
    for tensor, target in tensors:
        size = target.item_bytes * tensor.size
        if tensor.share is None:
            total += size
        else:
            shared[tensor.share] = size
    return total + sum(shared.values())


def remark_on_step(planned: PlannedSet, context: Context) -> None:
    """Warn where a step of `context.tokens` through all modules needs more than the limit."""
    step = step_memory(planned, context.tokens)
    limit = context.memory_limit
    if step.total <= limit or len(planned.sites) < 2:
        return
    each = step.activations / context.tokens
    room = limit - (step.total - step.activations)
    fitting = int(room / each) if each else 0
    context.remark(
        StepTooLarge(
            modules=len(planned.sites),
            tokens=context.tokens,
            needed=human_bytes(step.total),
            limit=human_bytes(limit),
            activations=human_bytes(step.activations),
            fitting=max(0, fitting),
        )
    )


def _total(plan: Plan, context: Context) -> float:
    return sum(size for size, _, _ in _parts(plan, context))


def _parts(plan: Plan, context: Context) -> Iterator[tuple[float, str, tuple[str, ...]]]:
    """(bytes, what they are, what would help) for everything large."""
    whole = workload(context)
    where = [domain.batch(context.tokens) for domain in domains(plan.nodes)]
    fewer = "raise the memory limit if the machine has more"
    parameters = 2 * whole.item_bytes * sum(tensor.size for tensor in plan.tensors)
    yield float(parameters), "the trainable tensors and their gradients", ("use a smaller rank",)
    widths = [node.width for node in plan.nodes]
    values = whole.item_bytes * sum(b * w for b, w in zip(where[1:], widths[1:], strict=True))
    yield float(values), "the values of the graph's nodes", (fewer,)
    for node, batch in zip(plan.nodes, where, strict=True):
        load = replace(whole, tokens=batch)
        match node:
            case ContractionNode():
                shapes = result_shapes(node, batch)
                size = load.item_bytes * sum(math.prod(shape) for shape in shapes)
                yield float(size), "a tensor contraction", (fewer, "use smaller bonds")
                for frame in frames_of(node.network):
                    kept = frame_work(frame).kept
                    yield _unitary(frame.orthogonal, frame.columns, kept, load, fewer)
            case UnitaryNode(orthogonal=orthogonal, adjoint=adjoint):
                kept = columns_work(orthogonal, adjoint=adjoint, grad=True).of(batch).kept
                yield _unitary(orthogonal, batch, kept, load, fewer)
            case EvaluationNode(evaluation=evaluation, cost=cost):
                circuit = evaluation.circuit
                what = f"the circuit on {circuit.qubits} qubits under `{evaluation.kind}`"
                smaller = f"use fewer than {circuit.qubits} qubits, or less depth than {cost.depth}"
                advice = (smaller, fewer)
                if isinstance(evaluation, DensityEvaluation):
                    advice = ("simulate without noise, or use fewer qubits", fewer)
                if isinstance(evaluation, TransferEvaluation):
                    wide = evaluation.routed.circuit.qubits
                    what = f"the circuit on {wide} qubits of the device under `transfer`"
                    advice = ("train without noise, or use fewer qubits", fewer)
                yield _circuit(evaluation, load), what, advice
            case _:
                pass


def _circuit(evaluation: Evaluation, load: Workload) -> float:
    """Of what runs; a single token must fit too where there is no compiled library."""
    size = executor_of(evaluation).price(evaluation, load).bytes
    if isinstance(evaluation, FusedEvaluation):
        single = executor_of(evaluation.eager).price(evaluation.eager, replace(load, tokens=1))
        size = max(size, single.bytes)
    return size


def _unitary(
    orthogonal: Orthogonal, columns: int, kept: float, load: Workload, fewer: str
) -> tuple[float, str, tuple[str, ...]]:
    what = f"the gates of a `unitary` of {orthogonal.size} on {columns} column{'s' * (columns > 1)}"
    return load.item_bytes * kept, what, ("use less depth, or smaller widths", fewer)


def human_bytes(size: float) -> str:
    """`1.5 GiB`."""
    unit = 0
    while size >= 1024 and unit < len(UNITS) - 1:
        size /= 1024
        unit += 1
    if size >= 1e6:
        return f"over 10^{int(math.log10(size))} {UNITS[unit]}"
    return f"{size:.3g} {UNITS[unit]}" if size < 999.5 else f"{size:.0f} {UNITS[unit]}"
