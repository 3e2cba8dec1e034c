"""The torch of what circuits and their controls make of their data."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from qcompile.backends.simulator.groups import for_each_part
from qcompile.backends.simulator.steps import NodeFunctions, StepContext
from qcompile.executors.constants import ConstantTensor
from qcompile.ir.ops.circuit_data import FoldNode, NormaliseNode, NormNode, PairProductNode


def norm(value: Tensor) -> Tensor:
    """Along the last axis, kept; the gradient at 0 is 0."""
    squares = value.square().sum(-1, keepdim=True)
    empty = squares == 0
    return torch.where(empty, 0, torch.where(empty, 1, squares).sqrt())


def normalise(value: Tensor) -> Tensor:
    """Divided by the root mean square along the last axis; 0, with gradient 0, for 0."""
    if value.numel() == 0:
        return value
    # The squares of tiny and huge values leave the range of float32.
    largest = value.detach().abs().amax(-1, keepdim=True)
    empty = largest == 0
    value = value / torch.where(empty, 1, largest)
    squares = value.square().mean(-1, keepdim=True)
    return torch.where(empty, 0, value * torch.where(empty, 1, squares).rsqrt())


@dataclass(frozen=True)
class PairProducts:
    """a_i · a_j for each pair."""

    left: ConstantTensor
    right: ConstantTensor

    def __call__(self, value: Tensor) -> Tensor:
        first = value.index_select(-1, self.left.on(value))
        return first * value.index_select(-1, self.right.on(value))


@dataclass(frozen=True)
class Fold:
    """Chunks of `width` elements, the last one padded, added up; a narrower value is repeated."""

    width: int
    scales: ConstantTensor
    """(width,): 1 / √(number of summands)."""

    def __call__(self, value: Tensor) -> Tensor:
        size = value.shape[-1]
        if size < self.width:
            times = (1,) * (value.dim() - 1) + (-(-self.width // size),)
            return value.repeat(times)[..., : self.width]
        padded = torch.nn.functional.pad(value, (0, -size % self.width))
        chunks = padded.reshape(*value.shape[:-1], -(-size // self.width), self.width)
        return chunks.sum(-2) * self.scales.like(value)


def pair_products(node: PairProductNode, context: StepContext) -> PairProducts:
    return PairProducts(
        left=context.constants.index([i for i, _ in node.pairs]),
        right=context.constants.index([j for _, j in node.pairs]),
    )


def folded(node: FoldNode, context: StepContext) -> Fold:
    (size,), width = context.widths, node.width
    counts = [-(-(size - j) // width) for j in range(width)]
    scales = torch.tensor([max(n, 1) ** -0.5 for n in counts], dtype=torch.float64)
    return Fold(width, context.constants.real(scales))


FUNCTIONS: NodeFunctions = {
    NormNode: lambda node, _: for_each_part(norm, node.width),
    NormaliseNode: lambda *_: normalise,
    PairProductNode: pair_products,
    FoldNode: folded,
}
