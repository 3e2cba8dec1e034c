"""What quantising took from weights: those from before, less those of the model."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from qcompile.adapter.adapted import AdaptedModule
from qcompile.adapter.places import Place
from qcompile.artifact.weight_files import read_weights
from qcompile.backends.simulator.base import ModuleBase, unreadable
from qcompile.diagnostics.arguments import check_type
from qcompile.diagnostics.errors import AdapterError, few
from qcompile.diagnostics.message import Message
from qcompile.diagnostics.messages.calibration import OriginalUnusable
from qcompile.models.linear import is_conv1d


def originals_of(
    places: Sequence[Place], original: nn.Module | str | Path | None
) -> dict[str, Tensor]:
    """W from before less W of the model, (out_features, in_features), by module.

    In float32 or wider. The weight of a quantised module is what it makes of the unit vectors.

    Raises:
        AdapterError: QA6137, for each module.
        UsageError: QA6013.
    """
    if not places:
        return {}
    expected = "a model, or a folder or file of safetensors,"
    if original is None:
        reason = "there is no `original`"
        sites = dict.fromkeys(place.site.module for place in places)
        raise AdapterError(*few([OriginalUnusable(module=m, reason=reason) for m in sites]))
    check_type("calibrate", "original", original, (nn.Module, str, os.PathLike), expected)
    problems: list[Message] = []
    found: dict[str, Tensor] = {}
    names = list(dict.fromkeys(place.site.module for place in places))
    weights = (
        _of_model(original, names)
        if isinstance(original, nn.Module)
        else _of_files(Path(original), names)
    )
    for place in places:
        name = place.site.module
        weight = weights.get(name, "it has no such module")
        if isinstance(weight, Tensor):
            difference = _difference(weight, place)
            if isinstance(difference, Tensor):
                found[name] = difference
                continue
            weight = difference
        problems.append(OriginalUnusable(module=name, reason=weight))
    if problems:
        raise AdapterError(*few(problems))
    return found


def _difference(weight: Tensor, place: Place) -> Tensor | str:
    plan, module = place.part.plan, place.module
    base = module.base_layer if isinstance(module, AdaptedModule) else module
    dtype = torch.promote_types(weight.dtype, torch.float32)
    own = _weight(base, place, dtype)
    if is_conv1d(base) and weight.shape == (plan.in_features, plan.out_features):
        weight = weight.T
    if weight.shape != own.shape:
        return f"its weight has the shape {tuple(weight.shape)}, not {tuple(own.shape)}"
    difference = weight.to(own) - own
    if not bool(difference.any()):
        return "its weight is that of the model, so that nothing was taken from it"
    if not bool(torch.isfinite(difference).all()):
        return "its weight, or the model's, is not finite"
    return difference


def _weight(module: nn.Module, place: Place, dtype: torch.dtype) -> Tensor:
    """Of a quantised module, too."""
    base = ModuleBase(module, torch.float32, place.site.adapter, place.site.module)
    if unreadable(module) is None:
        return base.weight().to(dtype)
    first = next(iter((*module.parameters(), *module.buffers())))
    unit = torch.eye(place.part.plan.in_features, device=first.device)
    with torch.no_grad():
        columns = base.output(unit).to(dtype)
        return (columns - base.output(torch.zeros_like(unit[:1])).to(dtype)).T


def _of_model(original: nn.Module, names: Sequence[str]) -> dict[str, Tensor | str]:
    modules = dict(original.named_modules(remove_duplicate=False))
    found: dict[str, Tensor | str] = {}
    for name in names:
        module = modules.get(name)
        if module is None:
            continue
        module = module.base_layer if isinstance(module, AdaptedModule) else module
        reason = unreadable(module)
        weight: Any = getattr(module, "weight", None)
        found[name] = weight.detach() if reason is None else f"its weight is no original: {reason}"
    return found


def _of_files(path: Path, names: Sequence[str]) -> dict[str, Tensor | str]:
    found = read_weights(path, [f"{name}.weight" for name in names])
    return {key.removesuffix(".weight"): tensor for key, tensor in found.items()}
