"""What a network program does, counted operation by operation, as `build` carries it out.

Elements are real numbers: a complex one is two. A complex multiply-add has eight FLOPs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qcompile.executors.network.program import (
    Contraction,
    GateRotation,
    MatrixGroup,
    MatrixOperand,
    NetworkProgram,
    Pair,
)
from qcompile.executors.sweeps.count_angles import mixed_angles, trainable_angles
from qcompile.executors.sweeps.count_state import is_run
from qcompile.ir.circuit_network import LetterOperand
from qcompile.ir.work import Work

COMPLEX_PRODUCT = 8
"""FLOPs of a complex multiply-add."""

LETTER_TABLES = 3 * 8 + 4 + 2
"""Elements of the Pauli matrices, of |0⟩ and of the signs of conjugates."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Made:
    """A tensor in memory; views of it are the same one."""

    size: int
    """Elements; of each token where `batched`."""
    batched: bool
    grad: bool
    """A gradient flows back through it."""
    table: bool = False
    """It is there before the call."""


Matrices = tuple[list[Made], list[Made]]
"""Of each group, and their conjugates."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkValue:
    """An entry of the working list."""

    made: Made
    axes: int
    """Without the batch axis, in the order of memory."""
    batched: bool


def count_network(program: NetworkProgram) -> Work:
    """Forward work of one call."""
    counter = NetworkCounter()
    counter.contract(program, counter.matrices(program))
    return counter.work


def count_matrices(program: NetworkProgram) -> Work:
    """The part of it that makes the matrices of the gates and their conjugates."""
    counter = NetworkCounter()
    counter.matrices(program)
    return counter.work


class NetworkCounter:
    """Adds up the work; each tensor in memory is kept once."""

    def __init__(self) -> None:
        self.work = Work()
        self.kept: set[Made] = set()

    def matrices(self, program: NetworkProgram) -> Matrices:
        """Those of all groups."""
        matrices = self.gates(program.groups, program.data_width)
        return matrices, [self._conjugate(made) for made in matrices]

    def gates(self, groups: Sequence[MatrixGroup], data_width: int) -> list[Made]:
        """As they are, not conjugated."""
        rotations = [r for group in groups for factor in group.factors for r in factor]
        angles = {
            kind: [r.angle for r in rotations if r.kind == kind and r.angle is not None]
            for kind in ("trainable", "data")
        }
        if angles["trainable"]:
            trainable_angles(self.work, list(dict.fromkeys(angles["trainable"])))
        if angles["data"]:
            if data_width > 1:
                self.work.write(data_width, batched=True)
            mixed_angles(self.work, angles["data"])
        return [self._group(group) for group in groups]

    def contract(self, program: NetworkProgram, matrices: Matrices) -> None:
        """All Pauli strings."""
        for contraction in program.contractions:
            self._contract(contraction, program.groups, matrices)
        self.work.tables += LETTER_TABLES + len(program.contractions)
        self.work.write(len(program.contractions), batched=True)

    def _group(self, group: MatrixGroup) -> Made:
        product: Made | None = None
        for rotations in group.factors:
            factor = self._factor(rotations, 4**group.qubits)
            product = factor if product is None else self._product(factor, product, group)
        assert product is not None
        return product

    def _factor(self, rotations: Sequence[GateRotation], entries: int) -> Made:
        number = len(rotations)
        size = 2 * number * entries
        kind = rotations[0].kind
        self.work.tables += size if kind == "fixed" else 3 * size
        if kind == "fixed":
            return Made(size=size, batched=False, grad=False, table=True)
        batched = kind == "data"
        if not batched:
            self.work.tables += number
            self.work.write(number, batched=False)
        self.work.elementwise(number, batched=batched)
        self.keep(Made(size=number, batched=batched, grad=True))
        for _ in range(2):
            self.work.elementary(number, batched=batched)
            self.work.elementwise(size, batched=batched)
        self.work.elementwise(size, batched=batched)
        if has_constant(rotations):
            self.work.elementwise(size, batched=batched)
        return Made(size=size, batched=batched, grad=True)

    def _product(self, left: Made, right: Made, group: MatrixGroup) -> Made:
        """A product of (gates, tokens or 1, …) matrices on both sides."""
        batched = left.batched or right.batched
        number = len(group.factors[0])
        size = 2 * number * 4**group.qubits
        sides = []
        for made in (left, right):
            if batched and not made.batched and number > 1:
                # One matrix is written out for each token.
                self.work.write(size, batched=True)
                made = Made(size=size, batched=True, grad=made.grad)
            sides.append(made)
        self.multiply(sides[0], sides[1])
        flops = COMPLEX_PRODUCT * number * 8**group.qubits
        self.work.product(flops, size, batched=batched)
        return Made(size=size, batched=batched, grad=left.grad or right.grad)

    def _conjugate(self, made: Made) -> Made:
        self.work.elementwise(made.size, batched=made.batched)
        return Made(size=made.size, batched=made.batched, grad=made.grad)

    def _contract(
        self,
        contraction: Contraction,
        groups: Sequence[MatrixGroup],
        matrices: Matrices,
    ) -> None:
        working: list[NetworkValue] = []
        for operand in contraction.operands:
            if isinstance(operand, MatrixOperand):
                made = matrices[operand.conjugate][operand.group]
                axes = 2 * groups[operand.group].qubits
                working.append(NetworkValue(made=made, axes=axes, batched=made.batched))
            else:
                table = Made(size=0, batched=False, grad=False, table=True)
                axes = 2 if isinstance(operand, LetterOperand) else 1
                working.append(NetworkValue(made=table, axes=axes, batched=False))
        for pair in contraction.pairs:
            left, right = working[pair.left], working[pair.right]
            working = [v for k, v in enumerate(working) if k not in (pair.left, pair.right)]
            working.append(self._pair(pair, left, right))
        if contraction.sign < 0 and contraction.pairs:
            self.work.elementwise(1, batched=working[0].batched)

    def _pair(self, pair: Pair, left: NetworkValue, right: NetworkValue) -> NetworkValue:
        # Where the right tensor has no batch axis, it is one axis with the rows of the left one.
        rows = (-1, *pair.rows) if pair.batched == (True, False) else pair.rows
        first = self._matrix(left, rows, pair.summed[0])
        second = self._matrix(right, pair.summed[1], pair.columns)
        self.multiply(first, second)
        axes = len(pair.rows) + len(pair.columns)
        batched = any(pair.batched)
        flops = COMPLEX_PRODUCT * 2 ** (axes + len(pair.summed[0]))
        self.work.product(flops, 2 * 2**axes, batched=batched)
        made = Made(size=2 * 2**axes, batched=batched, grad=first.grad or second.grad)
        return NetworkValue(made=made, axes=axes, batched=batched)

    def _matrix(self, value: NetworkValue, rows: Sequence[int], columns: Sequence[int]) -> Made:
        """The tensor with two axes; copied where a view of its memory does not have them."""
        if is_run(rows) and is_run(columns):
            return value.made
        size = 2 * 2**value.axes
        self.work.write(size, batched=value.batched)
        return Made(size=size, batched=value.batched, grad=value.made.grad)

    def multiply(self, left: Made, right: Made) -> None:
        """Each side is kept for the gradient of the other."""
        if right.grad:
            self.keep(left)
        if left.grad:
            self.keep(right)

    def keep(self, made: Made) -> None:
        """For backward, unless it is kept already."""
        if not made.table and made not in self.kept:
            self.kept.add(made)
            self.work.keep(made.size, batched=made.batched)


def has_constant(rotations: Sequence[GateRotation]) -> bool:
    """Whether the part without the angle is there at all."""
    return any(entry != 0 for rotation in rotations for entry in rotation.constant)
