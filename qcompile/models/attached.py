"""A model as it is without the adapters that are attached to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

HOLDS_PARTS = "holds_parts"
"""The attribute of classes of modules that hold attached adapters. Their `base_layer`, where there
is one, is the module of the model in whose place they stand."""


def own_modules(model: torch.nn.Module) -> dict[str, torch.nn.Module]:
    """The modules of the model by name, as `named_modules` would give them."""
    found: dict[str, torch.nn.Module] = {}
    seen: set[int] = set()

    def walk(name: str, module: torch.nn.Module) -> None:
        if getattr(module, HOLDS_PARTS, False):
            base = module._modules.get("base_layer")
            if base is not None:
                walk(name, base)
        elif id(module) not in seen:
            seen.add(id(module))
            found[name] = module
            for child, inside in module.named_children():
                walk(f"{name}.{child}" if name else child, inside)

    walk("", model)
    return found


def own_parameters(model: torch.nn.Module) -> list[torch.nn.Parameter]:
    """The parameters of these modules, each once."""
    found = {
        id(parameter): parameter
        for module in own_modules(model).values()
        for parameter in module._parameters.values()
        if parameter is not None
    }
    return list(found.values())
