"""From gates to rotations about Pauli strings: (string, angle, condition), Clifford gates aside."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from qcompile.executors.fused.paulis import CliffordFrame, PauliMask, is_monomial
from qcompile.ir.circuit import Affine, Gate
from qcompile.ir.decompose import short_parts
from qcompile.ir.gates import GATES

_HALF_TURN = 1.5707963267948966
_ALWAYS = PauliMask(0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class StringTurn:
    """exp(-i angle P / 2) where `condition`, a string of Z, is -1; everywhere for the identity."""

    string: PauliMask
    angle: Affine
    condition: PauliMask = _ALWAYS

    def commutes(self, other: StringTurn) -> bool:
        return (
            self.string.commutes(other.string)
            and self.string.commutes(other.condition)
            and self.condition.commutes(other.string)
        )

    @property
    def diagonal(self) -> bool:
        return self.string.x == 0


def turns_of(gates: Sequence[Gate], frame: CliffordFrame) -> Iterator[StringTurn]:
    """What is left of the gates, in order; `frame` holds the Clifford gates afterwards."""
    for gate in gates:
        yield from _turns(gate, frame)


def _turns(gate: Gate, frame: CliffordFrame) -> Iterator[StringTurn]:
    kind = GATES[gate.name]
    last = gate.qubits[-1]
    if is_monomial(gate.name):
        frame.apply(gate)
    elif kind.axis:
        letters = "Z" if kind.axis == "N" else kind.axis
        string = frame.image(zip(gate.qubits, letters, strict=True))
        yield StringTurn(string=string, angle=gate.angles[0])
    elif kind.controlled and GATES[kind.controlled].axis:
        yield from _controlled(GATES[kind.controlled].axis, gate, frame)
    elif gate.name == "h":
        # H = RY(π/2) Z
        frame.apply(Gate(name="z", qubits=gate.qubits))
        string = frame.image(((last, "Y"),))
        yield StringTurn(string=string, angle=Affine(constant=_HALF_TURN))
    elif not gate.angles and kind.turn is not None:
        name, angle = kind.turn
        angles = (Affine(constant=angle),)
        yield from _turns(Gate(name=name, qubits=gate.qubits, angles=angles), frame)
    else:
        parts = short_parts(gate)
        assert parts, gate.name
        for part in parts:
            yield from _turns(part, frame)


def _controlled(axis: str, gate: Gate, frame: CliffordFrame) -> Iterator[StringTurn]:
    control, target = gate.qubits
    (angle,) = gate.angles
    condition = frame.image(((control, "Z"),))
    if axis in ("X", "Y"):
        string = frame.image(((target, axis),))
        yield StringTurn(string=string, angle=angle, condition=condition)
        return
    # A projector is half the difference of 1 and Z: all of it is diagonal.
    both = condition.times(frame.image(((target, "Z"),)))
    if axis == "N":
        yield StringTurn(string=condition, angle=angle.times(0.5))
    yield StringTurn(string=frame.image(((target, "Z"),)), angle=angle.times(0.5))
    yield StringTurn(string=both, angle=angle.times(-0.5))
