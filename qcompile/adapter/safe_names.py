"""Names that Python code may say: the graphs of torch.fx write `self.h.weight`."""

from __future__ import annotations

import keyword
from collections.abc import Iterable

import torch
from torch import nn

from qcompile.backends.simulator.module import AdapterModule


def rename_safely(root: nn.Module) -> None:
    """Rename, in place, submodules and parameters that a graph of torch.fx could not name.

    The language lets a value be called `return` or `train`. Such names get a `_` at their end.
    """
    taken = torch.fx.GraphModule(nn.Module(), torch.fx.Graph())
    for module in list(root.modules()):
        renamed = _renaming(module._modules, taken)
        module._modules = {renamed[name]: child for name, child in module._modules.items()}
        if isinstance(module, AdapterModule):
            _rename_parameters(module, taken)


def _rename_parameters(part: AdapterModule, taken: nn.Module) -> None:
    renamed = {}
    for place in {id(place): place for place, _ in part._places}.values():
        names = _renaming(place._parameters, taken)
        place._parameters = {names[name]: value for name, value in place._parameters.items()}
        renamed[id(place)] = names
    part._places = tuple((place, renamed[id(place)][name]) for place, name in part._places)


def _renaming(names: Iterable[str], taken: nn.Module) -> dict[str, str]:
    """Every name → the one that stands for it."""
    result = {name: name for name in names}
    for name in result:
        safe = name
        while keyword.iskeyword(safe) or hasattr(taken, safe) or (safe != name and safe in result):
            safe += "_"
        result[name] = safe
    return result
