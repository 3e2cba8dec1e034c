"""Which modules of a model an adapter takes, and with which body."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from qcompile.diagnostics.message import Message, the_same_for
from qcompile.diagnostics.messages.attachment import (
    AlternativeMatchesNothing,
    AttachmentShadowed,
    LayersMatchNothing,
    ModuleUnsupported,
    NoAttention,
    PatternMatchesNothing,
)
from qcompile.diagnostics.messages.interface import ModulesLeftOut
from qcompile.diagnostics.nearest import nearest
from qcompile.diagnostics.source import Span
from qcompile.ir.compilation import ModelInfo, ModuleInfo
from qcompile.ir.hosts import LINEAR_HOST, HostSizes
from qcompile.ir.module_choice import ModuleChoice, hosts_of, module_choice
from qcompile.ir.spec import AdapterSpec, Attachment
from qcompile.passes.lowering.report import LoweringReport

SHOWN_GROUPS = 12

Sizes = Callable[[ModuleInfo], HostSizes | None]
"""The sizes for which an adapter is compiled; None: it does not fit the module."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyPlacement:
    """An adapter's body on a module; `module` is empty for a shape."""

    module: str
    in_features: int
    out_features: int
    body: int
    host: str = LINEAR_HOST
    padding: int | None = None
    slices: int = 1


def place_bodies(
    adapter: AdapterSpec, model: ModelInfo, report: LoweringReport
) -> tuple[BodyPlacement, ...]:
    """Placements in the order of the model's modules; every fault is reported."""
    taken: dict[str, BodyPlacement] = {}
    for attachment in adapter.attachments:
        prefix = adapter.bodies[attachment.body].mode == "prefix"
        sizes = _attention_sizes if prefix else _update_sizes
        matched = _matched(attachment, model, report, sizes)
        fresh = [module for module in matched if module.name not in taken]
        if matched and not fresh:
            span = _pattern_span(attachment)
            report.add(AttachmentShadowed(pattern=attachment.pattern, span=span))
        for module in fresh:
            found = sizes(module)
            if found is not None:
                taken[module.name] = BodyPlacement(
                    module=module.name,
                    in_features=found.in_features,
                    out_features=found.out_features,
                    body=attachment.body,
                    host=found.kind,
                    padding=found.padding,
                    slices=found.slices,
                )
    return tuple(taken[module.name] for module in model.modules if module.name in taken)


def _matched(
    attachment: Attachment, model: ModelInfo, report: LoweringReport, sizes: Sizes
) -> list[ModuleInfo]:
    choice = module_choice(attachment)
    text = choice.text
    span = _pattern_span(attachment)
    named = [module for module in model.modules if choice.matching(module)]
    prefix = sizes is _attention_sizes
    fitting = [m for m in named if sizes(m) is not None] if prefix else hosts_of(choice, named)
    if not named:
        report.add(_matches_nothing(attachment, choice, model, span, sizes))
        return []
    if not fitting:
        report.add(_unsupported(choice, model, named, span, sizes))
        return []
    if not prefix:
        _warn_of_left_out(choice, model, named, fitting, span, report)
    _warn_of_idle_alternatives(choice, fitting, span, report)
    if attachment.layers is None:
        return fitting
    start, stop = attachment.layers
    inside = [m for m in fitting if m.layer is not None and start <= m.layer < stop]
    if not inside:
        numbers = [module.layer for module in fitting if module.layer is not None]
        available = f"{min(numbers)}..{max(numbers) + 1}" if numbers else ""
        report.add(
            LayersMatchNothing(
                pattern=text, start=start, stop=stop, available=available, span=attachment.span
            )
        )
    return inside


def _update_sizes(module: ModuleInfo) -> HostSizes | None:
    return module.host_sizes


def _attention_sizes(module: ModuleInfo) -> HostSizes | None:
    return None if module.attention is None else HostSizes(LINEAR_HOST, *module.attention)


def _linear_sizes(module: ModuleInfo) -> HostSizes | None:
    return None if module.in_features is None else module.host_sizes


def _unsupported(
    choice: ModuleChoice,
    model: ModelInfo,
    named: list[ModuleInfo],
    span: Span | None,
    sizes: Sizes,
) -> Message:
    kinds = tuple(sorted({module.kind for module in named}))
    example = named[0].name
    if sizes is _attention_sizes:
        return NoAttention(
            pattern=choice.text,
            count=len(named),
            kinds=kinds,
            example=example,
            groups=_listed(_groups(model, sizes)),
            span=span,
        )
    return ModuleUnsupported(
        pattern=choice.text,
        count=len(named),
        kinds=kinds,
        example=example,
        reasons=(*_unsuited(named), *_experts(choice, model)),
        span=span,
    )


