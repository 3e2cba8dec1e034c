"""Expectation values of Pauli strings of a matrix product state."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, TypeVar

from qcompile.executors.mps.program import ChainString, MpsProgram
from qcompile.executors.mps.tensors import Tensors

T = TypeVar("T")


def right_environments(on: Tensors[T], sites: Sequence[T], first: int) -> list[T | None]:
    """At place k what qubits k, k + 1, … make with their conjugates, (ket, bra) of the bond left
    of qubit k; None at the end and before `first`."""
    found: list[T | None] = [None] * (len(sites) + 1)
    for qubit in range(len(sites) - 1, first - 1, -1):
        left, _, right = on.shape(sites[qubit])
        beyond = found[qubit + 1]
        joined = on.view(sites[qubit], 2 * left, right)
        if beyond is not None:
            joined = on.product(joined, beyond)
        bra = on.transpose(on.conjugate(on.view(sites[qubit], left, 2 * right)))
        found[qubit] = on.product(on.view(joined, left, 2 * right), bra)
    return found


def read_strings(on: Tensors[T], program: MpsProgram, sites: Sequence[T]) -> T:
    """All outputs; over the norm where the state was cut."""
    reading = _Reading(on, sites, program)
    columns = [reading.string(string) for string in program.strings]
    return on.values(columns, reading.norm() if program.cuts else None)


class _Reading(Generic[T]):
    """The parts that strings share."""

    def __init__(self, on: Tensors[T], sites: Sequence[T], program: MpsProgram) -> None:
        self.on = on
        self.sites = sites
        self.real = program.real
        supports = [string.letters for string in program.strings if string.letters]
        nearest = min((letters[-1][0] + 1 for letters in supports), default=len(sites))
        self.beyond = right_environments(on, sites, first=nearest)
        self.bras: list[T | None] = [None] * len(sites)
        self.before: list[T | None] = [None]
        """At place k what qubits 0 … k - 1 make, (bra, ket)."""
        self.joined: list[T] = []
        """That with the tensor of qubit k, (bra, 2, ket)."""

    def string(self, string: ChainString) -> tuple[T, int, bool]:
        """The value up to a sign and, with an odd number of Y, a factor i: see `values`."""
        on = self.on
        count = sum(letter == "Y" for _, letter in string.letters)
        sign = string.sign * (1, -1, -1, 1)[count % 4]
        if not string.letters:
            return on.one(), sign, False
        letters = dict(string.letters)
        first, last = string.letters[0][0], string.letters[-1][0]
        joined = self._joined(first)
        value: T | None = None
        for qubit in range(first, last + 1):
            if value is not None:
                joined = self._join(value, qubit)
            if qubit in letters:
                joined = self._lettered(joined, letters[qubit])
            value = self._closed(joined, qubit)
        assert value is not None
        beyond = self.beyond[last + 1]
        if beyond is not None:
            value = on.times(value, on.transpose(beyond))
        return on.total(value), sign, count % 2 == 1

    def norm(self) -> T:
        """⟨ψ|ψ⟩, (1, 1)."""
        last = len(self.sites) - 1
        return self._closed(self._joined(last), last)

    def _lettered(self, joined: T, letter: str) -> T:
        """With a letter on the axis of the qubit; Y without its factor i."""
        on = self.on
        if letter != "X":
            joined = on.spread(joined, "signs")
        if letter != "Z":
            joined = on.flip(joined, 1)
        return joined

    def _joined(self, qubit: int) -> T:
        while len(self.joined) <= qubit:
            place = len(self.joined)
            if place > 0:
                self.before.append(self._closed(self.joined[-1], place - 1))
            self.joined.append(self._join(self.before[place], place))
        return self.joined[qubit]

    def _join(self, before: T | None, qubit: int) -> T:
        """(bra, ket) with the ket of a qubit: (bra, 2, ket)."""
        if before is None:
            return self.sites[qubit]
        on = self.on
        left, _, right = on.shape(self.sites[qubit])
        product = on.product(before, on.view(self.sites[qubit], left, 2 * right))
        return on.view(product, on.shape(before)[0], 2, right)

    def _closed(self, joined: T, qubit: int) -> T:
        """(bra, 2, ket) with the bra of a qubit: (bra, ket) of the bond beyond it."""
        on = self.on
        left, _, right = on.shape(self.sites[qubit])
        bra = self.bras[qubit]
        if bra is None:
            matrix = on.view(self.sites[qubit], 2 * left, right)
            bra = self.bras[qubit] = on.transpose(on.conjugate(matrix))
        above, _, ket = on.shape(joined)
        return on.product(bra, on.view(joined, 2 * above, ket))
