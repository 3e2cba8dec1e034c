"""Merging adapters whose update is a linear map of x and y into the frozen weights."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from qcompile.adapter.adapted import AdaptedModule
from qcompile.adapter.attach import ModelT, attached_record, detach
from qcompile.adapter.merged import changes_bias, is_transposed, merged
from qcompile.adapter.prefixed import prefixes_of
from qcompile.backends.simulator.module import NOT_LINEAR, AdapterModule
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
        AdapterError: QA6005; QA6006 where an update is not linear in x and y, or the weight cannot
            take one: it is quantised, on the meta device, or shared with another module.
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
    results = {}
    for number, (name, wrapper) in enumerate(wrappers.items(), 1):
        if progress is not None:
            progress(f"merge {name} ({number} of {len(wrappers)})")
        results[name] = _merged(wrapper)
    with torch.no_grad():
        for name, wrapper in wrappers.items():
            weight, bias = results[name]
            wrapper.weight.copy_(weight)
            if bias is not None:
                wrapper.bias.copy_(bias)
    return detach(model)


def _reasons(wrapper: AdaptedModule, uses: dict[int, int]) -> list[tuple[str, str]]:
    found = []
    weight = wrapper.weight
    changed = isinstance(wrapper.bias, nn.Parameter) and changes_bias([*wrapper.parts().values()])
    for name, part in wrapper.parts().items():
        reason = merge_obstacle(part, weight)
        if reason is None and uses.get(id(weight), 0) > 1:
            reason = "the weight is shared with another module"
        elif reason is None and changed and uses.get(id(wrapper.bias), 0) > 1:
            reason = "the bias is shared with another module"
        if reason is not None:
            found.append((name, reason))
    return found


def merge_obstacle(part: AdapterModule, weight: object) -> str | None:
    """Why the update of `part` cannot be added to `weight`; None where it can."""
    if not part.plan.linear:
        return NOT_LINEAR
    if not isinstance(weight, torch.Tensor) or not weight.dtype.is_floating_point:
        return f"the weight is quantised ({getattr(weight, 'dtype', type(weight).__name__)})"
    # Quantisation packages keep their integers in subclasses, some of which say `float32`.
    if type(weight) not in (nn.Parameter, torch.Tensor) or weight.dim() != 2:
        return f"the weight is quantised ({type(weight).__name__})"
    if weight.device.type == "meta":
        return "the weight has no values (meta device)"
    return None


def parameter_uses(model: nn.Module) -> dict[int, int]:
    """How many places each parameter has in the model, by its `id`."""
    uses: dict[int, int] = {}
    for module in model.modules():
        for parameter in module._parameters.values():
            if parameter is not None:
                uses[id(parameter)] = uses.get(id(parameter), 0) + 1
    return uses


def _merged(wrapper: AdaptedModule) -> tuple[torch.Tensor, torch.Tensor | None]:
    """The new weight in the base layer's own layout and dtype; the bias where it changes."""
    parts = [*wrapper.parts().values()]
    weight = wrapper.weight.detach()
    transposed = is_transposed(wrapper.base_layer)
    bias = wrapper.bias if isinstance(wrapper.bias, torch.Tensor) else None
    matrix, shift = merged(parts, weight.T if transposed else weight, bias)
    matrix = (matrix.T if transposed else matrix).to(weight.dtype)
    if bias is None or shift is None or not changes_bias(parts):
        return matrix, None
    return matrix, shift.to(bias.dtype)
