"""Multilinear regions as tensor networks with the batch index in them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

from qcompile.ir.node import Dependence, PlanNode, ProgramNode, of_product
from qcompile.ir.orthogonal import OrthogonalFrame

BATCH = 0
"""The label of the batch index (all leading axes of a value, flattened)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """How a tensor with `shape` axes enters a network: zero-pad each axis, then reshape.

    `padded[k]` ≥ the k-th extent; `modes` is the shape after reshaping, one label each.
    For a data operand the batch axis is not part of the view and comes first.
    """

    padded: tuple[int, ...]
    modes: tuple[int, ...]
    labels: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorOperand:
    """A trainable tensor in a network."""

    tensor: int
    view: View


@dataclass(frozen=True, slots=True, kw_only=True)
class DataOperand:
    """The value of an earlier node in a network; carries the batch label in front."""

    node: int
    view: View


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameOperand:
    """Columns of an orthogonal matrix, (size, columns), built once a call from trainable angles."""

    frame: OrthogonalFrame
    view: View


NetworkOperand = TensorOperand | DataOperand | FrameOperand


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkNode(ProgramNode):
    """factor · the contraction of `operands` over all labels but the batch and `output`.

    The result's modes, in the order of `output`, are reshaped to one axis and cut to `width`.
    """

    FAMILY = "network"

    operands: tuple[NetworkOperand, ...]
    output: tuple[int, ...]
    sizes: tuple[tuple[int, int], ...]
    """(label, extent), sorted, without the batch."""
    factor: float
    width: int

    @property
    def inputs(self) -> tuple[int, ...]:
        return tuple(o.node for o in self.operands if isinstance(o, DataOperand))

    @property
    def tensors(self) -> tuple[int, ...]:
        return tuple(_tensors(self.operands))

    def reading(self, new: Callable[[int], int]) -> Self:
        operands = (
            replace(o, node=new(o.node)) if isinstance(o, DataOperand) else o for o in self.operands
        )
        return replace(self, operands=tuple(operands))

    def holding(self, new: Mapping[int, int]) -> Self:
        return replace(self, operands=tuple(_rereading(o, new) for o in self.operands))

    def dependence(self, parts: Sequence[Dependence]) -> Dependence:
        return of_product(parts)

    @property
    def label(self) -> str:
        return f"network of {len(self.operands)}"


def _tensors(operands: tuple[NetworkOperand, ...]) -> Iterator[int]:
    for operand in operands:
        match operand:
            case TensorOperand(tensor=tensor):
                yield tensor
            case FrameOperand(frame=OrthogonalFrame(angles=int(angles))):
                yield angles


def _rereading(operand: NetworkOperand, new: Mapping[int, int]) -> NetworkOperand:
    match operand:
        case TensorOperand(tensor=tensor):
            return replace(operand, tensor=new[tensor])
        case FrameOperand(frame=OrthogonalFrame(angles=int(angles)) as frame):
            return replace(operand, frame=replace(frame, angles=new[angles]))
        case _:
            return operand


def frames_of(network: NetworkNode) -> tuple[OrthogonalFrame, ...]:
    """The columns of orthogonal matrices among the operands, each once."""
    found = (o.frame for o in network.operands if isinstance(o, FrameOperand))
    return tuple(dict.fromkeys(found))


@dataclass(frozen=True, slots=True, kw_only=True)
class PairContraction:
    """Contract the tensors at positions `left` and `right` of the working list (both are removed,
    the result is appended). `right` None: a single-tensor step (sums and transposes)."""

    left: int
    right: int | None
    equation: str
    """torch.einsum's; one letter a label."""
    batched: bool
    """The result depends on data. Steps that do not are done once per call, not once per token."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractionNode(PlanNode):
    """A NetworkNode with its frozen path."""

    FAMILY = "network"

    network: NetworkNode
    steps: tuple[PairContraction, ...]
    flops_per_token: float
    """Forward, of the steps that touch data; multiply-add counts as 2."""
    flops_hoisted: float
    """Forward, of the steps done once per call."""
    activations_per_token: int
    """Elements of intermediates that touch data, saved for backward."""

    @property
    def width(self) -> int:
        return self.network.width

    @property
    def inputs(self) -> tuple[int, ...]:
        return self.network.inputs

    @property
    def tensors(self) -> tuple[int, ...]:
        return self.network.tensors

    def dependence(self, parts: Sequence[Dependence]) -> Dependence:
        return of_product(parts)

    @property
    def label(self) -> str:
        return f"contraction of {len(self.network.operands)}"
