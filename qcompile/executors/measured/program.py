"""What is to be evaluated for values and gradients of a circuit that gives values alone.

Every angle that is no constant becomes a slot, an input of its own, so that each occurrence of a
shared angle can be shifted alone. Gradients of data and trainable angles follow by the chain rule.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from qcompile.executors.measured.amplitudes import EncodedAmplitudes
from qcompile.executors.measured.shift_rules import ShiftRule, shift_rule
from qcompile.ir.circuit import Affine, Circuit, ZeroState


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """One angle of one gate."""

    angle: Affine
    """What it is, of the circuit's data and trainable angles."""
    rule: ShiftRule


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredProgram:
    """A circuit in slots, and the derivatives of each."""

    circuit: Circuit
    """Its data are the slots, one symbol each; it has no trainable angles."""
    slots: tuple[Slot, ...]
    data_width: int
    """Of the circuit that was given."""
    angle_count: int
    amplitudes: EncodedAmplitudes | None = None
    """Of the circuit's state, whose tree angles are data of the slots in front of the circuit's."""

    @property
    def tree(self) -> int:
        """Angles that make the state."""
        return 0 if self.amplitudes is None else self.amplitudes.tree

    def serves(self, slot: Slot, *, data: bool, angles: bool) -> bool:
        """Whether a gradient of the data, or of the trainable angles, needs a slot's derivative.

        That of amplitudes needs none.
        """
        of_data = data and any(index >= self.tree for index, _ in slot.angle.data)
        return bool(slot.rule) and (of_data or (angles and bool(slot.angle.angles)))

    def evaluations(self, *, data: bool, angles: bool) -> int:
        """Bindings for the gradient at one point, besides the point itself."""
        shifted = (
            len(slot.rule) for slot in self.slots if self.serves(slot, data=data, angles=angles)
        )
        of_state = 0 if self.amplitudes is None or not data else 2 * self.amplitudes.width
        return sum(shifted) + of_state


def measured_program(
    circuit: Circuit, amplitudes: EncodedAmplitudes | None = None
) -> MeasuredProgram:
    """The program of a circuit that starts in |0…0⟩.

    Args:
        circuit: Logical or routed.
        amplitudes: Of the state that `in_gates` made gates of.
    """
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
    tree = 0 if amplitudes is None else amplitudes.tree
    return MeasuredProgram(
        circuit=replace(circuit, gates=tuple(gates), data_width=len(slots), angle_count=0),
        slots=tuple(slots),
        data_width=circuit.data_width - tree,
        angle_count=circuit.angle_count,
        amplitudes=amplitudes,
    )
