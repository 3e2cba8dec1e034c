"""Primitives merged into as few sweeps over the state as commutation allows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from qcompile.ir.circuit import Affine
from qcompile.ir.factors import Factor, append
from qcompile.ir.primitives import (
    Depolarise,
    Diagonal,
    Generator,
    Local,
    Permutation,
    Primitive,
    Turn,
)


@dataclass(slots=True, kw_only=True)
class PhaseStage:
    """All of it diagonal: generator → angle."""

    from_data: bool
    terms: dict[Generator, Affine] = field(default_factory=dict)
    primitives: list[Primitive] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class LocalStage:
    """One-qubit matrices on several qubits: qubit → factors, first acting first."""

    chains: dict[int, tuple[Factor, ...]] = field(default_factory=dict)
    primitives: list[Primitive] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class TurnStage:
    """RY of data on several qubits."""

    angles: dict[int, Affine] = field(default_factory=dict)
    primitives: list[Primitive] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class PermuteStage:
    """Basis states exchanged."""

    gates: list[Permutation] = field(default_factory=list)
    primitives: list[Primitive] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class NoiseStage:
    """One depolarising channel."""

    channel: Depolarise
    primitives: list[Primitive] = field(default_factory=list)


Stage = PhaseStage | LocalStage | TurnStage | PermuteStage | NoiseStage


def merge_into_stages(primitives: Iterable[Primitive]) -> list[Stage]:
    """Each primitive joins the earliest stage of its kind that it can commute back to.

    The latest one would tear layers apart: the change back from the first qubit's basis would
    attract the change to the second qubit's.
    """
    stages: list[Stage] = []
    for primitive in primitives:
        chosen: Stage | None = None
        for stage in reversed(stages):
            if _accepts(stage, primitive):
                chosen = stage
            if not _passes(stage, primitive):
                break
        if chosen is None:
            stages.append(_open(primitive))
        else:
            _take(chosen, primitive)
            chosen.primitives.append(primitive)
    return stages


def _accepts(stage: Stage, primitive: Primitive) -> bool:
    match stage, primitive:
        case PhaseStage(), Diagonal():
            return stage.from_data == bool(primitive.angle.data)
        case (LocalStage(), Local()) | (TurnStage(), Turn()) | (PermuteStage(), Permutation()):
            return True
        case _:
            return False


def reads_data(stage: Stage) -> bool:
    match stage:
        case PhaseStage():
            return stage.from_data
        case TurnStage():
            return True
        case _:
            return False


def _take(stage: Stage, primitive: Primitive) -> None:
    match stage, primitive:
        case PhaseStage(), Diagonal():
            old = stage.terms.get(primitive.generator, Affine())
            stage.terms[primitive.generator] = old.plus(primitive.angle)
        case LocalStage(), Local():
            chain = stage.chains.get(primitive.qubit, ())
            stage.chains[primitive.qubit] = append(chain, primitive.factor)
        case TurnStage(), Turn():
            angle = stage.angles.get(primitive.qubit, Affine())
            stage.angles[primitive.qubit] = angle.plus(primitive.angle)
        case PermuteStage(), Permutation():
            stage.gates.append(primitive)
        case _:
            pass


def _passes(stage: Stage, primitive: Primitive) -> bool:
    if isinstance(stage, PhaseStage) and isinstance(primitive, Diagonal):
        return True
    touched = {qubit for earlier in stage.primitives for qubit in earlier.qubits}
    return touched.isdisjoint(primitive.qubits)


def _open(primitive: Primitive) -> Stage:
    match primitive:
        case Diagonal():
            stage: Stage = PhaseStage(from_data=bool(primitive.angle.data))
        case Local():
            stage = LocalStage()
        case Turn():
            stage = TurnStage()
        case Permutation():
            stage = PermuteStage()
        case Depolarise():
            stage = NoiseStage(channel=primitive)
    _take(stage, primitive)
    stage.primitives.append(primitive)
    return stage
