"""One-qubit gates in the pulses of a device.

A run of gates becomes pulses R(θ, φ) = RZ(φ) RX(θ) RZ(-φ) and turns about Z between them. Only one
rule is needed for angles to stay affine: √X RZ(t) √X = RZ(-π/2) RX(t - π) RZ(-π/2).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from math import pi

from qcompile.ir.circuit import Affine, Gate
from qcompile.ir.gates import GateName
from qcompile.ir.native_sets import OneQubitSet
from qcompile.passes.device.one_qubit import OneQubitRun, reduced, rz


@dataclass(frozen=True, slots=True)
class Pulse:
    """A turn about Z, then RX."""

    before: Affine
    angle: Affine
    """Of RX; a constant one is π/2, -π/2, π or anything else in (-π, π]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PulseWriter:
    """Writes runs in the gates of one set."""

    kind: OneQubitSet
    native: Collection[GateName]
    any_rx: bool
    """rx takes every angle."""

    @property
    def turns(self) -> bool:
        """Whether a turn about Z can be written as it is."""
        return self.kind.turns or self.kind.pulses == ("rot",)

    def write(self, run: OneQubitRun, qubit: int) -> tuple[list[Gate], Affine]:
        """Gates, and the angle of a last rotation about Z that is still to be done."""
        match self.kind.pulses:
            case ("sx",) | ("rx",):
                return self._by_turns(run, qubit)
            case ("rot",):
                return self._by_euler(run, qubit)
            case _:
                return self._by_phases(run, qubit)

    def turn(self, qubit: int, angle: Affine) -> tuple[Gate, ...]:
        """A rotation about Z; by two pulses of π where the set has none."""
        gates = rz(qubit, angle)
        if not gates:
            return ()
        if self.kind.turns:
            name = "rz" if "rz" in self.native else "phase"
            return (Gate(name=name, qubits=(qubit,), angles=gates[0].angles),)
        if self.kind.pulses == ("rot",):
            if "phase" in self.native:
                return (Gate(name="phase", qubits=(qubit,), angles=gates[0].angles),)
            zero = Affine()
            return (Gate(name="rot", qubits=(qubit,), angles=(zero, zero, *gates[0].angles)),)
        halves = (Affine(), gates[0].angles[0].times(0.5))
        return tuple(self._phased(qubit, Affine(constant=pi), half) for half in halves)

    def _by_turns(self, run: OneQubitRun, qubit: int) -> tuple[list[Gate], Affine]:
        pulses, last = _pulses(run, qubit, whole=self.any_rx)
        written: list[Gate] = []
        pending = Affine()
        for pulse in pulses:
            pending = pending.plus(pulse.before)
            names, around = self._names(pulse.angle)
            pending = pending.plus(around)
            written += self.turn(qubit, pending)
            for name in names:
                angles = (pulse.angle,) if name == "rx" else ()
                if name == "rx" and not self.any_rx:
                    angles = (Affine(constant=pi / 2),)
                written.append(Gate(name=name, qubits=(qubit,), angles=angles))
            pending = around.times(-1.0)
        return written, reduced(pending.plus(last))

    def _names(self, angle: Affine) -> tuple[tuple[GateName, ...], Affine]:
        """Gates that make RX(angle), and the turn about Z before them that is undone after them."""
        quarter = "sx" if "sx" in self.native else "rx"
        none = Affine()
        if angle.is_constant and angle.constant == pi / 2:
            return (quarter,), none
        if angle.is_constant and angle.constant == pi and "x" in self.native:
            return ("x",), none
        if self.any_rx:
            return ("rx",), none
        if angle.is_constant and angle.constant == pi:
            return (quarter, quarter), none
        # RX(-π/2) = RZ(π) √X RZ(-π).
        return (quarter,), Affine(constant=pi)

    def _by_euler(self, run: OneQubitRun, qubit: int) -> tuple[list[Gate], Affine]:
        pulses, last = _pulses(run, qubit, whole=True)
        written: list[Gate] = []
        quarter = Affine(constant=pi / 2)
        for index, pulse in enumerate(pulses):
            after = last if index + 1 == len(pulses) else Affine()
            # RX(θ) = RZ(-π/2) RY(θ) RZ(π/2).
            first = reduced(pulse.before.plus(quarter))
            third = reduced(after.plus(quarter.times(-1.0)))
            if pulse.angle == quarter and "u2" in self.native:
                written.append(Gate(name="u2", qubits=(qubit,), angles=(third, first)))
            else:
                angles = (first, pulse.angle, third)
                written.append(Gate(name="rot", qubits=(qubit,), angles=angles))
        return written, Affine() if pulses else last

    def _by_phases(self, run: OneQubitRun, qubit: int) -> tuple[list[Gate], Affine]:
        pulses, last = _pulses(run, qubit, whole="prx" in self.kind.pulses)
        written: list[Gate] = []
        turned = Affine()
        for pulse in pulses:
            turned = turned.plus(pulse.before)
            written.append(self._phased(qubit, pulse.angle, turned.times(-1.0)))
        return written, reduced(turned.plus(last))

    def _phased(self, qubit: int, angle: Affine, phase: Affine) -> Gate:
        """R(angle, phase)."""
        phase = reduced(phase)
        if "prx" in self.kind.pulses:
            return Gate(name="prx", qubits=(qubit,), angles=(angle, phase))
        if angle.constant == pi:
            return Gate(name="gpi", qubits=(qubit,), angles=(phase,))
        if angle.constant == -pi / 2:
            phase = reduced(phase.plus(Affine(constant=pi)))
        return Gate(name="gpi2", qubits=(qubit,), angles=(phase,))


def _pulses(run: OneQubitRun, qubit: int, *, whole: bool) -> tuple[list[Pulse], Affine]:
    """Pulses in the order of time, and the turn about Z after them.

    `whole`: of any angle; otherwise only of π/2, -π/2 and π.
    """
    gates, last = run.gates(qubit)
    found: list[Pulse] = []
    turn = Affine()
    rest: Iterator[tuple[GateName, Affine]] = iter(_joined(gates) if whole else _single(gates))
    quarter = Affine(constant=-pi / 2)
    for name, angle in rest:
        if name == "rz":
            turn = turn.plus(angle)
        elif name == "pair":
            found.append(Pulse(turn.plus(quarter), reduced(angle.plus(Affine(constant=-pi)))))
            turn = quarter
        else:
            found.append(Pulse(turn, Affine(constant=pi / 2 if name == "sx" else pi)))
            turn = Affine()
    return found, turn.plus(last)


def _single(gates: tuple[Gate, ...]) -> Iterator[tuple[GateName, Affine]]:
    for gate in gates:
        yield gate.name, gate.angles[0] if gate.angles else Affine()


def _joined(gates: tuple[Gate, ...]) -> Iterator[tuple[GateName, Affine]]:
    """√X RZ(t) √X as one `pair` of angle t."""
    index = 0
    while index < len(gates):
        names = tuple(gate.name for gate in gates[index : index + 3])
        if names == ("sx", "rz", "sx"):
            yield "pair", gates[index + 1].angles[0]
            index += 3
        elif names[:2] == ("sx", "sx"):
            yield "pair", Affine()
            index += 2
        else:
            yield from _single(gates[index : index + 1])
            index += 1
