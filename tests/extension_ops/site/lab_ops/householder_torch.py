"""The torch of reflections."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from lab_ops.householder import HouseholderNode
from qcompile.backends.simulator.steps import NodeFunctions, StepContext


def reflect(value: Tensor, vectors: Tensor) -> Tensor:
    """(…, width) and (count, width) → (…, width)."""
    for vector in vectors.unbind():
        along = (value @ vector).unsqueeze(-1) / vector.square().sum()
        value = value - 2.0 * along * vector
    return value


def reflections(node: HouseholderNode, context: StepContext) -> Callable[[Tensor, Tensor], Tensor]:
    return reflect


FUNCTIONS: NodeFunctions = {HouseholderNode: reflections}
