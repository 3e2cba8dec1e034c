"""Gates as matrices on one qubit and sums of two products on two."""

from __future__ import annotations

import cmath
from collections.abc import Iterator
from dataclasses import dataclass

from qcompile.ir.circuit import Affine, Gate
from qcompile.ir.decompose import to_cx_and_cz
from qcompile.ir.factors import NULL, Factor, fixed, rotation
from qcompile.ir.gates import GATES
from qcompile.ir.matrices import PAULIS
from qcompile.ir.primitives import (
    Depolarise,
    Generator,
    Local,
    Permutation,
    Primitive,
    Turn,
    decompose,
    one_qubit_factors,
    primitive_is_real,
)
from qcompile.ir.primitives import Diagonal as Phase


@dataclass(frozen=True, slots=True, kw_only=True)
class SingleOperator:
    """A matrix on one qubit."""

    qubit: int
    factor: Factor


@dataclass(frozen=True, slots=True, kw_only=True)
class Flip:
    """X where the control is |1⟩."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Controlled:
    """A matrix where the control is |1⟩."""

    chain: tuple[Factor, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PairPhases:
    """A phase for each value of the control and of the target, entries in this order."""

    factor: Factor


@dataclass(frozen=True, slots=True, kw_only=True)
class PairOperator:
    """On two qubits."""

    control: int
    target: int
    what: Flip | Controlled | PairPhases


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """Two qubits in each other's place."""

    qubits: tuple[int, int]


def operators_of(gate: Gate, *, real: bool) -> Iterator[SingleOperator | PairOperator | Exchange]:
    """The gate up to a global phase, in the order in which its parts act.

    Args:
        gate: On one or two qubits.
        real: It has a real matrix, and so must all its parts.
    """
    if len(gate.qubits) == 1:
        for factor in one_qubit_factors(gate):
            yield SingleOperator(qubit=gate.qubits[0], factor=factor)
        return
    first, last = gate.qubits
    inner = GATES[GATES[gate.name].controlled] if GATES[gate.name].controlled else None
    if inner is not None and inner.axis in ("X", "Y"):
        turned = Controlled(chain=(rotation(inner.axis, gate.angles[0]),))
        yield PairOperator(control=first, target=last, what=turned)
        return
    found: tuple[Primitive, ...] = decompose(gate, real=real)
    if real and not all(map(primitive_is_real, found)):
        for part in to_cx_and_cz(gate):
            yield from operators_of(part, real=True)
        return
    for primitive in found:
        yield from _of_primitive(primitive)


def _of_primitive(primitive: Primitive) -> Iterator[SingleOperator | PairOperator | Exchange]:
    match primitive:
        case Local(qubit=qubit, factor=factor):
            yield SingleOperator(qubit=qubit, factor=factor)
        case Turn(qubit=qubit, angle=angle):
            yield SingleOperator(qubit=qubit, factor=rotation("Y", angle))
        case Permutation(kind="x", qubits=(qubit,)):
            yield SingleOperator(qubit=qubit, factor=fixed(PAULIS["X"]))
        case Permutation(kind="cx", qubits=(control, target)):
            yield PairOperator(control=control, target=target, what=Flip())
        case Permutation(qubits=(one, other)):
            yield Exchange(qubits=(one, other))
        case Phase(generator=generator, angle=angle):
            factor = _phases(generator, angle)
            match tuple(qubit for qubit, _ in generator):
                case (qubit,):
                    yield SingleOperator(qubit=qubit, factor=_on_diagonal(factor))
                case (control, target):
                    yield PairOperator(
                        control=control, target=target, what=PairPhases(factor=factor)
                    )
                case _:
                    raise ValueError("a generator of three qubits")
        case Depolarise():
            raise ValueError("noise is no gate")


def _phases(generator: Generator, angle: Affine) -> Factor:
    """exp(i · angle · value) for both values of each qubit, the first the most significant."""
    values = [1.0]
    for _, kind in generator:
        values = [value * own for value in values for own in ((1, -1) if kind == "z" else (0, 1))]
    if angle.is_constant:
        return fixed(tuple(cmath.exp(1j * angle.constant * value) for value in values))
    return Factor(
        constant=tuple(int(value == 0) for value in values),
        cosine=tuple(int(value != 0) for value in values),
        sine=tuple(1j * value for value in values),
        angle=angle.times(2.0),
    )


def _on_diagonal(factor: Factor) -> Factor:
    """Two phases as a diagonal matrix."""
    spread = {
        name: (pair[0], 0, 0, pair[1]) if pair else NULL
        for name in ("constant", "cosine", "sine")
        for pair in [getattr(factor, name)]
    }
    return Factor(**spread, angle=factor.angle)
