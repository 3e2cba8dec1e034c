"""How gates relate to Pauli strings and to each other: what passes need, without matrices."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from qcompile.ir.circuit import Affine, Gate, Pauli
from qcompile.ir.decompose import parts
from qcompile.ir.gates import GATES, GateName


def anticommute(left: Mapping[int, str], right: Mapping[int, str]) -> bool:
    """Whether two Pauli strings, letters by qubit, anticommute."""
    return sum(right.get(qubit, letter) != letter for qubit, letter in left.items()) % 2 == 1


def commutes_with_pauli(gate: Gate, pauli: Pauli) -> bool:
    """Whether the gate commutes with the string for every angle. False may mean unknown."""
    letters = dict(pauli.letters)
    return _commutes_with_letters(gate.name, tuple(letters.get(q, "I") for q in gate.qubits))


def commute(left: Gate, right: Gate) -> bool:
    """Whether two gates commute for every angle. False may mean unknown."""
    shared = set(left.qubits) & set(right.qubits)
    return not shared or _commute(
        left.name, right.name, tuple(_position(qubit, right) for qubit in left.qubits)
    )


def are_inverse(left: Gate, right: Gate) -> bool:
    """Whether right · left is the identity, for gates on the same qubits in the same roles."""
    if not left.angles:
        return not right.angles and _undo(left.name, right.name)
    return (
        left.name == right.name
        and GATES[left.name].reversible
        and all(
            _are_opposite(one, other)
            for one, other in zip(left.angles, reversed(right.angles), strict=True)
        )
    )


def inverse(gate: Gate) -> tuple[Gate, ...]:
    """Gates that undo `gate`: one where the vocabulary has it, else the inverses of its parts."""
    if GATES[gate.name].reversible:
        angles = tuple(angle.times(-1.0) for angle in reversed(gate.angles))
        return (Gate(name=gate.name, qubits=gate.qubits, angles=angles),)
    for name in () if gate.angles else (gate.name, *GATES.built_in):
        if not GATES[name].angles and _undo(gate.name, name):
            return (Gate(name=name, qubits=gate.qubits),)
    return tuple(back for part in reversed(parts(gate)) for back in inverse(part))


def _are_opposite(left: Affine, right: Affine) -> bool:
    return (
        left.constant == -right.constant
        and left.angles == tuple((index, -factor) for index, factor in right.angles)
        and left.data == tuple((index, -factor) for index, factor in right.data)
    )


def _position(qubit: int, gate: Gate) -> int:
    return gate.qubits.index(qubit) if qubit in gate.qubits else -1


@cache
def _undo(left: GateName, right: GateName) -> bool:
    return GATES[right].undoes(GATES[left])


@cache
def _commutes_with_letters(name: GateName, letters: tuple[str, ...]) -> bool:
    string = {place: letter for place, letter in enumerate(letters) if letter != "I"}
    return not any(anticommute(generator, string) for generator in _placed(name, (0, 1)))


@cache
def _commute(left: GateName, right: GateName, positions: tuple[int, ...]) -> bool:
    places = tuple(p if p >= 0 else 2 + k for k, p in enumerate(positions))
    return not any(
        anticommute(one, other) for one in _placed(left, places) for other in _placed(right, (0, 1))
    )


def _placed(name: GateName, qubits: tuple[int, ...]) -> tuple[dict[int, str], ...]:
    return tuple(
        {qubit: letter for qubit, letter in zip(qubits, string, strict=False) if letter != "I"}
        for string in GATES[name].strings
    )
