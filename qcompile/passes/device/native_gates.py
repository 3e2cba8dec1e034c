"""Any gates as rz, sx, x and one entangler; neighbours that undo each other vanish."""

from __future__ import annotations

from collections.abc import Iterable

from qcompile.ir.circuit import Gate
from qcompile.ir.decompose import Entangler, to_entangler
from qcompile.passes.device.one_qubit import OneQubitRun, rz
from qcompile.passes.device.swaps import expand_swaps


def to_native(gates: Iterable[Gate], qubits: int, entangler: Entangler) -> tuple[Gate, ...]:
    """Rewrite in rz, sx, x and `entangler`, equal up to a global phase; angles stay affine."""
    rewriter = _Rewriter(qubits, entangler)
    for gate in to_entangler(expand_swaps(gates), entangler):
        if len(gate.qubits) == 1:
            rewriter.runs[gate.qubits[0]].append(gate)
        else:
            rewriter.entangle(gate)
    return rewriter.finish()


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

    def finish(self) -> tuple[Gate, ...]:
        for qubit in range(len(self.runs)):
            self._flush(qubit, keep_rz=False)
        return tuple(gate for gate in self.written if gate is not None)

    def _undoes_last(self, gate: Gate) -> bool:
        first, second = gate.qubits
        if not self.wires[first] or not self.wires[second]:
            return False
        position = self.wires[first][-1]
        if position != self.wires[second][-1]:
            return False
        last = self.written[position]
        if self.entangler == "cz":
            return self.runs[first].is_diagonal and self.runs[second].is_diagonal
        same = last is not None and last.qubits == gate.qubits
        return same and self.runs[first].is_diagonal and self.runs[second].is_identity

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
