"""Clifford gates in the Heisenberg picture: Pauli strings to signed Pauli strings."""

from __future__ import annotations

from types import MappingProxyType
from typing import Literal, cast

from qcompile.ir.circuit import Gate, Pauli
from qcompile.ir.gates import GATES, PauliLetter

PRODUCTS: MappingProxyType[str, tuple[int, str]] = MappingProxyType(
    {
        "XY": (1, "Z"), "YZ": (1, "X"), "ZX": (1, "Y"),
        "YX": (3, "Z"), "ZY": (3, "X"), "XZ": (3, "Y"),
    }
)  # fmt: skip
"""Products of different letters: power of i, letter."""


FACTORS: MappingProxyType[str, str] = MappingProxyType({"I": "", "X": "X", "Y": "XZ", "Z": "Z"})
"""Letters as products of X and Z; Y = i X Z."""


def conjugate_pauli(pauli: Pauli, gate: Gate) -> Pauli:
    """U† P U for a Clifford gate U, so that ⟨Uψ|P|Uψ⟩ = ⟨ψ|U†PU|ψ⟩."""
    images = GATES[gate.name].images
    if images is None:
        raise ValueError(f"{gate.name} is no Clifford gate")
    letters: dict[int, str] = dict(pauli.letters)
    power = 0 if pauli.sign == 1 else 2
    image: dict[int, str] = {}
    for place, qubit in enumerate(gate.qubits):
        letter = letters.pop(qubit, "I")
        power += letter == "Y"
        for part in FACTORS[letter]:
            signed = images[2 * place + "XZ".index(part)]
            power += 2 * (signed[0] == "-")
            for other, factor in zip(gate.qubits, signed[1:], strict=True):
                power += _multiply_into(image, other, factor)
    merged = cast(dict[int, PauliLetter], letters | image)
    sign: Literal[1, -1] = 1 if power % 4 == 0 else -1
    return Pauli(letters=tuple(sorted(merged.items())), sign=sign)


def _multiply_into(image: dict[int, str], qubit: int, letter: str) -> int:
    """Multiply the letter from the right onto `image`; the power of i."""
    if letter == "I":
        return 0
    old = image.pop(qubit, None)
    if old is None:
        image[qubit] = letter
        return 0
    if old == letter:
        return 0
    power, product = PRODUCTS[old + letter]
    image[qubit] = product
    return power
