"""The plain nodes: sums, products, activations and plumbing.

Values are (B, width) for tokens, (rows, width) for tables, (width,) where there is one for all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add, mul
from typing import assert_never

import torch
from torch import Tensor

from qcompile.backends.simulator.cayley import cayley, places, rotate
from qcompile.executors.constants import Constants, ConstantTensor
from qcompile.ir.nodes import (
    ActivationNode,
    AddNode,
    ApplyNode,
    BiasNode,
    BitsNode,
    CayleyNode,
    ConcatNode,
    DropoutNode,
    FlatNode,
    FoldNode,
    InputNode,
    MultiplyNode,
    NormaliseNode,
    NormNode,
    OutputNode,
    PairProductNode,
    PlainNode,
    RowsNode,
    ScaleNode,
    ShiftNode,
    SliceNode,
    TableNode,
    VectorNode,
    ZeroNode,
)
from qcompile.ir.spec import ActivationKind


@dataclass(slots=True)
class CallFrame:
    """What the nodes of one call see."""

    x: Tensor
    """(B, in_features), compute dtype."""
    tensors: list[Tensor]
    """In the order of the layout, compute dtype."""
    values: list[Tensor]
    """Of the nodes so far."""
    training: bool
    y: Tensor | None = None
    """(B, out_features), compute dtype, where the plan reads it."""


NodeStep = Callable[[CallFrame], Tensor]


@dataclass(frozen=True)
class Reshape:
    """A value in another shape."""

    shape: tuple[int, ...]

    def __call__(self, value: Tensor) -> Tensor:
        return value.reshape(self.shape)


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


def step(value: Tensor) -> Tensor:
    """1 where positive, else 0, but NaN stays; zero gradient."""
    value = value.detach()
    return torch.where(value.isnan(), value, (value > 0).to(value.dtype))


def activation(kind: ActivationKind) -> Callable[[Tensor], Tensor]:
    functions: dict[ActivationKind, Callable[[Tensor], Tensor]] = {
        "relu": torch.relu,
        "gelu": torch.nn.functional.gelu,
        "silu": torch.nn.functional.silu,
        "tanh": torch.tanh,
        "sigmoid": torch.sigmoid,
        "sin": torch.sin,
        "cos": torch.cos,
        "exp": torch.exp,
        "softplus": torch.nn.functional.softplus,
        "abs": torch.abs,
        "square": torch.square,
        "step": step,
    }
    return functions[kind]


@dataclass(frozen=True, kw_only=True)
class FoldStep:
    """Sum or product of several values; a width of 1 broadcasts."""

    operands: tuple[int, ...]
    operator: Callable[[Tensor, Tensor], Tensor]
    width: int

    def __call__(self, frame: CallFrame) -> Tensor:
        result = reduce(self.operator, [frame.values[index] for index in self.operands])
        if result.shape[-1] == self.width:
            return result
        return result.expand(*result.shape[:-1], self.width)


@dataclass(frozen=True, kw_only=True)
class ConcatStep:
    """Along the last axis."""

    operands: tuple[int, ...]

    def __call__(self, frame: CallFrame) -> Tensor:
        return concatenate([frame.values[index] for index in self.operands])


def concatenate(values: Sequence[Tensor]) -> Tensor:
    """(B, Σ widths), or (Σ widths,) where no value has a leading axis."""
    if len(values) == 1:
        return values[0]
    return torch.cat(aligned(values), -1)


def aligned(values: Sequence[Tensor]) -> list[Tensor]:
    """The values with a leading axis where any of them has one."""
    batch = next((value.shape[0] for value in values if value.dim() == 2), None)
    if batch is None:
        return list(values)
    return [value.expand(batch, -1) if value.dim() == 1 else value for value in values]


@dataclass(frozen=True, kw_only=True)
class DropoutStep:
    """Active in training mode; draws from torch's generator as `nn.Dropout` does."""

    operand: int
    probability: float

    def __call__(self, frame: CallFrame) -> Tensor:
        value = frame.values[self.operand]
        return torch.nn.functional.dropout(value, self.probability, frame.training)


@dataclass(frozen=True, kw_only=True)
class PairProductStep:
    """a_i · a_j for each pair."""

    operand: int
    left: ConstantTensor
    right: ConstantTensor

    def __call__(self, frame: CallFrame) -> Tensor:
        value = frame.values[self.operand]
        first = value.index_select(-1, self.left.on(value))
        return first * value.index_select(-1, self.right.on(value))


