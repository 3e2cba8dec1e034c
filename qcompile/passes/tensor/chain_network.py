"""Builds one tensor network from a chain of linear nodes.

A value between two nodes of the chain is an `_Edge`: its labels, and the tensors whose axis
carries it. An MPO or a sequence of tensor gates reads its operand as several modes; an edge that
is still one label is then split, and every tensor on it is zero-padded to the product of the modes
and reshaped. An edge that is split already can only be read with the same modes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import assert_never

from qcompile.ir.network import (
    BATCH,
    DataOperand,
    FrameOperand,
    NetworkNode,
    NetworkOperand,
    TensorOperand,
    View,
)
from qcompile.ir.nodes import MultiplyNode, ScaleNode, VectorNode
from qcompile.ir.orthogonal import OrthogonalFrame, UnitaryNode
from qcompile.ir.program import LinearNode, MpoNode, TensorGatesNode
from qcompile.ir.tensor import TensorSpec

ChainNode = LinearNode | MpoNode | UnitaryNode | TensorGatesNode | ScaleNode | MultiplyNode


class EdgeMismatch(Exception):
    """A node reads a value in modes in which the network does not hold it."""


@dataclass(slots=True)
class _Axis:
    """An axis of a tensor: its extent after padding, its modes and their labels."""

    padded: int
    modes: tuple[int, ...]
    labels: tuple[int, ...]


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
    axes: list[_Axis]


@dataclass(slots=True)
class _Edge:
    width: int
    axes: list[_Axis]
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
        axis = self._axis(width)
        self.operands.append(_Operand(source=_Data(node), axes=[axis]))
        self.edge = _Edge(width=width, axes=[axis], clean=True)

    def start_vector(self, tensor: int, width: int) -> None:
        """The chain's operand is a trainable vector."""
        axis = self._axis(width)
        self.operands.append(_Operand(source=_Tensor(tensor), axes=[axis]))
        self.edge = _Edge(width=width, axes=[axis], clean=True)

    def append(self, node: ChainNode, factors: tuple[VectorNode, ...] = ()) -> None:
        """Apply `node`; `factors` are the vectors that a MultiplyNode multiplies by.

        Raises:
            EdgeMismatch: nothing was changed; start a new network here.
        """
        match node:
            case ScaleNode(factor=factor):
                self.factor *= factor
            case MultiplyNode():
                for vector in factors:
                    self._multiply(vector)
            case LinearNode(tensor=tensor, width=width):
                self._linear(tensor, width)
            case MpoNode():
                self._mpo(node)
            case UnitaryNode():
                self._unitary(node)
            case TensorGatesNode():
                self._tensor_gates(node)
            case _:
                assert_never(node)

    def node(self) -> NetworkNode:
        """The finished network."""
        return NetworkNode(
            operands=tuple(_finished(operand) for operand in self.operands),
            output=self.edge.labels,
            sizes=tuple(sorted(self.sizes.items())),
            factor=self.factor,
            width=self.edge.width,
        )

    def _label(self, extent: int) -> int:
        self.last_label += 1
        self.sizes[self.last_label] = extent
        return self.last_label

    def _axis(self, extent: int) -> _Axis:
        return _Axis(padded=extent, modes=(extent,), labels=(self._label(extent),))

    def _reading_axis(self) -> _Axis:
        """An axis of a new tensor that is contracted with the edge."""
        axis = _Axis(
            padded=math.prod(self.edge.modes), modes=self.edge.modes, labels=self.edge.labels
        )
        self.edge.axes.append(axis)
        return axis

    def _multiply(self, vector: VectorNode) -> None:
        if vector.width == self.edge.width:
            axes = [self._reading_axis()]
            self.edge.clean = True
        else:
            axes = [_Axis(padded=1, modes=(), labels=())]
        self.operands.append(_Operand(source=_Tensor(vector.tensor), axes=axes))

    def _linear(self, tensor: int, width: int) -> None:
        columns = self._reading_axis()
        rows = self._axis(width)
        self.operands.append(_Operand(source=_Tensor(tensor), axes=[rows, columns]))
        self.edge = _Edge(width=width, axes=[rows], clean=True)

    def _unitary(self, node: UnitaryNode) -> None:
        """The wide side of the matrix is all of it; the narrow side is its first columns."""
        entering = self.edge.width
        columns = self._reading_axis()
        rows = self._axis(node.width)
        widens = node.width >= entering
        frame = OrthogonalFrame(
            orthogonal=node.orthogonal,
            angles=node.angles,
            adjoint=node.adjoint if widens else not node.adjoint,
            columns=min(entering, node.width),
        )
        axes = [rows, columns] if widens else [columns, rows]
        self.operands.append(_Operand(source=frame, axes=axes))
        self.edge = _Edge(width=node.width, axes=[rows], clean=True)

    def _mpo(self, node: MpoNode) -> None:
        labels = self._split(node.in_modes)
        outputs = tuple(self._label(extent) for extent in node.out_modes)
        bonds = tuple(self._label(extent) for extent in node.bonds)
        last = len(node.cores) - 1
        for site, core in enumerate(node.cores):
            left, out, inp, right = self.tensors[core].shape
            axes = [
                _bond(left, bonds[site - 1] if site > 0 else None),
                _Axis(padded=out, modes=(out,), labels=(outputs[site],)),
                _Axis(padded=inp, modes=(inp,), labels=(labels[site],)),
                _bond(right, bonds[site] if site < last else None),
            ]
            self.operands.append(_Operand(source=_Tensor(core), axes=axes))
        carrier = _Axis(padded=math.prod(node.out_modes), modes=node.out_modes, labels=outputs)
        self.edge = _Edge(width=node.width, axes=[carrier], clean=carrier.padded == node.width)

    def _tensor_gates(self, node: TensorGatesNode) -> None:
        """Each gate takes the labels of its two axes and gives them new ones."""
        modes, current = node.modes, list(self._split(node.modes))
        for gate, (i, j) in zip(node.gates, node.pairs, strict=True):
            extents = (modes[i], modes[j])
            taken = (current[i], current[j])
            current[i], current[j] = (self._label(extent) for extent in extents)
            side = math.prod(extents)
            rows = _Axis(padded=side, modes=extents, labels=(current[i], current[j]))
            columns = _Axis(padded=side, modes=extents, labels=taken)
            self.operands.append(_Operand(source=_Tensor(gate), axes=[rows, columns]))
        carrier = _Axis(padded=math.prod(modes), modes=modes, labels=tuple(current))
        self.edge = _Edge(width=node.width, axes=[carrier], clean=carrier.padded == node.width)

    def _split(self, modes: tuple[int, ...]) -> tuple[int, ...]:
        """Hold the edge in `modes`; returns its labels."""
        edge = self.edge
        if edge.modes == modes:
            if not edge.clean:
                raise EdgeMismatch
            return edge.labels
        if len(edge.modes) != 1 or edge.modes[0] != edge.width or not edge.clean:
            raise EdgeMismatch
        (old,) = edge.labels
        del self.sizes[old]
        labels = tuple(self._label(extent) for extent in modes)
        for axis in edge.axes:
            axis.padded, axis.modes, axis.labels = math.prod(modes), modes, labels
        return labels


def _bond(extent: int, label: int | None) -> _Axis:
    if label is None:
        return _Axis(padded=extent, modes=(), labels=())
    return _Axis(padded=extent, modes=(extent,), labels=(label,))


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
