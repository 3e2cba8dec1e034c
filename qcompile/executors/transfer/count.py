"""What a transfer program does, counted operation by operation, as `build` carries it out."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from itertools import pairwise

from qcompile.executors.sweeps.count_angles import mixed_angles, trainable_angles
from qcompile.executors.sweeps.count_state import WIDEST
from qcompile.executors.transfer.program import (
    AngleTurn,
    DataTurn,
    Fixed,
    Join,
    MatrixStep,
    OutcomeRead,
    StringRead,
    TransferProgram,
)
from qcompile.ir.circuit import Affine
from qcompile.ir.work import Work


@dataclass(frozen=True, slots=True, kw_only=True)
class StatePart:
    """What is known of a part of the state."""

    qubits: int
    batched: bool = False
    """It has one column a token."""
    grad: bool = False
    kept: bool = False
    """It is counted among what is kept."""

    @property
    def size(self) -> int:
        """Elements, of each token where `batched`."""
        return strings_on(self.qubits)


def strings_on(qubits: int) -> int:
    """4^qubits, within reason."""
    return int(4 ** min(qubits, WIDEST))


def count_transfer(program: TransferProgram) -> Work:
    """Forward work of one call, without shots."""
    return _Counter(program).work


class _Counter:
    def __init__(self, program: TransferProgram) -> None:
        self.work = Work(tables=4)
        self.parts = {part: StatePart(qubits=1) for part in range(program.parts)}
        self._angles(program)
        for step in program.steps:
            match step:
                case Join():
                    self._join(step)
                case MatrixStep():
                    self._matrix(step)
                case DataTurn():
                    self._turn(step)
        self._reads(program)

    def _angles(self, program: TransferProgram) -> None:
        turns = [
            (step.size, factor)
            for step in program.steps
            if isinstance(step, MatrixStep)
            for factor in step.factors
            if isinstance(factor, AngleTurn)
        ]
        if turns:
            trainable_angles(self.work, list(dict.fromkeys(turn.angle for _, turn in turns)))
        for size, number in Counter(size for size, _ in turns).items():
            entries = number * size * size
            self.work.tables += 3 * entries + number
            self.work.write(number, batched=False)
            self.work.keep(number, batched=False)
            for _ in range(2):
                self.work.elementary(number, batched=False)
                self.work.elementwise(entries, batched=False)
            for _ in range(2):
                self.work.elementwise(entries, batched=False)
            self.work.keep(entries, batched=False)
        data = list(dict.fromkeys(s.angle for s in program.steps if isinstance(s, DataTurn)))
        if data:
            mixed_angles(self.work, data)
            for _ in range(2):
                self.work.elementary(len(data), batched=True)
            # Angles that are the data themselves are kept where those come from.
            plain = [Affine(data=((index, 1.0),)) for index in range(len(data))]
            self.work.keep((2 if data == plain else 3) * len(data), batched=True)

    def _join(self, step: Join) -> None:
        first, second = self.parts[step.first], self.parts.pop(step.second)
        self._keep(first, second.grad)
        self._keep(second, first.grad)
        joined = StatePart(
            qubits=first.qubits + second.qubits,
            batched=first.batched or second.batched,
            grad=first.grad or second.grad,
        )
        self.work.elementwise(joined.size, batched=joined.batched)
        self.parts[step.first] = joined

    def _matrix(self, step: MatrixStep) -> None:
        part, size = self.parts[step.part], step.size
        entries = size * size
        grad = isinstance(step.factors[0], AngleTurn)
        self.work.tables += entries * sum(isinstance(f, Fixed) for f in step.factors)
        for factor in step.factors[1:]:
            self.work.product(2 * size * entries, entries, batched=False)
            turns = isinstance(factor, AngleTurn)
            self.work.keep(entries * (turns + (grad and not turns)), batched=False)
            grad = grad or turns
        if step.order is not None and self._is_copied(part, step.order, step.qubits):
            self.work.write(part.size, batched=part.batched)
            part = replace(part, kept=False)
        self._keep(part, grad)
        if part.grad:
            self.work.keep(entries, batched=False)
        self.work.product(2 * size * part.size, part.size, batched=part.batched)
        self.parts[step.part] = replace(part, grad=part.grad or grad, kept=False)

    def _is_copied(self, part: StatePart, order: tuple[int, ...], qubits: int) -> bool:
        """Whether the new order of the qubits cannot be a view."""
        return part.batched or not (_is_run(order[:qubits]) and _is_run(order[qubits:]))

    def _turn(self, step: DataTurn) -> None:
        part = self.parts[step.part]
        self._keep(part, True)
        quarter = part.size // 4
        for _ in range(6):
            self.work.elementwise(quarter, batched=True)
        self.work.write(part.size, batched=True)
        self.parts[step.part] = replace(part, batched=True, grad=True, kept=False)

    def _reads(self, program: TransferProgram) -> None:
        outputs = 0
        batched = any(part.batched for part in self.parts.values())
        for read in program.reads:
            match read:
                case StringRead(paulis=paulis):
                    rows = len(paulis)
                case OutcomeRead(letters=letters):
                    rows = int(2 ** min(len(letters), WIDEST))
            outputs += rows
            before: StatePart | None = None
            for part in self.parts.values():
                self.work.tables += rows * part.size
                self.work.product(2 * rows * part.size, rows, batched=part.batched)
                if before is not None:
                    joined = before.batched or part.batched
                    self.work.elementwise(rows, batched=joined)
                    for one, other in ((before, part), (part, before)):
                        if other.grad:
                            self.work.keep(rows, batched=one.batched)
                    part = replace(part, batched=joined, grad=before.grad or part.grad)
                if part.grad:
                    self.work.keep(rows * part.size, batched=False)
                before = part
        if len(program.reads) > 1:
            self.work.write(outputs, batched=batched)

    def _keep(self, part: StatePart, needed: bool) -> None:
        if needed and not part.kept:
            self.work.keep(part.size, batched=part.batched)


def _is_run(axes: tuple[int, ...]) -> bool:
    return all(after == before + 1 for before, after in pairwise(axes))
