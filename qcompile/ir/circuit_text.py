"""The text form of circuits: one gate per line."""

from __future__ import annotations

import re
from typing import assert_never, cast

from qcompile.ir.circuit import (
    Affine,
    AmplitudeState,
    Circuit,
    Expectations,
    Gate,
    InitialState,
    Pauli,
    Probabilities,
    Readout,
    ZeroState,
)
from qcompile.ir.matrices import PauliLetter


def circuit_text(circuit: Circuit) -> str:
    """Lines for people; ends in a newline."""
    return "\n".join(circuit_lines(circuit)) + "\n"


def circuit_lines(circuit: Circuit) -> list[str]:
    """Head, initial state, gates and read-out. `x[i]` are data, `t[j]` trainable angles."""
    head = (
        f"circuit {circuit.qubits} qubits, {circuit.data_width} data, "
        f"{circuit.angle_count} angles, {len(circuit.gates)} gates -> {circuit.outputs}"
    )
    lines = [head]
    match circuit.initial:
        case ZeroState():
            pass
        case AmplitudeState(offset=offset, width=width):
            lines.append(f"  amplitudes x[{offset}:{offset + width}]")
        case _:
            assert_never(circuit.initial)
    lines += [f"  {gate_text(gate)}" for gate in circuit.gates]
    match circuit.readout:
        case Expectations(paulis=paulis):
            lines.append(f"  measure {', '.join(map(pauli_text, paulis))}")
        case Probabilities(qubits=qubits):
            lines.append(f"  measure probs on {', '.join(map(str, qubits))}")
        case _:
            assert_never(circuit.readout)
    return lines


def gate_text(gate: Gate) -> str:
    """`crz(t[3]) 0 1`"""
    angles = f"({', '.join(map(affine_text, gate.angles))})" if gate.angles else ""
    return f"{gate.name}{angles} {' '.join(map(str, gate.qubits))}"


def affine_text(angle: Affine) -> str:
    """`0.5 + 2.0*x[0] + t[3]`"""
    parts = [repr(angle.constant)] if angle.constant or angle.is_constant else []
    for symbol, terms in (("x", angle.data), ("t", angle.angles)):
        for index, factor in terms:
            element = f"{symbol}[{index}]"
            parts.append(element if factor == 1.0 else f"{factor!r}*{element}")
    return " + ".join(parts)


def pauli_text(pauli: Pauli) -> str:
    """`Z0 Z1`, `-X2`, `I`"""
    letters = " ".join(f"{letter}{qubit}" for qubit, letter in pauli.letters) or "I"
    return letters if pauli.sign == 1 else f"-{letters}"


_HEAD = re.compile(r"circuit (\d+) qubits, (\d+) data, (\d+) angles, (\d+) gates -> (\d+)")
_AMPLITUDES = re.compile(r"amplitudes x\[(\d+):(\d+)\]")
_PAULI = re.compile(r"(-?)(I|[XYZ]\d+(?: [XYZ]\d+)*)")


def circuit_from_text(text: str) -> Circuit:
    """The circuit of which `circuit_text` has written the lines.

    Raises:
        ValueError: the text is no circuit.
    """
    first, *rest = [line.strip() for line in text.strip().splitlines()]
    head = _HEAD.fullmatch(first)
    if head is None or not rest:
        raise ValueError(f"`{first}` is no head of a circuit, or stands alone")
    qubits, data, angles, count, outputs = map(int, head.groups())
    initial: InitialState = ZeroState()
    amplitudes = _AMPLITUDES.fullmatch(rest[0])
    if amplitudes is not None:
        start, stop = map(int, amplitudes.groups())
        initial, rest = AmplitudeState(offset=start, width=stop - start), rest[1:]
    circuit = Circuit(
        qubits=qubits,
        data_width=data,
        angle_count=angles,
        initial=initial,
        gates=gates_from_text("\n".join(rest[:-1])),
        readout=_readout(rest[-1]),
    )
    if (len(circuit.gates), circuit.outputs) != (count, outputs):
        raise ValueError(f"it has {len(circuit.gates)} gates and {circuit.outputs} outputs")
    return circuit


def _readout(line: str) -> Readout:
    verb, _, what = line.partition(" ")
    if verb != "measure":
        raise ValueError(f"`{line}` is no read-out")
    if what.startswith("probs on "):
        places = what.removeprefix("probs on ").split(", ")
        return Probabilities(qubits=tuple(map(int, places)))
    return Expectations(paulis=tuple(map(_pauli, what.split(", "))))


def _pauli(text: str) -> Pauli:
    match = _PAULI.fullmatch(text)
    if match is None:
        raise ValueError(f"`{text}` is no Pauli string")
    sign, letters = match.groups()
    items = () if letters == "I" else letters.split()
    pairs = tuple((int(item[1:]), cast(PauliLetter, item[0])) for item in items)
    return Pauli(letters=pairs, sign=-1 if sign else 1)


_GATE = re.compile(r"\s*([a-z]\w*)\s*(?:\(([^()]*)\))?((?:\s+\d+)+)\s*")
_TERM = re.compile(r"(?:([-+.\de]+)\*)?([xt])\[(\d+)\]|([-+.\de]+)")


def gates_from_text(text: str) -> tuple[Gate, ...]:
    """Gates as `gate_text` writes them, one a line or with semicolons between them.

    Raises:
        ValueError: the text is no such list.
    """
    return tuple(_gate(item) for item in re.split(r"[;\n]", text) if item.strip())


def _gate(text: str) -> Gate:
    match = _GATE.fullmatch(text)
    if match is None:
        raise ValueError(f"`{text.strip()}` is no gate")
    name, angles, qubits = match.groups()
    return Gate(
        name=name,
        qubits=tuple(map(int, qubits.split())),
        angles=tuple(map(_affine, angles.split(","))) if angles else (),
    )


def _affine(text: str) -> Affine:
    found = Affine()
    for term in text.split(" + "):
        match = _TERM.fullmatch(term.strip())
        if match is None:
            raise ValueError(f"`{text.strip()}` is no angle, such as `0.5 + -1.0*t[0] + x[2]`")
        factor, symbol, index, constant = match.groups()
        pair = () if symbol is None else ((int(index), float(factor or 1)),)
        found = found.plus(
            Affine(
                constant=float(constant or 0),
                data=pair if symbol == "x" else (),
                angles=pair if symbol == "t" else (),
            )
        )
    return found
