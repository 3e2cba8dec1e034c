"""Merging adapters into the frozen weights, where what they do is of the form of the module."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from qcompile.adapter.adapted import AdaptedModule
from qcompile.adapter.attach import ModelT, detach
from qcompile.adapter.beside import beside_of
from qcompile.adapter.merge_obstacles import ParameterUses, merge_obstacle, not_finite
from qcompile.adapter.merge_parameters import merged_parameters, parameter_obstacles
from qcompile.adapter.merged import changes_bias, merged
from qcompile.adapter.named import NamedParts
from qcompile.adapter.parameters import named_parts_at_parameters
from qcompile.adapter.prefixed import prefixes_of
from qcompile.adapter.record import attached_record
from qcompile.adapter.selected import Selection, weights_in
from qcompile.adapter.switch import Weights
from qcompile.backends.simulator.module import AdapterModule
from qcompile.diagnostics.arguments import wrong_argument
from qcompile.diagnostics.errors import AdapterError, few
from qcompile.diagnostics.message import Message
from qcompile.diagnostics.messages.adapter import NotMergeable
from qcompile.ir.hosts import MERGING_HOSTS, NORM_HOST, not_a_linear_map


@dataclass(frozen=True)
class AdaptedWeight:
    """A module with a weight that updates can be added to."""

    base_layer: nn.Module
    holder: NamedParts


def _adapted_weights(model: nn.Module) -> dict[str, AdaptedWeight]:
    """By the name of the module."""
    found = {}
    for name, module in model.named_modules():
        beside = beside_of(module)
        if isinstance(module, AdaptedModule):
            found[name] = AdaptedWeight(module.base_layer, module)
        elif beside is not None and _merges(beside):
            found[name] = AdaptedWeight(module, beside)
    return found


def _merges(holder: NamedParts) -> bool:
    return all(part.plan.host in (*MERGING_HOSTS, NORM_HOST) for part in holder.parts())


def merge(
    model: ModelT,
    names: Selection | None = None,
    *,
    progress: Callable[[str], None] | None = None,
) -> ModelT:
    """Add the updates of attached adapters to the base weights and take the adapters off.

    Deltas are computed in float64 and rounded once to the weight's dtype. All or nothing, also
    where it is interrupted.

    Args:
        model: Changed in place.
        names: One name, several, or weights by name; those are merged, and the others stay. By
            default those that are on, with their weights, and all are taken off.
        progress: Called with the name of each module as its turn comes.

    Returns:
        The model; only its merged weights, and what was taken off, differ from before.

    Raises:
        AdapterError: QA6005, QA6053, QA6057; QA6006 where an update is not linear in x and y, the
            weight cannot take one (it is quantised, computed from other tensors, on the meta
            device, shared with another module), the merged weight would not be finite, or an
            adapter that stays would compute something else.
        UsageError: QA6013.
    """
    record = attached_record("merge", model)
    if progress is not None and not callable(progress):
        raise wrong_argument("merge", "progress", progress, "a function")
    chosen = record.switch.chosen.weights
    weights = chosen if names is None else weights_in(record, "merge", names, dict(chosen))
    on = dict(weights)
    stay = () if names is None else tuple(name for name in record.names if name not in on)
    wrappers = _adapted_weights(model)
    _refuse(model, wrappers, on, stay)
    problems: list[Message] = []
    results: list[tuple[Tensor, Tensor]] = []
    for number, (name, wrapper) in enumerate(wrappers.items(), 1):
        if progress is not None:
            progress(f"merge {name} ({number} of {len(wrappers)})")
        found = _merged(wrapper, weights)
        reason = next((r for old, new in found if (r := not_finite(old, new)) is not None), None)
        if reason is not None:
            adapters = ", ".join(part.plan.adapter for part, _ in _parts(wrapper.holder, on))
            problems.append(NotMergeable(adapter=adapters, module=name, reason=reason))
        results += found
    for name, module in model.named_modules():
        if named_parts_at_parameters(module):
            found, reasons = merged_parameters(module, on)
            problems += [
                NotMergeable(adapter=a, module=name, reason=reason) for a, reason in reasons
            ]
            results += found
    if problems:
        raise AdapterError(*few(problems))
    gone = [name for name in record.names if name not in stay]
    return _written(model, results, gone)


@torch.no_grad()
def _written(model: ModelT, results: list[tuple[Tensor, Tensor]], gone: list[str]) -> ModelT:
    """The model with new values, (target, value) each, and without the adapters."""
    before: list[tuple[Tensor, Tensor]] = []
    try:
        while results:
            # The new values go as the old ones come: never more than one weight is held twice.
            target, value = results.pop()
            before.append((target, target.clone()))
            target.copy_(value)
        return detach(model, gone)
    except BaseException:
        for target, value in before:
            target.copy_(value)
        raise


def _parts(wrapper: NamedParts, on: Mapping[str, float]) -> list[tuple[AdapterModule, float]]:
    return [(part, on[name]) for name, part in wrapper.named_parts() if name in on]


def _refuse(
    model: nn.Module,
    wrappers: dict[str, AdaptedWeight],
    on: Mapping[str, float],
    stay: Collection[str],
) -> None:
    uses = ParameterUses(model)
    problems: list[Message] = [
        NotMergeable(
            adapter=part.plan.adapter, module=name, reason="a prefix is no change of a weight"
        )
        for name, module in model.named_modules()
        if (prefixes := prefixes_of(module)) is not None
        for part, _ in _parts(prefixes, on)
    ]
    problems += [
        NotMergeable(
            adapter=part.plan.adapter, module=name, reason=not_a_linear_map(part.plan.host)
        )
        for name, module in model.named_modules()
        if (holder := beside_of(module)) is not None and not _merges(holder)
        for part, _ in _parts(holder, on)
    ]
    for name, module in model.named_modules():
        if named_parts_at_parameters(module):
            problems += [
                NotMergeable(adapter=adapter, module=f"{name}.{parameter}", reason=reason)
                for adapter, parameter, reason in parameter_obstacles(module, on, uses)
            ]
    for name, wrapper in wrappers.items():
        parts = [part for part, _ in _parts(wrapper.holder, on)]
        if not parts:
            continue
        shared = uses.obstacle(wrapper.base_layer, parts)
        beside = _beside(wrapper.holder, stay)
        for part in parts:
            reason = merge_obstacle(part, wrapper.base_layer) or shared or beside
            if reason is not None:
                adapter = part.plan.adapter
                problems.append(NotMergeable(adapter=adapter, module=name, reason=reason))
    if problems:
        raise AdapterError(*few(problems))


def _beside(wrapper: NamedParts, stay: Collection[str]) -> str | None:
    """Why an adapter that stays would not compute what it did."""
    for name, part in wrapper.named_parts():
        plan = part.plan
        if name in stay and (plan.mode == "replace" or plan.reads_module):
            return f"`{name}`, which stays, reads or replaces what the module gives"
    return None


def _merged(wrapper: AdaptedWeight, weights: Weights) -> list[tuple[Tensor, Tensor]]:
    """What changes, with its new values in the base layer's own layout and dtype."""
    weighted = _parts(wrapper.holder, dict(weights))
    if not weighted:
        return []
    parts = [part for part, _ in weighted]
    base = wrapper.base_layer
    frozen = base.weight
    assert isinstance(frozen, Tensor)
    weight = frozen.detach()
    own = getattr(base, "bias", None)
    bias = own.detach() if isinstance(own, Tensor) else None
    factors = [factor for _, factor in weighted]
    value, shift = merged(parts, base, weight, bias, factors)
    found = [(weight, value.to(weight.dtype))]
    if bias is not None and shift is not None and changes_bias(parts):
        found.append((bias, shift.to(bias.dtype)))
    return found
