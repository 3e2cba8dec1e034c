"""Fusion of rotations about the same axis."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from qcompile.ir.circuit import Affine, Circuit, Gate
from qcompile.ir.gates import GATES, GateName
from qcompile.passes.base import Context
from qcompile.passes.circuit.cancel import is_identity
from qcompile.passes.circuit.contract import SameReadoutPass
from qcompile.passes.circuit.gate_list import GateList, find_partner, in_same_place

MOST_TERMS = 256
"""Of a fused angle: adding one more to a long sum again and again would take quadratic time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FuseRotations(SameReadoutPass):
    """Rotations about one axis that meet by commuting become one; their affine angles add.

    `x`, `s`, `t`, `cz` and their like join a rotation about their axis; global phases are dropped.
    """

    name: ClassVar[str] = "fuse-rotations"
    keeps_matrix: ClassVar[bool] = True

    def run(self, circuit: Circuit, context: Context) -> Circuit:
        kept = GateList()
        for gate in circuit.gates:
            partner = find_partner(kept, gate, _fuses)
            if partner is None:
                kept.append(gate)
                continue
            fused = _fused(kept[partner], gate)
            if is_identity(fused):
                kept.remove(partner)
            else:
                kept.replace(partner, fused)
        return replace(circuit, gates=kept.gates())


def _fuses(earlier: Gate, later: Gate) -> bool:
    if not (earlier.angles or later.angles):
        return False
    one, other = _rotation(earlier), _rotation(later)
    return (
        one is not None
        and other is not None
        and one[0] == other[0]
        and in_same_place(earlier, later)
        and _terms(one[1]) + _terms(other[1]) <= MOST_TERMS
    )


def _terms(angle: Affine) -> int:
    return len(angle.data) + len(angle.angles)


def _fused(earlier: Gate, later: Gate) -> Gate:
    one, other = _rotation(earlier), _rotation(later)
    if one is None or other is None:
        raise ValueError("not rotations")
    name = earlier.name if earlier.name == later.name else one[0]
    return Gate(name=name, qubits=earlier.qubits, angles=(one[1].plus(other[1]),))


def _rotation(gate: Gate) -> tuple[GateName, Affine] | None:
    """Axis, named by its rotation, and angle, up to a global phase."""
    kind = GATES[gate.name]
    name, value = kind.turn or (gate.name, 0.0)
    if kind.additive:
        return name, gate.angles[0]
    return None if kind.turn is None else (name, Affine(constant=value))
