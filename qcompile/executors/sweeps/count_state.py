"""What is known of a state while sweeps are counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from qcompile.ir.work import Work

WIDEST = 200
"""Wires beyond which counts stay where they are: far out of reach, and still floats."""


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """The shape of a state, (rows, parts, 2^n, columns or tokens)."""

    rows: int = 1
    parts: int
    dimension: int
    columns: int = 1
    batched: bool
    """It has one column a token."""
    grad: bool
    """A gradient flows back through it."""
    kept: bool = False
    """It is counted among what is kept."""
    contiguous: bool = True
    memory: int = 0
    """Elements of the tensor that it is a part of; 0: it is all of it."""

    @property
    def size(self) -> int:
        """Elements; of each token where `batched`."""
        return self.rows * self.parts * self.dimension * self.columns

    def keep(self, work: Work, needed: bool) -> None:
        """For backward, unless it is kept already."""
        if needed and not self.kept:
            work.keep(self.memory or self.size, batched=self.batched)

    def after(
        self, *, parts: int | None = None, batched: bool = False, grad: bool = False
    ) -> State:
        """What an operation makes of it, in memory of its own.

        Args:
            parts: Where their number changes.
            batched: It depends on the token from now on.
            grad: A gradient flows back from now on.
        """
        return replace(
            self,
            parts=self.parts if parts is None else parts,
            batched=self.batched or batched,
            grad=self.grad or grad,
            kept=False,
            contiguous=True,
            memory=0,
        )


def dimension_of(qubits: int) -> int:
    """2^qubits, within reason."""
    return int(2 ** min(qubits, WIDEST))


def is_run(axes: Sequence[int]) -> bool:
    """Whether they are neighbours in order, so that they are one axis without a copy."""
    return all(after == before + 1 for before, after in pairwise(axes))
