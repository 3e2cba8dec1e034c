"""What a program does, counted operation by operation, as `build` carries it out.

Elements are real numbers: a complex one is two, and a complex multiply-add has eight FLOPs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from qcompile.executors.mps.chain import ChainRun
from qcompile.executors.mps.program import MatrixPlace, MpsProgram
from qcompile.executors.mps.tensors import TABLES, Table, Tensors
from qcompile.executors.network.count import Made, NetworkCounter
from qcompile.ir.work import Work

EIGENVECTORS = 25
"""FLOPs of all eigenvectors of a Hermitian matrix, as multiples of the cube of its side."""


def count_mps(program: MpsProgram) -> Work:
    """Forward work of one call."""
    counter = NetworkCounter()
    matrices = counter.gates(program.groups, program.data_width)
    tensors = CountedTensors(program, counter, matrices)
    ChainRun(program, tensors).outputs()
    if program.cuts:
        # The most that a token lost.
        counter.work.elementwise(1, batched=False)
    counter.work.tables += 2 + sum(math.prod(shape) for shape in TABLES.values())
    return counter.work


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """A tensor, or a view of one."""

    made: Made
    """What is in memory."""
    shape: tuple[int, ...]
    """Without the batch axis."""
    batched: bool

    @property
    def elements(self) -> int:
        """Of each token where `batched`; a complex number is one."""
        return math.prod(self.shape)


class CountedTensors(Tensors[Counted]):
    """Adds up what would be done."""

    def __init__(
        self, program: MpsProgram, counter: NetworkCounter, matrices: Sequence[Made]
    ) -> None:
        self.counter = counter
        self.work = counter.work
        self.reals = 1 if program.real else 2
        self.flops = 2 if program.real else 8
        self.lost = False
        self.matrices = [self._real(made) if program.real else made for made in matrices]

    def _real(self, made: Made) -> Made:
        """Its real parts in memory of their own."""
        self.work.write(made.size // 2, batched=made.batched)
        return Made(size=made.size // 2, batched=made.batched, grad=made.grad)

    def matrix(self, place: MatrixPlace) -> Counted:
        made = self.matrices[place.group]
        return Counted(made=made, shape=(2, 2), batched=made.batched)

    def ground(self) -> Counted:
        return self.identity(1, 1)

    def one(self) -> Counted:
        self.work.write(self.reals, batched=False)
        return self._fixed(())

    def identity(self, left: int, right: int) -> Counted:
        self.work.write(self.reals * 2 * left * right, batched=False)
        return self._fixed((left, 2, right))

    def _fixed(self, shape: tuple[int, ...]) -> Counted:
        size = self.reals * math.prod(shape)
        made = Made(size=size, batched=False, grad=False)
        return Counted(made=made, shape=shape, batched=False)

    def column(self, matrix: Counted) -> Counted:
        return replace(matrix, shape=(1, 2, 1))

    def shape(self, tensor: Counted) -> tuple[int, ...]:
        return tensor.shape

    def view(self, tensor: Counted, *shape: int) -> Counted:
        return replace(tensor, shape=shape)

    def each(self, matrix: Counted, number: int) -> Counted:
        return replace(matrix, shape=(number, *matrix.shape))

    def rows(self, matrices: Counted, tensor: Counted) -> Counted:
        number, size, columns = tensor.shape
        batched = matrices.batched or tensor.batched
        if matrices.batched and number > 1:
            matrices = self._copied(matrices, batched=True)
        if batched and not tensor.batched and number > 1:
            tensor = self._copied(tensor, batched=True)
        return self._product(matrices, tensor, (number, size, columns), size)

    def product(self, left: Counted, right: Counted) -> Counted:
        return self._product(left, right, (left.shape[0], right.shape[1]), left.shape[1])

    def _copied(self, tensor: Counted, *, batched: bool) -> Counted:
        size = self.reals * tensor.elements
        self.work.write(size, batched=batched)
        made = Made(size=size, batched=batched, grad=tensor.made.grad)
        return replace(tensor, made=made, batched=batched)

    def _product(
        self, left: Counted, right: Counted, shape: tuple[int, ...], summed: int
    ) -> Counted:
        self.counter.multiply(left.made, right.made)
        batched = left.batched or right.batched
        size = self.reals * math.prod(shape)
        self.work.product(self.flops * math.prod(shape) * summed, size, batched=batched)
        return self._made(size, shape, batched, left.made.grad or right.made.grad)

    def _made(self, size: int, shape: tuple[int, ...], batched: bool, grad: bool) -> Counted:
        made = Made(size=size, batched=batched, grad=grad)
        return Counted(made=made, shape=shape, batched=batched)

    def conjugate(self, tensor: Counted) -> Counted:
        if self.reals == 1:
            return tensor
        return self._elementwise(tensor.shape, tensor.batched, tensor.made.grad)

    def transpose(self, matrix: Counted) -> Counted:
        return replace(matrix, shape=matrix.shape[::-1])

    def spread(self, tensor: Counted, table: Table) -> Counted:
        shape = _broadcast(tensor.shape, TABLES[table])
        return self._elementwise(shape, tensor.batched, tensor.made.grad)

    def times(self, left: Counted, right: Counted) -> Counted:
        self.counter.multiply(left.made, right.made)
        shape = _broadcast(left.shape, right.shape)
        grad = left.made.grad or right.made.grad
        return self._elementwise(shape, left.batched or right.batched, grad)

    def _elementwise(self, shape: tuple[int, ...], batched: bool, grad: bool) -> Counted:
        size = self.reals * math.prod(shape)
        self.work.elementwise(size, batched=batched)
        return self._made(size, shape, batched, grad)

    def flip(self, tensor: Counted, axis: int) -> Counted:
        return self._copied(tensor, batched=tensor.batched)

    def pair(self, first: Counted, second: Counted, axis: int) -> Counted:
        shape = (*first.shape[:axis], 2, *first.shape[axis:])
        batched = first.batched or second.batched
        size = self.reals * math.prod(shape)
        self.work.write(size, batched=batched)
        return self._made(size, shape, batched, first.made.grad or second.made.grad)

    def total(self, tensor: Counted) -> Counted:
        elements = tensor.elements
        self.work.elementwise(self.reals, flops=elements, batched=tensor.batched)
        return self._made(self.reals, (), tensor.batched, tensor.made.grad)

    def kept(self, density: Counted, keep: int) -> tuple[Counted, Counted]:
        size, on = density.shape[0], density.batched
        entries = self.reals * size * size
        self.work.add(
            elementwise=EIGENVECTORS * self.reals**2 * size**3, written=entries + size, batched=on
        )
        vectors = Made(size=entries, batched=on, grad=density.made.grad)
        if density.made.grad:
            self.counter.keep(vectors)
            self.work.keep(size, batched=on)
        # All, the rest, their ratio, what is lost, and the scale.
        self.work.elementwise(1, flops=size, batched=on)
        self.work.elementwise(1, flops=keep, batched=on)
        self.work.elementwise(1, batched=on)
        self.work.elementwise(1, batched=on)
        if self.lost:
            self.work.elementwise(1, batched=on)
        self.lost = True
        self.work.write(self.reals * size * keep, batched=on)
        self.work.elementary(1, batched=on)
        shown = self._made(self.reals * size * keep, (size, keep), on, density.made.grad)
        return shown, self._made(1, (), on, False)

    def values(self, columns: Sequence[tuple[Counted, int, bool]], norm: Counted | None) -> Counted:
        batched = any(value.batched for value, _, _ in columns)
        for value, sign, _ in columns:
            if sign < 0:
                self.work.elementwise(1, batched=value.batched)
        number = len(columns)
        self.work.write(number, batched=batched)
        shown = self._made(number, (number,), batched, any(v.made.grad for v, _, _ in columns))
        if norm is not None:
            self.work.elementwise(number, batched=batched or norm.batched)
            self.counter.multiply(shown.made, norm.made)
        return shown


def _broadcast(left: tuple[int, ...], right: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(max(pair) for pair in zip(left, right, strict=True))