def _warn_of_left_out(
    choice: ModuleChoice,
    model: ModelInfo,
    named: list[ModuleInfo],
    fitting: list[ModuleInfo],
    span: Span | None,
    report: LoweringReport,
) -> None:
    """Modules of the kind of the others, and experts, that the pattern reaches and the adapter
    does not."""
    kinds = {LINEAR_HOST, *(sizes.kind for m in fitting if (sizes := m.host_sizes) is not None)}
    unsuited = [m for m in named if m.obstacle is not None and m.obstacle_kind in kinds]
    taken = {module.name for module in fitting}
    stacked = [
        holder
        for holder in _reached_experts(choice, model)
        if taken.isdisjoint(f"{holder.name}.{parameter}" for parameter in holder.stacked)
    ]
    reasons = (*_unsuited(unsuited), *_described(stacked))
    if reasons:
        count = len(unsuited) + len(stacked)
        report.add(ModulesLeftOut(pattern=choice.text, count=count, reasons=reasons, span=span))


def _unsuited(modules: Iterable[ModuleInfo]) -> tuple[str, ...]:
    """Each obstacle once, with the modules that have it."""
    names: dict[str, list[str]] = {}
    for module in modules:
        if module.obstacle is not None:
            names.setdefault(module.obstacle, []).append(module.name)
    return tuple(
        "; ".join((f"`{first}`: {reason}", *the_same_for(tuple(others))))
        for reason, (first, *others) in names.items()
    )


def _experts(choice: ModuleChoice, model: ModelInfo) -> tuple[str, ...]:
    """What a pattern that is about experts should know of those of this model."""
    reached = _reached_experts(choice, model)
    named = [m for m in model.modules if m.stacked and m.name.rpartition(".")[2] in choice.text]
    return _described(reached or named)


def _reached_experts(choice: ModuleChoice, model: ModelInfo) -> list[ModuleInfo]:
    """Modules with stacked experts that the pattern is about."""
    return [module for module in model.modules if choice.holds(module)]


def _described(holders: list[ModuleInfo]) -> tuple[str, ...]:
    if not holders:
        return ()
    first = holders[0]
    parameters = " and ".join(f"`{name}`" for name in first.stacked)
    place = f"`{first.name}`"
    if len(holders) > 1:
        place += f" (one of {len(holders)} such modules)"
    note = f"{place} holds its experts as slices of {parameters}"
    return (f"{note}; `attach experts` reaches each, `attach experts.tied` all alike",)


def _warn_of_idle_alternatives(
    choice: ModuleChoice,
    fitting: Iterable[ModuleInfo],
    span: Span | None,
    report: LoweringReport,
) -> None:
    if len(choice.alternatives) == 1:
        return
    used = {k for module in fitting for k in choice.matching(module)}
    for k, alternative in enumerate(choice.alternatives):
        if k not in used:
            message = AlternativeMatchesNothing(
                pattern=choice.text, alternative=alternative, span=span
            )
            report.add(message)


def _matches_nothing(
    attachment: Attachment, choice: ModuleChoice, model: ModelInfo, span: Span | None, sizes: Sizes
) -> PatternMatchesNothing:
    """Suggest the names that end like the pattern, and list the model's fitting modules."""
    prefix = sizes is _attention_sizes
    by_tail: dict[str, str] = {}
    for group in _groups(model, sizes):
        by_tail.setdefault(group.rpartition(".")[2], group)
    tail = choice.text.rpartition(".")[2]
    candidates = tuple(f"*.{found}" for found in nearest(tail, by_tail))
    if tail in by_tail:
        # The last part is right, so it is the way to it that is not.
        candidates = (f"*.{tail}",)
    if attachment.portable:
        candidates = ()
    return PatternMatchesNothing(
        pattern=choice.text,
        model=model.architecture,
        candidates=candidates,
        groups=_listed(_groups(model, sizes if prefix else _linear_sizes)),
        kind="attention" if prefix else "linear",
        reasons=() if prefix else _experts(choice, model),
        span=span,
    )


def _groups(model: ModelInfo, sizes: Sizes) -> Counter[str]:
    return Counter(_group(module.name) for module in model.modules if sizes(module) is not None)


def _listed(groups: Counter[str]) -> tuple[str, ...]:
    listed = [f"`{group}` ({count})" for group, count in groups.items()]
    if len(listed) > SHOWN_GROUPS:
        listed = [*listed[:SHOWN_GROUPS], f"and {len(listed) - SHOWN_GROUPS} more kinds"]
    return tuple(listed)


def _group(name: str) -> str:
    """A module's name with its numbers replaced, the same for all layers."""
    return ".".join("*" if part.isdigit() else part for part in name.split("."))


def _pattern_span(attachment: Attachment) -> Span | None:
    """The pattern within the attachment's text."""
    span = attachment.span
    if span is None:
        return None
    begin = span.text.find(f'"{attachment.pattern}"')
    if begin < 0:
        return span
    start = span.start + begin
    return Span(span.source, start, start + len(attachment.pattern) + 2)
