"""How gates relate to Pauli strings and to each other: what passes need, without matrices."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from qcompile.ir.circuit import Affine, Gate, Pauli
from qcompile.ir.gates import GateName

GENERATORS: MappingProxyType[GateName, tuple[str, ...]] = MappingProxyType(
    {
        "x": ("X",), "sx": ("X",), "sxdg": ("X",), "rx": ("X",),
        "y": ("Y",), "ry": ("Y",),
        "z": ("Z",), "s": ("Z",), "sdg": ("Z",), "t": ("Z",), "tdg": ("Z",), "rz": ("Z",),
        "phase": ("Z",),
        "h": ("X", "Z"), "rot": ("Y", "Z"),
        "cx": ("ZI", "IX"), "crx": ("ZI", "IX"),
        "cy": ("ZI", "IY"), "cry": ("ZI", "IY"),
        "cz": ("ZI", "IZ"), "crz": ("ZI", "IZ"), "cphase": ("ZI", "IZ"),
        "ch": ("ZI", "IX", "IZ"),
        "swap": ("XX", "YY", "ZZ"), "iswap": ("XX", "YY"),
        "rxx": ("XX",), "ryy": ("YY",), "rzz": ("ZZ",), "rzx": ("ZX",),
    }
)  # fmt: skip
"""Pauli strings whose products span the gate, for every angle: first letter, first qubit."""

INVERSES: MappingProxyType[GateName, GateName] = MappingProxyType(
    {
        "x": "x", "y": "y", "z": "z", "h": "h", "s": "sdg", "sdg": "s", "t": "tdg", "tdg": "t",
        "sx": "sxdg", "sxdg": "sx", "cx": "cx", "cy": "cy", "cz": "cz", "ch": "ch", "swap": "swap",
    }
)  # fmt: skip
"""Inverses of the gates without angles; `iswap` has none in the vocabulary."""

AS_ROTATION: MappingProxyType[GateName, tuple[GateName, float]] = MappingProxyType(
    {
        "x": ("rx", math.pi), "sx": ("rx", math.pi / 2), "sxdg": ("rx", -math.pi / 2),
        "y": ("ry", math.pi),
        "z": ("rz", math.pi), "s": ("rz", math.pi / 2), "sdg": ("rz", -math.pi / 2),
        "t": ("rz", math.pi / 4), "tdg": ("rz", -math.pi / 4),
        "cz": ("cphase", math.pi),
    }
)  # fmt: skip
"""Gates without angles as a rotation about their axis, up to a global phase."""


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
        return INVERSES.get(left.name) == right.name
    # Additive gates undo themselves at the opposite angle, `rot` also in the opposite order.
    return left.name == right.name and all(
        _are_opposite(one, other)
        for one, other in zip(left.angles, reversed(right.angles), strict=True)
    )


def inverse(gate: Gate) -> Gate:
    """The gate that undoes `gate`; raises `KeyError` for `iswap`, which has none."""
    if not gate.angles:
        return Gate(name=INVERSES[gate.name], qubits=gate.qubits)
    angles = tuple(angle.times(-1.0) for angle in reversed(gate.angles))
    return Gate(name=gate.name, qubits=gate.qubits, angles=angles)


def _are_opposite(left: Affine, right: Affine) -> bool:
    return (
        left.constant == -right.constant
        and left.angles == tuple((index, -factor) for index, factor in right.angles)
        and left.data == tuple((index, -factor) for index, factor in right.data)
    )


def _position(qubit: int, gate: Gate) -> int:
    return gate.qubits.index(qubit) if qubit in gate.qubits else -1


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
        for string in GENERATORS[name]
    )
