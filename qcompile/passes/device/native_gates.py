"""Any gates as rz, sx, x and one entangler; neighbours that undo each other vanish.

In this form circuits are placed and routed, whatever the device; `on_device` writes its gates.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

from qcompile.ir.circuit import Affine, Gate
from qcompile.ir.decompose import Entangler, placed, to_entangler
from qcompile.ir.device import Device
from qcompile.ir.native_sets import ENTANGLING, in_rzz
from qcompile.passes.device.one_qubit import OneQubitRun, reduced, rz
from qcompile.passes.device.swaps import expand_swaps

Rzz = Literal["none", "constant", "any"]
"""Which rzz are kept beside the entangler, by their angle."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """Two-qubit gates for a device until its couplings are known."""

    entangler: Entangler
    rzz: Rzz


def normal_form(device: Device) -> Form:
    """cx where cx is the best that the device has, else cz; rzz where it has a gate for it."""
    found = [name for name in ENTANGLING if name in device.native]
    bounded = {name for name, _, _ in device.angle_bounds}
    whole = [name for name in found if ENTANGLING[name].rzz]
    rzz: Rzz = "constant" if whole else "none"
    if any(name not in bounded for name in whole):
        rzz = "any"
    entangler: Entangler = "cx" if found[:1] == ["cx"] else "cz"
    return Form(entangler=entangler, rzz=rzz)


def to_native(
    gates: Iterable[Gate], qubits: int, entangler: Entangler, *, rzz: Rzz = "none"
) -> tuple[Gate, ...]:
    """Rewrite in rz, sx, x and `entangler`, equal up to a global phase; angles stay affine.

    Gates that are an rzz and one-qubit gates become that where `rzz` allows its angle.
    """
    rewriter = _Rewriter(qubits, entangler)
    for gate in _entangled(expand_swaps(gates), entangler, rzz):
        if len(gate.qubits) == 1:
            rewriter.runs[gate.qubits[0]].append(gate)
        elif gate.name == "rzz":
            rewriter.turn(gate)
        else:
            rewriter.entangle(gate)
    return rewriter.finish()


def _entangled(gates: Iterable[Gate], entangler: Entangler, rzz: Rzz) -> Iterator[Gate]:
    for gate in gates:
        steps = in_rzz(gate.name) if rzz != "none" else ()
        for step in placed(steps, gate.qubits, gate.angles) or (gate,):
            if step.name != "rzz" or rzz == "none":
                yield from to_entangler((step,), entangler)
            elif not step.angles[0].is_constant:
                yield from (step,) if rzz == "any" else to_entangler((step,), entangler)
            else:
                yield from _constant_rzz(step, entangler)


def _constant_rzz(gate: Gate, entangler: Entangler) -> Iterator[Gate]:
    """Without a two-qubit gate at multiples of π, with one entangler at those of π/2."""
    turn = reduced(gate.angles[0]).constant
    if turn in (0.0, math.pi):
        if turn:
            yield from (Gate(name="z", qubits=(qubit,)) for qubit in gate.qubits)
    elif abs(turn) == math.pi / 2:
        # RZZ(π/2) = (S ⊗ S) CZ.
        yield from to_entangler((Gate(name="cz", qubits=gate.qubits),), entangler)
        name = "s" if turn > 0 else "sdg"
        yield from (Gate(name=name, qubits=(qubit,)) for qubit in gate.qubits)
    else:
        yield gate


class _Rewriter:
    def __init__(self, qubits: int, entangler: Entangler) -> None:
        self.entangler = entangler
        self.runs = [OneQubitRun() for _ in range(qubits)]
        """What has not been written yet; rotations about Z wait here as long as they can."""
        self.written: list[Gate | None] = []
        self.wires: list[list[int]] = [[] for _ in range(qubits)]
        """Positions in `written` of the gates on each qubit."""

    def entangle(self, gate: Gate) -> None:
        if self._undoes_last(gate):
            self._take_back(self.wires[gate.qubits[0]][-1])
            return
        first, second = gate.qubits
        self._flush(first, keep_rz=True)
        self._flush(second, keep_rz=self.entangler == "cz")
        self._write(gate)

    def turn(self, gate: Gate) -> None:
        """An rzz, added to the one before it where nothing but rotations about Z is between."""
        first, second = gate.qubits
        position = self._last_on(gate)
        last = None if position is None else self.written[position]
        between = self.runs[first].is_diagonal and self.runs[second].is_diagonal
        if position is not None and last is not None and last.name == "rzz" and between:
            angle = reduced(last.angles[0].plus(gate.angles[0]))
            if angle == Affine():
                self._take_back(position)
            else:
                self.written[position] = replace(last, angles=(angle,))
            return
        self._flush(first, keep_rz=True)
        self._flush(second, keep_rz=True)
        self._write(gate)

    def finish(self) -> tuple[Gate, ...]:
        for qubit in range(len(self.runs)):
            self._flush(qubit, keep_rz=False)
        return tuple(gate for gate in self.written if gate is not None)

    def _undoes_last(self, gate: Gate) -> bool:
        first, second = gate.qubits
        position = self._last_on(gate)
        last = None if position is None else self.written[position]
        if last is None or last.name != gate.name:
            return False
        if self.entangler == "cz":
            return self.runs[first].is_diagonal and self.runs[second].is_diagonal
        same = last.qubits == gate.qubits
        return same and self.runs[first].is_diagonal and self.runs[second].is_identity

    def _last_on(self, gate: Gate) -> int | None:
        """The position of the last two-qubit gate, where it is on the same two qubits."""
        first, second = gate.qubits
        if not self.wires[first] or not self.wires[second]:
            return None
        position = self.wires[first][-1]
        return position if position == self.wires[second][-1] else None

    def _take_back(self, position: int) -> None:
        """Unwrite an entangler, and the one-qubit gates that now meet what follows it."""
        gate = self.written[position]
        assert gate is not None
        self.written[position] = None
        for qubit in gate.qubits:
            wire = self.wires[qubit]
            wire.pop()
            loose: list[Gate] = []
            while wire:
                earlier = self.written[wire[-1]]
                if earlier is None or len(earlier.qubits) == 2:
                    break
                loose.append(earlier)
                self.written[wire.pop()] = None
            run = OneQubitRun()
            for earlier in reversed(loose):
                run.append(earlier)
            for later in _all_gates(self.runs[qubit], qubit):
                run.append(later)
            self.runs[qubit] = run

    def _flush(self, qubit: int, *, keep_rz: bool) -> None:
        gates, last = self.runs[qubit].gates(qubit)
        self.runs[qubit] = OneQubitRun()
        for gate in gates:
            self._write(gate)
        for gate in rz(qubit, last):
            if keep_rz:
                self.runs[qubit].append(gate)
            else:
                self._write(gate)

    def _write(self, gate: Gate) -> None:
        for qubit in gate.qubits:
            self.wires[qubit].append(len(self.written))
        self.written.append(gate)


def _all_gates(run: OneQubitRun, qubit: int) -> tuple[Gate, ...]:
    gates, last = run.gates(qubit)
    return (*gates, *rz(qubit, last))
