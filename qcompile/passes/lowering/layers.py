"""Gate layers: which gates on which wires with which angles."""

from __future__ import annotations

from functools import cache
from typing import assert_never

from qcompile.diagnostics.messages.expansion import ElementOutOfRange, LayerEmpty
from qcompile.diagnostics.source import Span
from qcompile.ir.circuit import Affine, Gate
from qcompile.ir.decompose import placed
from qcompile.ir.gates import GATES
from qcompile.ir.spec_circuit import (
    AffineAngle,
    BankElement,
    DataElement,
    Fresh,
    GateLayer,
    MatrixLayer,
)
from qcompile.ir.unitaries import one_qubit_gates, real_two_qubit_gates
from qcompile.passes.lowering.data import Raw
from qcompile.passes.lowering.expansion import Expansion
from qcompile.passes.lowering.pairs import resolve_pairs
from qcompile.passes.lowering.sizing import Sizing
from qcompile.passes.lowering.wires import resolve_wires
from qcompile.tket.synthesis import synthesised_gates


def place_layer(expansion: Expansion, layer: GateLayer, sizing: Sizing) -> None:
    """A gate on every chosen wire or pair, with angles of its own or given ones."""
    places = _places(expansion, layer, sizing)
    expansion.reserve(len(places), layer.span)
    count = GATES[layer.gate].angles
    match layer.angles:
        case Fresh(per_gate=True):
            for qubits in places:
                expansion.place(layer.gate, qubits, expansion.angles.fresh(count))
        case Fresh():
            shared = expansion.angles.fresh(count) if places else ()
            for qubits in places:
                expansion.place(layer.gate, qubits, shared)
        case _:
            given = tuple(_affine(expansion, angle, sizing, layer.span) for angle in layer.angles)
            for qubits in places:
                expansion.place(layer.gate, qubits, given)


def place_matrix(expansion: Expansion, layer: MatrixLayer, sizing: Sizing) -> None:
    """The gates that make a matrix, on every chosen wire or pair."""
    places = _places(expansion, layer, sizing)
    steps = layer_gates(layer.entries, real=expansion.real)
    expansion.reserve(len(places) * len(steps), layer.span)
    for qubits in places:
        for step in placed(steps, qubits, ()):
            expansion.place(step.name, step.qubits, step.angles)


@cache
def layer_gates(entries: tuple[tuple[float, float], ...], *, real: bool) -> tuple[Gate, ...]:
    """Gates on qubits 0 and 1 that make a unitary matrix, up to a global phase.

    `real`: the matrix is real, and is made of real gates, its sign included.
    """
    matrix = tuple(complex(*entry) for entry in entries)
    if len(matrix) == 4:
        return one_qubit_gates(matrix)
    return real_two_qubit_gates(matrix) if real else synthesised_gates(matrix)


def _places(
    expansion: Expansion, layer: GateLayer | MatrixLayer, sizing: Sizing
) -> tuple[tuple[int, ...], ...]:
    places: tuple[tuple[int, ...], ...] = ()
    if layer.wires is not None:
        wires = resolve_wires(layer.wires, expansion.qubits, sizing, layer.span)
        places = tuple((wire,) for wire in wires)
    elif layer.pairs is not None:
        places = resolve_pairs(layer.pairs, expansion.qubits, expansion.device, sizing, layer.span)
    if not places:
        expansion.report.add(LayerEmpty(qubits=expansion.qubits, span=layer.span))
    return places


def _affine(expansion: Expansion, angle: AffineAngle, sizing: Sizing, span: Span | None) -> Affine:
    total = Affine(constant=sizing.real(angle.constant, "an angle", span))
    for coefficient, element in angle.terms:
        factor = sizing.real(coefficient, "a factor of an angle", span)
        total = total.plus(_element(expansion, element, sizing, span).times(factor))
    return total


def _element(
    expansion: Expansion, element: DataElement | BankElement, sizing: Sizing, span: Span | None
) -> Affine:
    place = element.span or span
    match element:
        case DataElement(operand=operand):
            size = expansion.data.widths[operand]
            index = _index(expansion, element, "the value", size, sizing, place)
            return Affine(data=((expansion.data.offset(Raw(operand)) + index, 1.0),))
        case BankElement(bank=bank):
            offset, size = expansion.angles.banks[bank]
            what = f"`{expansion.banks[bank].name}`"
            index = _index(expansion, element, what, size, sizing, place)
            return Affine(angles=((offset + index, 1.0),))
        case _:
            assert_never(element)


def _index(
    expansion: Expansion,
    element: DataElement | BankElement,
    what: str,
    size: int,
    sizing: Sizing,
    span: Span | None,
) -> int:
    index = sizing.integer(element.index, "an index", span)
    if not 0 <= index < size:
        where = element.index.span or span
        expansion.report.refuse(ElementOutOfRange(what=what, index=index, size=size, span=where))
    return index
