"""The invariants of a circuit in a Spec."""

from __future__ import annotations

from typing import assert_never

from qcompile.ir.gates import GATES
from qcompile.ir.initialisation import INIT_ARGUMENTS, Init
from qcompile.ir.matrices import EXACT
from qcompile.ir.scalar import MODEL_SIZES, MODULE_FACTS, Scalar, variables
from qcompile.ir.spec_circuit import (
    Bank,
    BankElement,
    Choose,
    CircuitItem,
    DataElement,
    EncodeAmplitude,
    EncodeAngle,
    EncodeBasis,
    EncodeIqp,
    ForEach,
    Fresh,
    GateLayer,
    ListedPairs,
    ListedWires,
    MatrixLayer,
    MeasureBetween,
    Measurement,
    MeasurePaulis,
    Repeat,
    SpecAdjoint,
    SpecCircuit,
    SpecReset,
    WireRange,
    Wires,
)
from qcompile.ir.unitaries import distance, matrix_is_real, nearest_unitary
from qcompile.ir.verification import VerificationError


def verify_spec_circuit(where: str, circuit: SpecCircuit, operands: int) -> None:
    """Check a circuit that is fed with so many data values.

    Raises:
        VerificationError: an operand, bank or variable is unknown, a gate has another number of
            angles or wires than it needs, or nothing is measured.
    """
    walk = _Walk(where, circuit.banks, operands)
    walk.scalar(circuit.qubits, frozenset())
    walk.body(circuit.items, circuit.init)
    walk.measurements(circuit.measurements)


def verify_spec_unitary(
    where: str, banks: tuple[Bank, ...], items: tuple[CircuitItem, ...], init: Init
) -> None:
    """Check the circuit of an orthogonal matrix.

    Raises:
        VerificationError: as above, or a gate is not real, or data are encoded.
    """
    _Walk(where, banks, operands=0, real=True).body(items, init)


class _Walk:
    def __init__(
        self, where: str, banks: tuple[Bank, ...], operands: int, *, real: bool = False
    ) -> None:
        self.where = where
        self.banks = banks
        self.operands = operands
        self.real = real
        self.seen: set[str] = set()

    def body(self, items: tuple[CircuitItem, ...], init: Init) -> None:
        for start in (init, *(bank.init for bank in self.banks if bank.init)):
            wanted = len(INIT_ARGUMENTS[start.kind])
            self.require(len(start.arguments) == wanted, f"{start.kind} lacks arguments")
        for bank in self.banks:
            self.scalar(bank.size, frozenset())
        self.items(items, frozenset(), top=True)

    def measurements(self, measurements: tuple[Measurement, ...]) -> None:
        self.require(bool(measurements), "nothing is measured")
        for measurement in measurements:
            if isinstance(measurement, MeasurePaulis):
                for string in measurement.strings:
                    wires = [wire for wire, _ in string]
                    self.require(bool(wires), "an empty Pauli string")
                    self.require(wires == sorted(set(wires)), "a Pauli string is unsorted")
            else:
                self.wires(measurement.wires, frozenset())

    def require(self, condition: bool, otherwise: str) -> None:
        if not condition:
            raise VerificationError(f"{self.where}: {otherwise}")

    def scalar(self, scalar: Scalar, bound: frozenset[str]) -> None:
        free = variables(scalar) - {*MODEL_SIZES, *MODULE_FACTS} - bound
        self.require(not free, f"unbound {sorted(free)}")

    def operand(self, operand: int) -> None:
        self.require(0 <= operand < self.operands, f"no operand {operand}")

    def wires(self, wires: Wires, bound: frozenset[str]) -> None:
        match wires:
            case ListedWires(wires=listed):
                self.require(bool(listed), "no wires")
                for wire in listed:
                    self.scalar(wire, bound)
            case WireRange(start=start, stop=stop):
                self.scalar(start, bound)
                self.scalar(stop, bound)

    def items(
        self,
        items: tuple[CircuitItem, ...],
        bound: frozenset[str],
        *,
        top: bool = False,
        undone: bool = False,
    ) -> None:
        for position, item in enumerate(items):
            match item:
                case GateLayer():
                    self.gate(item, bound)
                case MatrixLayer():
                    self.matrix(item)
                    self.places(item, len(item.entries) == 4, bound)
                case EncodeAngle():
                    self.operand(item.operand)
                    self.scalar(item.scale, bound)
                    self.wires(item.wires, bound)
                    self.require(GATES[item.gate].angles == 1, f"{item.gate} cannot encode")
                case EncodeAmplitude():
                    self.operand(item.operand)
                    self.require(top and position == 0, "amplitude encoding is not first")
                case EncodeBasis():
                    self.operand(item.operand)
                    self.wires(item.wires, bound)
                case EncodeIqp():
                    self.operand(item.operand)
                case Repeat():
                    self.scalar(item.count, bound)
                    self.items(item.items, bound, undone=undone)
                case ForEach():
                    self.scalar(item.start, bound)
                    self.scalar(item.stop, bound)
                    self.require(item.variable not in self.seen, f"{item.variable} is bound twice")
                    self.seen.add(item.variable)
                    self.items(item.items, bound | {item.variable}, undone=undone)
                case SpecAdjoint():
                    self.items(item.items, bound, undone=True)
                case SpecReset():
                    self.require(not undone and not self.real, "a reset is undone, or is no matrix")
                    self.wires(item.wires, bound)
                case MeasureBetween():
                    self.require(top and not self.real, "a measurement is not at the top")
                    self.measurements((item.measurement,))
                case Choose():
                    self.scalar(item.condition, bound)
                    self.items(item.items, bound, undone=undone)
                    self.items(item.otherwise, bound, undone=undone)
                case _:
                    assert_never(item)

    def matrix(self, layer: MatrixLayer) -> None:
        self.require(len(layer.entries) in (4, 16), f"{layer.gate}: rows and columns")
        matrix = tuple(complex(*entry) for entry in layer.entries)
        nearest = nearest_unitary(matrix)
        unitary = nearest is not None and distance(matrix, nearest) < EXACT
        self.require(unitary, f"{layer.gate} is not unitary")
        self.require(matrix_is_real(matrix) or not self.real, f"{layer.gate} is not real")

    def places(self, layer: GateLayer | MatrixLayer, one: bool, bound: frozenset[str]) -> None:
        if one:
            self.require(layer.wires is not None and layer.pairs is None, f"{layer.gate}: wires")
        else:
            self.require(layer.wires is None and layer.pairs is not None, f"{layer.gate}: pairs")
        if layer.wires is not None:
            self.wires(layer.wires, bound)
        if isinstance(layer.pairs, ListedPairs):
            for pair in layer.pairs.pairs:
                for wire in pair:
                    self.scalar(wire, bound)

    def gate(self, layer: GateLayer, bound: frozenset[str]) -> None:
        kind = GATES[layer.gate]
        self.require(kind.real or not self.real, f"{layer.gate} is not real")
        self.places(layer, kind.qubits == 1, bound)
        if isinstance(layer.angles, Fresh):
            self.require(kind.angles > 0, f"{layer.gate} has no angles")
            return
        self.require(len(layer.angles) == kind.angles, f"{layer.gate}: {kind.angles} angles")
        for angle in layer.angles:
            self.scalar(angle.constant, bound)
            for coefficient, element in angle.terms:
                self.scalar(coefficient, bound)
                self.scalar(element.index, bound)
                match element:
                    case DataElement():
                        self.operand(element.operand)
                    case BankElement():
                        known = 0 <= element.bank < len(self.banks)
                        self.require(known, f"no bank {element.bank}")
