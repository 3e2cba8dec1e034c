"""Merging adapters whose update is a linear map of x and y into the frozen weights."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from qcompile.adapter.adapted import AdaptedModule
from qcompile.adapter.attach import ModelT, detach
from qcompile.adapter.merge_obstacles import ParameterUses, merge_obstacle, not_finite
from qcompile.adapter.merged import changes_bias, is_transposed, merged
from qcompile.adapter.prefixed import prefixes_of
from qcompile.adapter.record import attached_record
from qcompile.diagnostics.arguments import wrong_argument
from qcompile.diagnostics.errors import AdapterError, few
from qcompile.diagnostics.message import Message
from qcompile.diagnostics.messages.adapter import NotMergeable


def merge(model: ModelT, *, progress: Callable[[str], None] | None = None) -> ModelT:
    """Add the updates of all attached adapters to the base weights and take the adapters off.

    Deltas are computed in float64 and rounded once to the weight's dtype. All or nothing, also
    where it is interrupted.

    Args:
        model: Changed in place.
        progress: Called with the name of each module as its turn comes.

    Returns:
        The model, without adapters; only its merged weights differ from before `attach`.

    Raises:
        AdapterError: QA6005; QA6006 where an update is not linear in x and y, the weight cannot
            take one (it is quantised, computed from other tensors, on the meta device, shared with
            another module), or the merged weight would not be finite.
        UsageError: QA6013.
    """
    attached_record("merge", model)
    if progress is not None and not callable(progress):
        raise wrong_argument("merge", "progress", progress, "a function")
    wrappers = {
        name: part for name, part in model.named_modules() if isinstance(part, AdaptedModule)
    }
    _refuse(model, wrappers)
    problems: list[Message] = []
    results: list[tuple[Tensor, Tensor]] = []
    for number, (name, wrapper) in enumerate(wrappers.items(), 1):
        if progress is not None:
            progress(f"merge {name} ({number} of {len(wrappers)})")
        found = _merged(wrapper)
        reason = next((r for old, new in found if (r := not_finite(old, new)) is not None), None)
        if reason is not None:
            adapters = ", ".join(wrapper.parts())
            problems.append(NotMergeable(adapter=adapters, module=name, reason=reason))
        results += found
    if problems:
        raise AdapterError(*few(problems))
    return _written(model, results)


@torch.no_grad()
def _written(model: ModelT, results: list[tuple[Tensor, Tensor]]) -> ModelT:
    """The model with new values, (target, value) each, and without adapters."""
    before: list[tuple[Tensor, Tensor]] = []
    try:
        while results:
            # The new values go as the old ones come: never more than one weight is held twice.
            target, value = results.pop()
            before.append((target, target.clone()))
            target.copy_(value)
        return detach(model)
    except BaseException:
        for target, value in before:
            target.copy_(value)
        raise


def _refuse(model: nn.Module, wrappers: dict[str, AdaptedModule]) -> None:
    uses = ParameterUses(model)
    problems: list[Message] = [
        NotMergeable(adapter=adapter, module=name, reason="a prefix is no change of a weight")
        for name, module in model.named_modules()
        if (prefixes := prefixes_of(module)) is not None
        for adapter in prefixes.parts()
    ]
    for name, wrapper in wrappers.items():
        parts = wrapper.parts()
        shared = uses.obstacle(wrapper.base_layer, [*parts.values()])
        for adapter, part in parts.items():
            reason = merge_obstacle(part, wrapper.base_layer) or shared
            if reason is not None:
                problems.append(NotMergeable(adapter=adapter, module=name, reason=reason))
    if problems:
        raise AdapterError(*few(problems))


def _merged(wrapper: AdaptedModule) -> list[tuple[Tensor, Tensor]]:
    """What changes, with its new values in the base layer's own layout and dtype."""
    parts = [*wrapper.parts().values()]
    weight = wrapper.weight.detach()
    transposed = is_transposed(wrapper.base_layer)
    own = getattr(wrapper.base_layer, "bias", None)
    bias = own.detach() if isinstance(own, Tensor) else None
    matrix, shift = merged(parts, weight.T if transposed else weight, bias)
    found = [(weight, (matrix.T if transposed else matrix).to(weight.dtype))]
    if bias is not None and shift is not None and changes_bias(parts):
        found.append((bias, shift.to(bias.dtype)))
    return found
