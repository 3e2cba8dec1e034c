"""What is known of a module besides its sizes: `layer_index`, `num_layers`, its heads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from qcompile.ir.compilation import ModelInfo, ModuleInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleFacts:
    """The values that the model has, and why it has no others."""

    values: Mapping[str, int] = field(default_factory=dict)
    reasons: Mapping[str, str] = field(default_factory=dict)

    def reason(self, name: str) -> str:
        """Why there is no such value."""
        return self.reasons.get(name, "a `shape` is no module of a model")


def facts_of(model: ModelInfo) -> dict[str, ModuleFacts]:
    """Of every module, by name."""
    counts: dict[str, int] = {}
    for module in model.modules:
        if module.layer is not None:
            place = _list_of_layers(module)
            counts[place] = max(counts.get(place, 0), module.layer + 1)
    return {module.name: _facts(module, counts) for module in model.modules}


def _facts(module: ModuleInfo, counts: Mapping[str, int]) -> ModuleFacts:
    values: dict[str, int] = {}
    reasons: dict[str, str] = {}
    layers = ("layer_index", "num_layers")
    if module.layer is None:
        reason = f"there is no number in the name `{module.name}`"
        reasons |= dict.fromkeys(layers, reason)
    else:
        found = (module.layer, counts[_list_of_layers(module)])
        values |= dict(zip(layers, found, strict=True))
    heads = ("num_heads", "num_kv_heads", "head_dim")
    if module.heads is None:
        reason = f"neither `{module.name}` nor a module above it says how many heads it has"
        reasons |= dict.fromkeys(heads, reason)
    else:
        values |= dict(zip(heads, module.heads, strict=True))
    return ModuleFacts(values=values, reasons=reasons)


def _list_of_layers(module: ModuleInfo) -> str:
    """The dotted name before its first number."""
    parts = module.name.split(".")
    first = next(place for place, part in enumerate(parts) if part.isdigit())
    return ".".join(parts[:first])
