"""Sets of native gates in which circuits can be written: one row each.

One-qubit gates become rotations about Z and pulses, which are rotations about an axis of the
equator; two-qubit gates become cz, cx and rzz, and these what a coupling has.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import pi
from types import MappingProxyType

from qcompile.ir.circuit import Gate
from qcompile.ir.gates import GATES, GateName
from qcompile.ir.matrices import identity, kron, multiply, pauli_matrix, proportional

ROTATIONS_Z: tuple[GateName, ...] = ("rz", "phase")
"""Rotations about Z, equal up to a global phase."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OneQubitSet:
    """A way to write one-qubit gates."""

    pulses: tuple[GateName, ...]
    """All of them are needed."""
    turns: bool = False
    """Needs rz, or phase, beside them. Otherwise turns about Z go into the phases of pulses."""


ONE_QUBIT_SETS: tuple[OneQubitSet, ...] = (
    OneQubitSet(pulses=("sx",), turns=True),
    OneQubitSet(pulses=("rx",), turns=True),
    OneQubitSet(pulses=("prx",), turns=True),
    OneQubitSet(pulses=("rot",)),
    OneQubitSet(pulses=("prx",)),
    OneQubitSet(pulses=("gpi", "gpi2")),
)
"""In the order of choice."""


@dataclass(frozen=True, kw_only=True)
class Entangling:
    """How cz, and rzz of any angle, is made with one two-qubit gate of a device.

    Up to a global phase; qubit 0 is the gate's own first one.
    """

    cz: str
    rzz: str = ""
    """Empty: by two cz."""

    @cached_property
    def cz_steps(self) -> tuple[Gate, ...]:
        from qcompile.ir.circuit_text import gates_from_text

        return gates_from_text(self.cz)

    @cached_property
    def rzz_steps(self) -> tuple[Gate, ...]:
        from qcompile.ir.circuit_text import gates_from_text

        return gates_from_text(self.rzz)


# CZ = (S† ⊗ S†) RZZ(π/2).
_PHASES = "sdg 0; sdg 1"
_TURNED = "h 0; h 1"

ENTANGLING: MappingProxyType[GateName, Entangling] = MappingProxyType(
    {
        "cz": Entangling(cz="cz 0 1"),
        "cx": Entangling(cz="h 1; cx 0 1; h 1"),
        "ecr": Entangling(cz="h 1; s 0; x 0; sx 1; ecr 0 1; h 1"),
        "rzz": Entangling(cz=f"{_PHASES}; rzz({pi / 2}) 0 1", rzz="rzz(t[0]) 0 1"),
        "rxx": Entangling(
            cz=f"{_PHASES}; {_TURNED}; rxx({pi / 2}) 0 1; {_TURNED}",
            rzz=f"{_TURNED}; rxx(t[0]) 0 1; {_TURNED}",
        ),
        "ms": Entangling(
            cz=f"{_PHASES}; {_TURNED}; ms({pi / 2}, 0.0, 0.0) 0 1; {_TURNED}",
            rzz=f"{_TURNED}; ms(t[0], 0.0, 0.0) 0 1; {_TURNED}",
        ),
    }
)
"""In the order of choice among equals."""

_CRZ = "rz(0.5*t[0]) 1; rzz(-0.5*t[0]) 0 1"

_IN_RZZ = MappingProxyType(
    {
        "rzz": "rzz(t[0]) 0 1",
        "rxx": f"{_TURNED}; rzz(t[0]) 0 1; {_TURNED}",
        "ryy": f"{_PHASES}; {_TURNED}; rzz(t[0]) 0 1; {_TURNED}; s 0; s 1",
        "rzx": "h 1; rzz(t[0]) 0 1; h 1",
        "ms": (
            "rz(-1.0*t[1]) 0; rz(-1.0*t[2]) 1; h 0; h 1; rzz(t[0]) 0 1; h 0; h 1"
            "; rz(t[1]) 0; rz(t[2]) 1"
        ),
        "crz": _CRZ,
        "cphase": f"rz(0.5*t[0]) 0; {_CRZ}",
        "crx": f"h 1; {_CRZ}; h 1",
        "cry": f"sdg 1; h 1; {_CRZ}; h 1; s 1",
    }
)


@lru_cache(maxsize=64)
def in_rzz(name: GateName) -> tuple[Gate, ...]:
    """A gate as one rzz and one-qubit gates; none where it is not."""
    from qcompile.ir.circuit_text import gates_from_text

    return gates_from_text(_IN_RZZ.get(name, ""))


def one_qubit_set(native: Collection[GateName]) -> OneQubitSet | None:
    """The first that these gates allow."""
    turns = any(name in native for name in ROTATIONS_Z)
    for row in ONE_QUBIT_SETS:
        if set(row.pulses) <= set(native) and (turns or not row.turns):
            return row
    return None


def lacking(native: Collection[GateName], qubits: int) -> str | None:
    """What a device with these gates lacks to write any circuit in them, or None."""
    if one_qubit_set(native) is None:
        return "one-qubit gates"
    if qubits > 1 and not set(ENTANGLING) & set(native):
        return "a two-qubit gate"
    return None


@lru_cache(maxsize=64)
def sign_of_turn(name: GateName, place: int) -> int:
    """What becomes of a rotation about Z that passes through a two-qubit gate on a qubit.

    1: it stays, -1: it turns into its opposite, 0: it does not pass.
    """
    z = pauli_matrix("Z")
    turn = kron(z, identity(2)) if place == 0 else kron(identity(2), z)
    before, after = multiply(GATES[name].generic, turn), multiply(turn, GATES[name].generic)
    if not proportional(before, after):
        return 0
    ratio = next(a / b for a, b in zip(before, after, strict=True) if abs(b) > 1e-6)
    return 1 if ratio.real > 0 else -1
