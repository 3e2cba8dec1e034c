"""What is to be evaluated for values and gradients of a circuit that gives values alone.

Every angle that is no constant becomes a slot, an input of its own, so that each occurrence of a
shared angle can be shifted alone. Gradients of data and trainable angles follow by the chain rule.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from qcompile.executors.measured.shift_rules import ShiftRule, shift_rule
from qcompile.ir.circuit import Affine, Circuit, ZeroState


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """One angle of one gate."""

    angle: Affine
    """What it is, of the circuit's data and trainable angles."""
    rule: ShiftRule

    def serves(self, *, data: bool, angles: bool) -> bool:
        """Whether a gradient of the data, or of the trainable angles, needs its derivative."""
        return bool(self.rule) and bool(
            (data and self.angle.data) or (angles and self.angle.angles)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredProgram:
    """A circuit in slots, and the derivatives of each."""

    circuit: Circuit
    """Its data are the slots, one symbol each; it has no trainable angles."""
    slots: tuple[Slot, ...]
    data_width: int
    """Of the circuit that was given."""
    angle_count: int

    def evaluations(self, *, data: bool, angles: bool) -> int:
        """Bindings for the gradient at one point, besides the point itself."""
        return sum(len(slot.rule) for slot in self.slots if slot.serves(data=data, angles=angles))


def measured_program(circuit: Circuit) -> MeasuredProgram:
    """The program of a circuit that starts in |0…0⟩."""
    assert isinstance(circuit.initial, ZeroState)
    slots: list[Slot] = []
    gates = []
    for gate in circuit.gates:
        angles = []
        for place, angle in enumerate(gate.angles):
            if angle.is_constant:
                angles.append(angle)
                continue
            angles.append(Affine(data=((len(slots), 1.0),)))
            slots.append(Slot(angle=angle, rule=shift_rule(gate.name, place)))
        gates.append(replace(gate, angles=tuple(angles)))
    return MeasuredProgram(
        circuit=replace(circuit, gates=tuple(gates), data_width=len(slots), angle_count=0),
        slots=tuple(slots),
        data_width=circuit.data_width,
        angle_count=circuit.angle_count,
    )
