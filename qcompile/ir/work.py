"""How much work a call does: for each token, and once."""

from __future__ import annotations

from dataclasses import dataclass, field

from qcompile.ir.machine import ELEMENTARY_FUNCTION


@dataclass(slots=True)
class Part:
    """Forward work, counted operation by operation."""

    products: float = 0.0
    """FLOPs of matrix products."""
    elementwise: float = 0.0
    """FLOPs of everything else."""
    written: float = 0.0
    """Elements that operations write, copies included."""
    kept: float = 0.0
    """Elements that autograd keeps for backward."""
    largest: float = 0.0
    """Elements of the largest tensor that is written."""

    @property
    def flops(self) -> float:
        return self.products + self.elementwise


@dataclass(slots=True)
class Work:
    """Forward work of a call with T tokens: `once` + T · `each`."""

    once: Part = field(default_factory=Part)
    each: Part = field(default_factory=Part)
    operations: int = 0
    tables: float = 0.0
    """Elements of the fixed tables, which are made when the executor is built."""

    def add(
        self,
        *,
        batched: bool,
        products: float = 0.0,
        elementwise: float = 0.0,
        written: float = 0.0,
    ) -> None:
        """One operation."""
        part = self.each if batched else self.once
        part.products += products
        part.elementwise += elementwise
        part.written += written
        part.largest = max(part.largest, written)
        self.operations += 1

    def write(self, number: float, *, batched: bool) -> None:
        """An operation that copies or fills."""
        self.add(written=number, batched=batched)

    def elementwise(self, number: float, *, batched: bool, flops: float | None = None) -> None:
        """An operation with one FLOP an element of its result, or so many in all."""
        self.add(elementwise=number if flops is None else flops, written=number, batched=batched)

    def elementary(self, number: float, *, batched: bool) -> None:
        """An exponential, a sine or the like of each element."""
        self.elementwise(number, flops=ELEMENTARY_FUNCTION * number, batched=batched)

    def product(self, flops: float, number: float, *, batched: bool) -> None:
        """A matrix product with so many elements in its result."""
        self.add(products=flops, written=number, batched=batched)

    def keep(self, number: float, *, batched: bool) -> None:
        """Elements for backward."""
        part = self.each if batched else self.once
        part.kept += number

    def of(self, tokens: int) -> Part:
        """All of it, for so many tokens."""
        once, each = self.once, self.each
        return Part(
            products=once.products + tokens * each.products,
            elementwise=once.elementwise + tokens * each.elementwise,
            written=once.written + tokens * each.written,
            kept=once.kept + tokens * each.kept,
            largest=max(once.largest, tokens * each.largest),
        )

    def include(self, other: Work) -> None:
        """The work of both."""
        for mine, its in ((self.once, other.once), (self.each, other.each)):
            mine.products += its.products
            mine.elementwise += its.elementwise
            mine.written += its.written
            mine.kept += its.kept
            mine.largest = max(mine.largest, its.largest)
        self.operations += other.operations
        self.tables += other.tables
