"""Measurement settings: observables that can be read in one basis are read together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from qcompile.ir.circuit import Affine, Circuit, Expectations, Gate, Pauli, Probabilities
from qcompile.ir.matrices import PauliLetter

TURN_TO_Z: dict[PauliLetter, tuple[tuple[str, float], ...]] = {
    "X": (("ry", -1.5707963267948966),),
    "Y": (("rx", 1.5707963267948966),),
    "Z": (),
}
"""Rotations after which Z is what the letter was before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BasisSetting:
    """A circuit that reads Z strings or probabilities, and which outputs they are."""

    circuit: Circuit
    outputs: tuple[int, ...]


def settings(circuit: Circuit) -> tuple[BasisSetting, ...]:
    """The circuit once for each basis, with the same data and angles.

    Strings that agree on every qubit that they share are in one setting: the longest first, each
    where it fits first.
    """
    match circuit.readout:
        case Probabilities():
            return (BasisSetting(circuit=circuit, outputs=tuple(range(circuit.outputs))),)
        case Expectations(paulis=paulis):
            return tuple(_in_basis(circuit, paulis, group) for group in _groups(paulis))


def _groups(paulis: tuple[Pauli, ...]) -> Iterator[tuple[dict[int, PauliLetter], tuple[int, ...]]]:
    groups: list[tuple[dict[int, PauliLetter], list[int]]] = []
    order = sorted(range(len(paulis)), key=lambda k: (-len(paulis[k].letters), k))
    for output in order:
        letters = dict(paulis[output].letters)
        for basis, members in groups:
            if all(basis.get(qubit, letter) == letter for qubit, letter in letters.items()):
                basis.update(letters)
                members.append(output)
                break
        else:
            groups.append((letters, [output]))
    for basis, members in groups:
        yield basis, tuple(sorted(members))


def _in_basis(
    circuit: Circuit,
    paulis: tuple[Pauli, ...],
    group: tuple[dict[int, PauliLetter], tuple[int, ...]],
) -> BasisSetting:
    basis, outputs = group
    turns = tuple(
        Gate(name=name, qubits=(qubit,), angles=(Affine(constant=angle),))
        for qubit, letter in sorted(basis.items())
        for name, angle in TURN_TO_Z[letter]
    )
    strings = tuple(
        replace(paulis[k], letters=tuple((qubit, "Z") for qubit, _ in paulis[k].letters))
        for k in outputs
    )
    read = replace(circuit, gates=circuit.gates + turns, readout=Expectations(paulis=strings))
    return BasisSetting(circuit=read, outputs=outputs)
