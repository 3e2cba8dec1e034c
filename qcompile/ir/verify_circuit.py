"""The invariants of a Circuit."""

from __future__ import annotations

import math
from typing import assert_never

from qcompile.ir.circuit import (
    Affine,
    AmplitudeState,
    Circuit,
    Expectations,
    Gate,
    Probabilities,
    ZeroState,
)
from qcompile.ir.gates import GATES
from qcompile.ir.verification import VerificationError


def verify_circuit(circuit: Circuit) -> None:
    """Check everything that a Circuit promises.

    Raises:
        VerificationError: a qubit, datum or angle is out of range, a gate has the wrong number of
            qubits or angles, or an affine angle or Pauli string is not in its normal form.
    """
    _require(circuit.qubits >= 1, "it has no qubit")
    _require(circuit.data_width >= 0 and circuit.angle_count >= 0, "a width is negative")
    _verify_initial(circuit)
    for index, gate in enumerate(circuit.gates):
        try:
            _verify_gate(gate, circuit)
        except VerificationError as error:
            raise VerificationError(f"gate {index} ({gate.name}): {error}") from None
    _verify_readout(circuit)


def _verify_initial(circuit: Circuit) -> None:
    match circuit.initial:
        case ZeroState():
            return
        case AmplitudeState(offset=offset, width=width):
            _require(width >= 1, "the encoded amplitudes are empty")
            # An exponent beyond the data's bits needs no huge power of two.
            fits = circuit.qubits >= width.bit_length() or width <= 2**circuit.qubits
            _require(fits, "more amplitudes than basis states")
            _require(
                offset >= 0 and offset + width <= circuit.data_width,
                "the encoded amplitudes are not in the data",
            )
        case _:
            assert_never(circuit.initial)


def _verify_gate(gate: Gate, circuit: Circuit) -> None:
    _require(gate.name in GATES, "it is not in the vocabulary")
    kind = GATES[gate.name]
    _require(len(gate.qubits) == kind.qubits, f"it acts on {len(gate.qubits)} qubits")
    _verify_qubits(gate.qubits, circuit.qubits)
    _require(len(gate.angles) == kind.angles, f"it has {len(gate.angles)} angles")
    for angle in gate.angles:
        _verify_affine(angle, circuit)


def _verify_affine(angle: Affine, circuit: Circuit) -> None:
    for kind, terms, size in (
        ("data", angle.data, circuit.data_width),
        ("angles", angle.angles, circuit.angle_count),
    ):
        indices = [index for index, _ in terms]
        _require(indices == sorted(set(indices)), f"{kind} are not sorted without repeats")
        _require(all(0 <= i < size for i in indices), f"an index into {kind} is out of range")
        factors = [factor for _, factor in terms]
        _require(all(f != 0.0 and math.isfinite(f) for f in factors), f"a bad factor of {kind}")
    _require(math.isfinite(angle.constant), "an angle is not finite")


def _verify_readout(circuit: Circuit) -> None:
    match circuit.readout:
        case Expectations(paulis=paulis):
            _require(bool(paulis), "nothing is measured")
            for pauli in paulis:
                qubits = tuple(qubit for qubit, _ in pauli.letters)
                _verify_qubits(qubits, circuit.qubits)
                _require(list(qubits) == sorted(qubits), "a Pauli string is not sorted")
                _require(all(p in ("X", "Y", "Z") for _, p in pauli.letters), "not a Pauli letter")
                _require(pauli.sign in (1, -1), "a Pauli string's sign is not 1 or -1")
        case Probabilities(qubits=qubits):
            _require(bool(qubits), "nothing is measured")
            _verify_qubits(qubits, circuit.qubits)
        case _:
            assert_never(circuit.readout)


def _verify_qubits(qubits: tuple[int, ...], total: int) -> None:
    _require(len(set(qubits)) == len(qubits), "a qubit occurs twice")
    _require(all(0 <= qubit < total for qubit in qubits), "a qubit is out of range")


def _require(condition: bool, reason: str) -> None:
    if not condition:
        raise VerificationError(reason)