@dataclass(frozen=True, kw_only=True)
class FoldingStep:
    """Chunks of `width` elements, the last one padded, added up; a narrower value is repeated."""

    operand: int
    width: int
    scales: ConstantTensor
    """(width,): 1 / √(number of summands)."""

    def __call__(self, frame: CallFrame) -> Tensor:
        value = frame.values[self.operand]
        size = value.shape[-1]
        if size < self.width:
            times = (1,) * (value.dim() - 1) + (-(-self.width // size),)
            return value.repeat(times)[..., : self.width]
        padded = torch.nn.functional.pad(value, (0, -size % self.width))
        chunks = padded.reshape(*value.shape[:-1], -(-size // self.width), self.width)
        return chunks.sum(-2) * self.scales.like(value)


@dataclass(frozen=True, kw_only=True)
class MapStep:
    """A function of one value."""

    operand: int
    function: Callable[[Tensor], Tensor]

    def __call__(self, frame: CallFrame) -> Tensor:
        return self.function(frame.values[self.operand])


@dataclass(frozen=True, kw_only=True)
class ScaleStep:
    """factor · a + offset."""

    operand: int
    factor: float = 1.0
    offset: float = 0.0

    def __call__(self, frame: CallFrame) -> Tensor:
        value = frame.values[self.operand]
        if self.factor != 1.0:
            value = self.factor * value
        return value + self.offset if self.offset else value


@dataclass(frozen=True, kw_only=True)
class SliceStep:
    """a[…, start : stop]."""

    operand: int
    start: int
    stop: int

    def __call__(self, frame: CallFrame) -> Tensor:
        return frame.values[self.operand][..., self.start : self.stop]


@dataclass(frozen=True, kw_only=True)
class BiasStep:
    """a + tensor."""

    operand: int
    tensor: int

    def __call__(self, frame: CallFrame) -> Tensor:
        return frame.values[self.operand] + frame.tensors[self.tensor]


@dataclass(frozen=True, kw_only=True)
class CayleyStep:
    """An orthogonal matrix on every block."""

    operand: int
    tensor: int
    block: int
    places: ConstantTensor

    def __call__(self, frame: CallFrame) -> Tensor:
        skew = frame.tensors[self.tensor]
        matrices = cayley(skew, self.places.on(skew), self.block)
        return rotate(frame.values[self.operand], matrices)


@dataclass(frozen=True, kw_only=True)
class BitsStep:
    """All binary numbers."""

    table: ConstantTensor

    def __call__(self, frame: CallFrame) -> Tensor:
        return self.table.like(frame.x)


@dataclass(frozen=True, kw_only=True)
class ApplyStep:
    """W a, W being a value."""

    operand: int
    weight: int
    width: int

    def __call__(self, frame: CallFrame) -> Tensor:
        weight = frame.values[self.weight].reshape(self.width, -1)
        return torch.nn.functional.linear(frame.values[self.operand], weight)


@dataclass(frozen=True, kw_only=True)
class TensorStep:
    """A trainable vector or table."""

    tensor: int

    def __call__(self, frame: CallFrame) -> Tensor:
        return frame.tensors[self.tensor]


@dataclass(frozen=True, kw_only=True)
class ZeroStep:
    """Exact zeros."""

    width: int

    def __call__(self, frame: CallFrame) -> Tensor:
        return torch.zeros(self.width, dtype=frame.x.dtype, device=frame.x.device)


@dataclass(frozen=True, kw_only=True)
class InputStep:
    """x."""

    def __call__(self, frame: CallFrame) -> Tensor:
        return frame.x


@dataclass(frozen=True, kw_only=True)
class OutputStep:
    """y."""

    def __call__(self, frame: CallFrame) -> Tensor:
        assert frame.y is not None
        return frame.y


def plain_step(node: PlainNode, widths: Sequence[int], constants: Constants) -> NodeStep:
    """What a node does; `widths` are those of all nodes before it."""
    match node:
        case InputNode():
            return InputStep()
        case OutputNode():
            return OutputStep()
        case VectorNode() | TableNode():
            return TensorStep(tensor=node.tensor)
        case BitsNode(width=width):
            digits = torch.arange(node.rows).unsqueeze(1) >> torch.arange(width).flip(0)
            return BitsStep(table=constants.real((digits % 2).to(torch.float64)))
        case RowsNode(rows=rows):
            return MapStep(operand=node.operand, function=Reshape((rows, node.width)))
        case FlatNode():
            return MapStep(operand=node.operand, function=Reshape((-1,)))
        case ApplyNode():
            return ApplyStep(operand=node.operand, weight=node.weight, width=node.width)
        case ZeroNode():
            return ZeroStep(width=node.width)
        case AddNode():
            return FoldStep(operands=node.operands, operator=add, width=node.width)
        case MultiplyNode():
            return FoldStep(operands=node.operands, operator=mul, width=node.width)
        case ScaleNode():
            return ScaleStep(operand=node.operand, factor=node.factor)
        case ShiftNode():
            return ScaleStep(operand=node.operand, offset=node.offset)
        case BiasNode():
            return BiasStep(operand=node.operand, tensor=node.tensor)
        case CayleyNode():
            return CayleyStep(
                operand=node.operand,
                tensor=node.tensor,
                block=node.block,
                places=constants.index(places(node.block)),
            )
        case ConcatNode():
            return ConcatStep(operands=node.operands)
        case SliceNode():
            stop = node.start + node.width
            return SliceStep(operand=node.operand, start=node.start, stop=stop)
        case ActivationNode():
            return MapStep(operand=node.operand, function=activation(node.kind))
        case DropoutNode():
            return DropoutStep(operand=node.operand, probability=node.probability)
        case NormNode():
            return MapStep(operand=node.operand, function=norm)
        case PairProductNode():
            return PairProductStep(
                operand=node.operand,
                left=constants.index([i for i, _ in node.pairs]),
                right=constants.index([j for _, j in node.pairs]),
            )
        case FoldNode(width=width):
            counts = [-(-(widths[node.operand] - j) // width) for j in range(width)]
            scales = torch.tensor([max(n, 1) ** -0.5 for n in counts], dtype=torch.float64)
            return FoldingStep(operand=node.operand, width=width, scales=constants.real(scales))
        case NormaliseNode():
            return MapStep(operand=node.operand, function=normalise)
        case _:
            assert_never(node)
