"""The classical control of a circuit: a map with as many parameters, inputs and outputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qcompile.diagnostics.messages.lowering import SharedControlsDiffer
from qcompile.diagnostics.source import Span
from qcompile.ir.circuit import AmplitudeState, Circuit
from qcompile.ir.initialisation import KAIMING_UNIFORM, NORMAL, ZERO, Init
from qcompile.ir.ops.arithmetic import AddNode, MultiplyNode, ShiftNode
from qcompile.ir.ops.circuit_data import FoldNode, NormaliseNode
from qcompile.ir.ops.elementwise import ActivationNode
from qcompile.ir.ops.linear import BiasNode, LinearNode
from qcompile.ir.ops.tables import VectorNode
from qcompile.ir.ops.widths import ConcatNode, ZeroNode
from qcompile.ir.tensor import TensorSpec
from qcompile.passes.lowering.control_shape import ControlShape, control_shape
from qcompile.passes.lowering.graph import Graph


@dataclass(frozen=True, slots=True, kw_only=True)
class Replaced:
    """What a control stands in for."""

    data: tuple[int, ...]
    """Nodes that hold the data, side by side."""
    outputs: int
    parameters: int
    latent: int
    """Elements of the latent vector where there are no data."""
    name: str
    """Prefix of the tensors' names."""
    share: str | None
    span: Span | None


def circuit_data(circuit: Circuit, inputs: tuple[int, ...], graph: Graph) -> tuple[int, ...]:
    """The data as the control reads them: amplitudes divided by their root mean square.

    Amplitude encoding divides by the norm, to which the circuit is blind; so the control is, too.
    Data that are angles as well stay beside them as they are.
    """
    initial = circuit.initial
    if not isinstance(initial, AmplitudeState):
        return inputs
    amplitudes = range(initial.offset, initial.offset + initial.width)
    as_angles = any(
        index in amplitudes for gate in circuit.gates for a in gate.angles for index, _ in a.data
    )
    found: list[int] = []
    offset = 0
    for index in inputs:
        width = graph.width(index)
        if offset == initial.offset:
            found.append(graph.append(NormaliseNode(operand=index, width=width), None))
        if offset != initial.offset or as_angles:
            found.append(index)
        offset += width
    return tuple(found)


def lower_control(replaced: Replaced, graph: Graph) -> int:
    """Index of the node that holds the control's outputs."""
    shape = control_shape(
        data=sum(graph.width(index) for index in replaced.data),
        outputs=replaced.outputs,
        parameters=replaced.parameters,
        latent=replaced.latent,
    )
    return _Control(replaced, graph).run(shape)


class _Control:
    def __init__(self, replaced: Replaced, graph: Graph) -> None:
        self.replaced = replaced
        self.graph = graph
        self.span = replaced.span

    def run(self, shape: ControlShape) -> int:
        self._check_share(shape)
        value = self._start(shape)
        if shape.folded is not None:
            value = self.graph.append(FoldNode(operand=value, width=shape.folded), self.span)
        if not shape.parameters:
            return self._activated(value, "cos")
        value = self._gained(value, shape.gains)
        if not shape.dense:
            return self._activated(self._biased(value, "bias", shape.biases[0]), "silu")
        for number, ((inputs, outputs), bias) in enumerate(
            zip(shape.dense, shape.biases, strict=True), 1
        ):
            weight = self._tensor(f"layer{number}.weight", (outputs, inputs), KAIMING_UNIFORM)
            linear = LinearNode(operand=value, tensor=weight, width=outputs)
            value = self.graph.append(linear, self.span)
            value = self._activated(self._biased(value, f"layer{number}.bias", bias), "silu")
        return value

    def _check_share(self, shape: ControlShape) -> None:
        key = self.replaced.share
        if key is None:
            return
        first, place = self.graph.controls.setdefault(key, (shape, self.span))
        if first != shape:
            self.graph.refuse(
                SharedControlsDiffer(
                    key=key, other=None if place == self.span else place, span=self.span
                )
            )

    def _start(self, shape: ControlShape) -> int:
        data = self.replaced.data
        if shape.latent:
            tensor = self._tensor("latent", (shape.latent,), NORMAL)
            return self.graph.append(VectorNode(tensor=tensor, width=shape.latent), self.span)
        if not data:
            return self.graph.append(ZeroNode(width=shape.outputs), self.span)
        return data[0] if len(data) == 1 else self._side_by_side(data)

    def _gained(self, value: int, count: int) -> int:
        """The first elements times 1 + g."""
        if not count:
            return value
        width = self.graph.width(value)
        gains = self._padded(self._tensor("gain", (count,), ZERO), count, width)
        factors = self.graph.append(ShiftNode(operand=gains, offset=1.0, width=width), self.span)
        product = MultiplyNode(operands=(value, factors), width=width)
        return self.graph.append(product, self.span)

    def _biased(self, value: int, name: str, count: int) -> int:
        """The first elements plus b."""
        if not count:
            return value
        width = self.graph.width(value)
        tensor = self._tensor(name, (count,), ZERO)
        if count == width:
            return self.graph.append(BiasNode(operand=value, tensor=tensor, width=width), self.span)
        summand = self._padded(tensor, count, width)
        return self.graph.append(AddNode(operands=(value, summand), width=width), self.span)

    def _padded(self, tensor: int, count: int, width: int) -> int:
        """A trainable vector and zeros behind it."""
        vector = self.graph.append(VectorNode(tensor=tensor, width=count), self.span)
        if count == width:
            return vector
        zeros = self.graph.append(ZeroNode(width=width - count), self.span)
        return self._side_by_side((vector, zeros))

    def _side_by_side(self, parts: Sequence[int]) -> int:
        width = sum(self.graph.width(part) for part in parts)
        return self.graph.append(ConcatNode(operands=tuple(parts), width=width), self.span)

    def _activated(self, value: int, kind: str) -> int:
        width = self.graph.width(value)
        return self.graph.append(ActivationNode(operand=value, kind=kind, width=width), self.span)

    def _tensor(self, name: str, shape: tuple[int, ...], init: Init) -> int:
        share = self.replaced.share
        return self.graph.layout.add(
            TensorSpec(
                name=f"{self.replaced.name}.{name}",
                shape=shape,
                init=init,
                share=None if share is None else f"{share}.{name}",
            ),
            self.span,
        )
