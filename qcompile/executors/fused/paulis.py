"""Pauli strings on the bits of a basis state, and the Clifford gates before them.

Clifford gates that take basis states to basis states cost nothing: U = F V with F their product and
V rotations about strings, exp(-i t P / 2) F = F exp(-i t F† P F / 2).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from qcompile.ir.circuit import Gate
from qcompile.ir.gates import GATES, GateName


@dataclass(frozen=True, slots=True)
class PauliMask:
    """± a string with X on the bits of x alone, Z on those of z alone, Y on those of both."""

    x: int
    z: int
    negative: bool = False

    @property
    def real(self) -> bool:
        """Whether exp(-i t P / 2) has real entries alone."""
        return (self.x & self.z).bit_count() % 2 == 1

    def commutes(self, other: PauliMask) -> bool:
        return ((self.x & other.z).bit_count() + (self.z & other.x).bit_count()) % 2 == 0

    def times(self, other: PauliMask) -> PauliMask:
        """The product of two strings that commute."""
        return _string(_product(self._power(), other._power()))

    def _power(self) -> tuple[int, int, int]:
        """(x, z, k) with the string = i^k X^x Z^z."""
        return self.x, self.z, ((self.x & self.z).bit_count() + 2 * self.negative) % 4


def _product(left: tuple[int, int, int], right: tuple[int, int, int]) -> tuple[int, int, int]:
    x, z, k = left
    other_x, other_z, other_k = right
    return x ^ other_x, z ^ other_z, (k + other_k + 2 * (z & other_x).bit_count()) % 4


def _string(power: tuple[int, int, int]) -> PauliMask:
    x, z, k = power
    return PauliMask(x, z, (k - (x & z).bit_count()) % 4 == 2)


class CliffordFrame:
    """F: what Clifford gates so far make of strings. Qubit q is bit `bits` - 1 - q."""

    def __init__(self, bits: int) -> None:
        self.x = [(1 << (bits - 1 - qubit), 0, 0) for qubit in range(bits)]
        self.z = [(0, 1 << (bits - 1 - qubit), 0) for qubit in range(bits)]

    def image(self, letters: Iterable[tuple[int, str]], *, negative: bool = False) -> PauliMask:
        """F† P F of a string given by (qubit, letter)."""
        return _string(self._image(letters, negative))

    def apply(self, gate: Gate) -> None:
        """Another gate, a monomial one, on the left of F."""
        images = GATES[gate.name].images
        assert images is not None
        size = len(gate.qubits)
        found = []
        for place in range(size):
            for letter in "XZ":
                string = "".join(letter if k == place else "I" for k in range(size))
                image = images[string]
                pairs = zip(gate.qubits, image[1:], strict=True)
                found.append(self._image(pairs, image[0] == "-"))
        for place, qubit in enumerate(gate.qubits):
            self.x[qubit], self.z[qubit] = found[2 * place], found[2 * place + 1]

    def _image(self, letters: Iterable[tuple[int, str]], negative: bool) -> tuple[int, int, int]:
        total = (0, 0, 2 * negative)
        for qubit, letter in letters:
            if letter == "Y":
                total = _product(total, (0, 0, 1))
            if letter in "XY":
                total = _product(total, self.x[qubit])
            if letter in "YZ":
                total = _product(total, self.z[qubit])
        return total


@cache
def is_monomial(name: GateName) -> bool:
    """A Clifford gate that takes every basis state to one, up to its phase."""
    images = GATES[name].images
    return images is not None and all(
        set(images[string][1:]) <= {"I", "Z"} for string in images if set(string) <= {"I", "Z"}
    )
