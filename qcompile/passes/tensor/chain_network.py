"""Builds one tensor network from a chain of linear nodes.

A value between two nodes of the chain is an `_Edge`: its labels, and the tensors whose axis
carries it. An MPO or a sequence of tensor gates reads its operand as several modes; an edge that
is still one label is then split, and every tensor on it is zero-padded to the product of the modes
and reshaped. An edge that is split already can only be read with the same modes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from qcompile.ir.chain import Axis
from qcompile.ir.network import (
    BATCH,
    DataOperand,
    FrameOperand,
    NetworkNode,
    NetworkOperand,
    TensorOperand,
    View,
)
from qcompile.ir.ops.tables import VectorNode
from qcompile.ir.orthogonal import OrthogonalFrame
from qcompile.ir.tensor import TensorSpec


class EdgeMismatch(Exception):
    """A node reads a value in modes in which the network does not hold it."""


@dataclass(frozen=True, slots=True)
class _Data:
    node: int


@dataclass(frozen=True, slots=True)
class _Tensor:
    index: int


_Source = _Data | _Tensor | OrthogonalFrame


@dataclass(slots=True)
class _Operand:
    source: _Source
    axes: list[Axis]


@dataclass(slots=True)
class _Edge:
    width: int
    axes: list[Axis]
    """The axes that carry the value; all have the same modes and labels."""
    clean: bool
    """Entries beyond `width` are zero."""

    @property
    def modes(self) -> tuple[int, ...]:
        return self.axes[0].modes

    @property
    def labels(self) -> tuple[int, ...]:
        return self.axes[0].labels


@dataclass(slots=True)
class ChainNetwork:
    """A network under construction; append the chain's nodes from the data on."""

    tensors: tuple[TensorSpec, ...]
    operands: list[_Operand] = field(default_factory=list)
    sizes: dict[int, int] = field(default_factory=dict)
    factor: float = 1.0
    last_label: int = BATCH
    edge: _Edge = field(init=False)

    def start_data(self, node: int, width: int) -> None:
        """The chain's operand is the value of `node`."""
        axis = self.axis(width)
        self.operands.append(_Operand(source=_Data(node), axes=[axis]))
        self.edge = _Edge(width=width, axes=[axis], clean=True)

    def start_vector(self, tensor: int, width: int) -> None:
        """The chain's operand is a trainable vector."""
        axis = self.axis(width)
        self.operands.append(_Operand(source=_Tensor(tensor), axes=[axis]))
        self.edge = _Edge(width=width, axes=[axis], clean=True)

    @property
    def width(self) -> int:
        """Of the value in which the network ends so far."""
        return self.edge.width

    def multiply(self, vector: VectorNode) -> None:
        """Multiply by a trainable vector, of the same width or of width 1."""
        if vector.width == self.edge.width:
            axis = self.reading_axis()
            self.edge.clean = True
        else:
            axis = Axis(padded=1, modes=(), labels=())
        self.place(vector.tensor, axis)

    def node(self) -> NetworkNode:
        """The finished network."""
        return NetworkNode(
            operands=tuple(_finished(operand) for operand in self.operands),
            output=self.edge.labels,
            sizes=tuple(sorted(self.sizes.items())),
            factor=self.factor,
            width=self.edge.width,
        )

    def label(self, extent: int) -> int:
        """A new label."""
        self.last_label += 1
        self.sizes[self.last_label] = extent
        return self.last_label

    def axis(self, extent: int) -> Axis:
        """An axis with a new label."""
        return Axis(padded=extent, modes=(extent,), labels=(self.label(extent),))

    def reading_axis(self) -> Axis:
        """An axis of a new tensor that is contracted with the edge."""
        axis = Axis.of(self.edge.modes, self.edge.labels)
        self.edge.axes.append(axis)
        return axis

    def place(self, source: object, *axes: Axis) -> None:
        """Add a trainable tensor, or columns of an orthogonal matrix, with these axes."""
        if not isinstance(source, OrthogonalFrame):
            assert isinstance(source, int)
            source = _Tensor(source)
        self.operands.append(_Operand(source=source, axes=list(axes)))

    def leave(self, width: int, axis: Axis) -> None:
        """End in `axis`, row-major, cut to `width`."""
        self.edge = _Edge(width=width, axes=[axis], clean=axis.padded == width)

    def split(self, modes: tuple[int, ...]) -> tuple[int, ...]:
        """Hold the edge in `modes`; returns its labels.

        Raises:
            EdgeMismatch: nothing was changed; start a new network here.
        """
        edge = self.edge
        if edge.modes == modes:
            if not edge.clean:
                raise EdgeMismatch
            return edge.labels
        if len(edge.modes) != 1 or edge.modes[0] != edge.width or not edge.clean:
            raise EdgeMismatch
        (old,) = edge.labels
        del self.sizes[old]
        labels = tuple(self.label(extent) for extent in modes)
        for axis in edge.axes:
            axis.padded, axis.modes, axis.labels = math.prod(modes), modes, labels
        return labels


def _finished(operand: _Operand) -> NetworkOperand:
    view = View(
        padded=tuple(axis.padded for axis in operand.axes),
        modes=tuple(mode for axis in operand.axes for mode in axis.modes),
        labels=tuple(label for axis in operand.axes for label in axis.labels),
    )
    match operand.source:
        case _Data(node=node):
            return DataOperand(node=node, view=view)
        case _Tensor(index=tensor):
            return TensorOperand(tensor=tensor, view=view)
        case OrthogonalFrame() as frame:
            return FrameOperand(frame=frame, view=view)
