"""What a circuit measures, as one or several read-outs whose outputs are concatenated."""

from __future__ import annotations

from collections.abc import Iterable
from typing import assert_never

from qcompile.diagnostics.messages.expansion import NothingMeasured, WireOutOfRangeAtSize
from qcompile.ir.circuit import Expectations, Pauli, Probabilities, Readout
from qcompile.ir.spec_circuit import (
    MeasureEach,
    Measurement,
    MeasurePaulis,
    MeasureProbabilities,
)
from qcompile.passes.lowering.sizing import Sizing
from qcompile.passes.lowering.wires import resolve_wires


def readouts(
    measurements: tuple[Measurement, ...], qubits: int, sizing: Sizing
) -> tuple[Readout, ...]:
    """One for each measurement, on wires."""
    return tuple(readout_of(measurement, qubits, sizing) for measurement in measurements)


def together(readouts: Iterable[Readout]) -> tuple[Readout, ...]:
    """Neighbouring expectation values are one read-out, each set of probabilities its own."""
    found: list[Readout] = []
    for readout in readouts:
        last = found[-1] if found else None
        if isinstance(readout, Expectations) and isinstance(last, Expectations):
            found[-1] = Expectations(paulis=last.paulis + readout.paulis)
        else:
            found.append(readout)
    return tuple(found)


def readout_of(measurement: Measurement, qubits: int, sizing: Sizing) -> Readout:
    match measurement:
        case MeasurePaulis(strings=strings):
            for string in strings:
                for wire, _ in string:
                    if not 0 <= wire < qubits:
                        sizing.report.refuse(
                            WireOutOfRangeAtSize(wire=wire, qubits=qubits, span=measurement.span)
                        )
            return Expectations(paulis=tuple(Pauli(letters=string) for string in strings))
        case MeasureEach() | MeasureProbabilities():
            wires = resolve_wires(measurement.wires, qubits, sizing, measurement.span)
            if not wires:
                sizing.report.refuse(NothingMeasured(qubits=qubits, span=measurement.span))
            if isinstance(measurement, MeasureProbabilities):
                return Probabilities(qubits=wires)
            letter = measurement.letter
            return Expectations(paulis=tuple(Pauli(letters=((w, letter),)) for w in wires))
        case _:
            assert_never(measurement)
