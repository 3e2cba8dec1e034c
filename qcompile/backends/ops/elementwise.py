"""The torch of elementwise functions."""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter

import torch
from torch import Tensor

from qcompile.backends.simulator.steps import NodeFunctions
from qcompile.ir.ops.elementwise import ELEMENTWISE, ActivationNode


def step(value: Tensor) -> Tensor:
    """1 where positive, else 0, but NaN stays; zero gradient."""
    value = value.detach()
    return torch.where(value.isnan(), value, (value > 0).to(value.dtype))


def elementwise(name: str) -> Callable[[Tensor], Tensor]:
    """The function of that name."""
    path = ELEMENTWISE[name].torch
    function: Callable[[Tensor], Tensor] = step if path is None else attrgetter(path)(torch)
    return function


FUNCTIONS: NodeFunctions = {ActivationNode: lambda node, _: elementwise(node.kind)}
