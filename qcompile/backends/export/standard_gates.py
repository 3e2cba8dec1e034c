"""What OpenQASM 2 and 3 have in common: gates of their libraries, definitions, literals."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence

from qcompile.diagnostics.errors import CompileError
from qcompile.diagnostics.messages.devices import StateNotExportable
from qcompile.ir.circuit import (
    Affine,
    AmplitudeState,
    Circuit,
    Expectations,
    Gate,
    Pauli,
    Probabilities,
)
from qcompile.ir.decompose import parts
from qcompile.ir.gates import GATES, GateName


def in_library(gates: Iterable[Gate], library: Container[GateName]) -> Iterator[Gate]:
    """Rewrite, up to a global phase, gates that are not in the library."""
    for gate in gates:
        if gate.name in library:
            yield gate
        else:
            yield from in_library(parts(gate) or _turn(gate), library)


def _turn(gate: Gate) -> tuple[Gate, ...]:
    """A gate that is not made of others as the rotation that it is, up to a global phase."""
    turn = GATES[gate.name].turn
    assert turn is not None and turn[0] != gate.name, f"no other form of `{gate.name}`"
    name, constant = turn
    return (
        Gate(name=name, qubits=gate.qubits, angles=gate.angles or (Affine(constant=constant),)),
    )


def defined_gates(gates: Iterable[Gate], library: Mapping[GateName, str]) -> dict[GateName, str]:
    """Gates that are not in the library → their definition, which both languages take.

    A circuit for a device keeps its native gates by it, under our names.
    """
    names = sorted({gate.name for gate in gates} - set(library))
    return {name: _definition(name, library) for name in names}


def _definition(name: GateName, library: Mapping[GateName, str]) -> str:
    kind = GATES[name]
    angles = tuple(Affine(angles=((index, 1.0),)) for index in range(kind.angles))
    whole = Gate(name=name, qubits=tuple(range(kind.qubits)), angles=angles)
    steps = " ".join(
        gate_call(library[step.name], step, [f"q{qubit}" for qubit in step.qubits])
        for step in in_library((whole,), library)
    )
    symbols = ", ".join(f"t{index}" for index in range(kind.angles))
    head = f"{name}({symbols})" if symbols else name
    wires = ", ".join(f"q{qubit}" for qubit in range(kind.qubits))
    return f"gate {head} {wires} {{ {steps} }}"


def gate_call(name: str, gate: Gate, wires: Iterable[str]) -> str:
    """`name(angles) wires;`, with symbols x<i> for data[i] and t<j> for angles[j]."""
    values = ", ".join(map(_expression, gate.angles))
    arguments = f"({values})" if values else ""
    return f"{name}{arguments} {', '.join(wires)};"


def _expression(angle: Affine) -> str:
    terms = [(factor, f"x{index}") for index, factor in angle.data]
    terms += [(factor, f"t{index}") for index, factor in angle.angles]
    if angle.constant or not terms:
        terms.append((angle.constant, ""))
    text = ""
    for factor, symbol in terms:
        product = f"{real_literal(abs(factor))} * {symbol}" if abs(factor) != 1.0 else symbol
        shown = product if symbol else real_literal(abs(factor))
        if text:
            text += f" - {shown}" if factor < 0 else f" + {shown}"
        else:
            text = f"-{shown}" if factor < 0 else shown
    return text


def require_zero_state(circuit: Circuit, language: str) -> None:
    """Raise CompileError for an encoded initial state."""
    if isinstance(circuit.initial, AmplitudeState):
        raise CompileError(StateNotExportable(format=language))


def readout_comments(circuit: Circuit, places: Sequence[int] | None = None) -> list[str]:
    """What is measured, as comment lines; on other qubits than its own where `places` says so."""
    names = [f"q[{place}]" for place in places or range(circuit.qubits)]
    match circuit.readout:
        case Expectations(paulis=paulis):
            shown = (_shown(pauli, names) for pauli in paulis)
            return [f"// output {k}: expectation of {text}" for k, text in enumerate(shown)]
        case Probabilities(qubits=qubits):
            listed = " ".join(names[qubit] for qubit in qubits)
            return [f"// outputs: probabilities on {listed}, the first the most significant bit"]


def _shown(pauli: Pauli, names: Sequence[str]) -> str:
    sign = "-" if pauli.sign < 0 else ""
    return sign + (" ".join(f"{letter} {names[qubit]}" for qubit, letter in pauli.letters) or "1")


def real_literal(value: float) -> str:
    """A real literal that both languages accept: always with a decimal point, exact."""
    text = repr(float(value))
    if "e" in text and "." not in text:
        return text.replace("e", ".0e")
    return text
