"""Merging adapters whose update is a linear map of x into the frozen weights."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from qcompile.adapter.adapted import AdaptedModule
from qcompile.adapter.attach import ModelT, attached_record, detach
from qcompile.adapter.prefixed import prefixes_of
from qcompile.backends.simulator.module import AdapterModule
from qcompile.diagnostics.errors import AdapterError, few
from qcompile.diagnostics.messages.adapter import NotMergeable


def merge(model: ModelT, *, progress: Callable[[str], None] | None = None) -> ModelT:
    """Add the updates of all attached adapters to the base weights and take the adapters off.

    Deltas are computed in float64 and rounded once to the weight's dtype. All or nothing.

    Args:
        model: Changed in place.
        progress: Called with the name of each module as its turn comes.

    Returns:
        The model, without adapters; only its merged weights differ from before `attach`.

    Raises:
        AdapterError: QA6005; QA6006 where an update is not linear in x, or the weight cannot take
            one: it is quantised, on the meta device, or shared with another module.
    """
    attached_record(model)
    wrappers = {
        name: part for name, part in model.named_modules() if isinstance(part, AdaptedModule)
    }
    uses = parameter_uses(model)
    problems = [
        NotMergeable(adapter=adapter, module=name, reason="a prefix is no change of a weight")
        for name, module in model.named_modules()
        if (prefixes := prefixes_of(module)) is not None
        for adapter in prefixes.parts()
    ]
    problems += [
        NotMergeable(adapter=adapter, module=name, reason=reason)
        for name, wrapper in wrappers.items()
        for adapter, reason in _reasons(wrapper, uses)
    ]
    if problems:
        raise AdapterError(*few(problems))
    merged = {}
    for number, (name, wrapper) in enumerate(wrappers.items(), 1):
        if progress is not None:
            progress(f"merge {name} ({number} of {len(wrappers)})")
        merged[name] = _merged_weight(wrapper)
    with torch.no_grad():
        for name, wrapper in wrappers.items():
            wrapper.weight.copy_(merged[name])
            if _replaces(wrapper) and isinstance(wrapper.bias, torch.Tensor):
                wrapper.bias.zero_()
    return detach(model)


def _reasons(wrapper: AdaptedModule, uses: dict[int, int]) -> list[tuple[str, str]]:
    found = []
    weight = wrapper.weight
    for name, part in wrapper.parts().items():
        reason = merge_obstacle(part, weight)
        if reason is None and uses.get(id(weight), 0) > 1:
            reason = "the weight is shared with another module"
        if reason is not None:
            found.append((name, reason))
    return found


def merge_obstacle(part: AdapterModule, weight: object) -> str | None:
    """Why the update of `part` cannot be added to `weight`; None where it can."""
    if not part.plan.linear:
        return "its update is not a linear map of the input"
    if not isinstance(weight, torch.Tensor) or not weight.dtype.is_floating_point:
        return f"the weight is quantised ({getattr(weight, 'dtype', type(weight).__name__)})"
    # Quantisation packages keep their integers in subclasses, some of which say `float32`.
    if type(weight) not in (nn.Parameter, torch.Tensor) or weight.dim() != 2:
        return f"the weight is quantised ({type(weight).__name__})"
    if weight.device.type == "meta":
        return "the weight has no values (meta device)"
    return None


def _replaces(wrapper: AdaptedModule) -> bool:
    return any(part.plan.mode == "replace" for part in wrapper.parts().values())


def parameter_uses(model: nn.Module) -> dict[int, int]:
    """How many places each parameter has in the model, by its `id`."""
    uses: dict[int, int] = {}
    for module in model.modules():
        for parameter in module._parameters.values():
            if parameter is not None:
                uses[id(parameter)] = uses.get(id(parameter), 0) + 1
    return uses


def _merged_weight(wrapper: AdaptedModule) -> torch.Tensor:
    """The new weight in the base layer's own layout and dtype."""
    weight = wrapper.weight.detach()
    # transformers' Conv1D stores (in, out).
    transposed = type(wrapper.base_layer).__name__ == "Conv1D"
    total = weight.to(torch.float64)
    if _replaces(wrapper):
        total = torch.zeros_like(total)
    for part in wrapper.parts().values():
        delta = part.merge_weight().to(device=total.device, dtype=torch.float64)
        total = total + (delta.T if transposed else delta)
    return total.to(weight.dtype)
