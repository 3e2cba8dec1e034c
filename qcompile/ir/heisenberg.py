"""Clifford gates in the Heisenberg picture: Pauli strings to signed Pauli strings."""

from __future__ import annotations

from typing import cast

from qcompile.ir.circuit import Gate, Pauli
from qcompile.ir.gates import GATES
from qcompile.ir.matrices import PauliLetter


def conjugate_pauli(pauli: Pauli, gate: Gate) -> Pauli:
    """U† P U for a Clifford gate U, so that ⟨Uψ|P|Uψ⟩ = ⟨ψ|U†PU|ψ⟩."""
    images = GATES[gate.name].images
    if images is None:
        raise ValueError(f"{gate.name} is no Clifford gate")
    letters: dict[int, str] = dict(pauli.letters)
    image = images["".join(letters.pop(qubit, "I") for qubit in gate.qubits)]
    letters |= dict(zip(gate.qubits, image[1:], strict=True))
    return Pauli(
        letters=tuple(
            (qubit, cast(PauliLetter, letter))
            for qubit, letter in sorted(letters.items())
            if letter != "I"
        ),
        sign=pauli.sign if image[0] == "+" else -pauli.sign,
    )
