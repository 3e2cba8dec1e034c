"""What is done with the tensors of a chain: `build` does it in torch, `count` counts it.

A tensor has a batch axis of tokens, or of 1 where nothing depends on data, then the axes that are
named here.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Generic, Literal, TypeVar

from qcompile.executors.mps.program import MatrixPlace

T = TypeVar("T")

Table = Literal["right fork", "left fork", "carry", "signs"]
"""Fixed tensors: the control's value beside its right or left bond, (1, 2, 2, 1) of axes l, s, k, r
and (2, 1, 2, 1) of k, l, s, r; the same value on both sides, (2, 1, 1, 2, 1) of k, l, s, k, r; the
eigenvalues of Z, (1, 2, 1)."""

TABLES: dict[Table, tuple[int, ...]] = {
    "right fork": (1, 2, 2, 1),
    "left fork": (2, 1, 2, 1),
    "carry": (2, 1, 1, 2, 1),
    "signs": (1, 2, 1),
}
"""Their axes."""


class Tensors(ABC, Generic[T]):
    """What is done with tensors."""

    @abstractmethod
    def matrix(self, place: MatrixPlace) -> T:
        """(2, 2), one of the program's."""

    @abstractmethod
    def ground(self) -> T:
        """|0⟩ on one qubit, (1, 2, 1)."""

    @abstractmethod
    def one(self) -> T:
        """The number 1, ()."""

    @abstractmethod
    def identity(self, left: int, right: int) -> T:
        """(left, 2, right): the identity, where (left, 2) or (2, right) is one axis."""

    @abstractmethod
    def column(self, matrix: T) -> T:
        """(1, 2, 1): what a matrix (2, 2) makes of |0⟩."""

    @abstractmethod
    def shape(self, tensor: T) -> tuple[int, ...]:
        """Without the batch axis."""

    @abstractmethod
    def view(self, tensor: T, *shape: int) -> T:
        """The same elements in order."""

    @abstractmethod
    def each(self, matrix: T, number: int) -> T:
        """A matrix (a, b) once for each of `number` rows, (number, a, b)."""

    @abstractmethod
    def rows(self, matrices: T, tensor: T) -> T:
        """Matrices (n, a, b) times tensors (n, b, c)."""

    @abstractmethod
    def product(self, left: T, right: T) -> T:
        """(a, b) times (b, c)."""

    @abstractmethod
    def conjugate(self, tensor: T) -> T:
        """The complex conjugate."""

    @abstractmethod
    def transpose(self, matrix: T) -> T:
        """(a, b) as (b, a), not copied."""

    @abstractmethod
    def spread(self, tensor: T, table: Table) -> T:
        """Times a fixed tensor, with broadcasting."""

    @abstractmethod
    def times(self, left: T, right: T) -> T:
        """Element by element, with broadcasting."""

    @abstractmethod
    def flip(self, tensor: T, axis: int) -> T:
        """The two entries of an axis exchanged."""

    @abstractmethod
    def pair(self, first: T, second: T, axis: int) -> T:
        """Two tensors of one shape along a new axis."""

    @abstractmethod
    def total(self, tensor: T) -> T:
        """The sum of all elements, ()."""

    @abstractmethod
    def kept(self, density: T, keep: int) -> tuple[T, T]:
        """Of a Hermitian (d, d): the eigenvectors (d, keep) of the largest eigenvalues, and
        1 / √ of their sum, (), without a gradient. What the others add up to is noted as lost."""

    @abstractmethod
    def values(self, columns: Sequence[tuple[T, int, bool]], norm: T | None) -> T:
        """The outputs: of each column sign · real part, or imaginary part where the flag says so;
        over the norm."""
