"""Gates in terms of those that OpenQASM's standard libraries have."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator

from qcompile.diagnostics.errors import CompileError
from qcompile.diagnostics.messages.devices import StateNotExportable
from qcompile.ir.circuit import (
    AmplitudeState,
    Circuit,
    Expectations,
    Gate,
    Pauli,
    Probabilities,
)
from qcompile.ir.decompose import parts
from qcompile.ir.gates import GateName


def in_library(gates: Iterable[Gate], library: Container[GateName]) -> Iterator[Gate]:
    """Rewrite, up to a global phase, gates that are not in the library."""
    for gate in gates:
        if gate.name in library:
            yield gate
        else:
            yield from in_library(parts(gate), library)


def require_zero_state(circuit: Circuit, language: str) -> None:
    """Raise CompileError for an encoded initial state."""
    if isinstance(circuit.initial, AmplitudeState):
        raise CompileError(StateNotExportable(format=language))


def readout_comments(circuit: Circuit) -> list[str]:
    """What is measured, as comment lines."""
    match circuit.readout:
        case Expectations(paulis=paulis):
            return [f"// output {k}: expectation of {_shown(p)}" for k, p in enumerate(paulis)]
        case Probabilities(qubits=qubits):
            listed = " ".join(f"q[{qubit}]" for qubit in qubits)
            return [f"// outputs: probabilities on {listed}, the first the most significant bit"]


def _shown(pauli: Pauli) -> str:
    sign = "-" if pauli.sign < 0 else ""
    return sign + (" ".join(f"{letter} q[{qubit}]" for qubit, letter in pauli.letters) or "1")


def real_literal(value: float) -> str:
    """A real literal that both languages accept: always with a decimal point, exact."""
    text = repr(float(value))
    if "e" in text and "." not in text:
        return text.replace("e", ".0e")
    return text
