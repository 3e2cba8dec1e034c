"""What the executor does for a circuit, as a value: priced by `cost`, carried out by `build`.

A circuit becomes a start, sweeps over the state, unitaries that are built once a call, and
read-out settings. Nothing here needs torch.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from qcompile.executors.sweeps.families import rotates
from qcompile.executors.sweeps.spans import span_is_real, spans
from qcompile.executors.sweeps.stages import (
    LocalStage,
    NoiseStage,
    PermuteStage,
    PhaseStage,
    Stage,
    TurnStage,
    merge_into_stages,
)
from qcompile.ir.circuit import Affine, AmplitudeState, Pauli
from qcompile.ir.factors import IDENTITY, Factor, fixed
from qcompile.ir.primitives import Depolarise, Generator, Permutation, Primitive

DataTerms = tuple[tuple[int, float], ...]
"""Σ c · data[i] as (index, coefficient) pairs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseSweep:
    """exp(i Σ angle · generator); no angle depends on data."""

    terms: tuple[tuple[Generator, Affine], ...]
    """Sorted by generator."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignSweep:
    """(-1)^(Σ k · generator): a diagonal of 1 and -1."""

    terms: tuple[tuple[Generator, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DataPhaseSweep:
    """exp(i Σ angle · generator) of angles that are linear in data."""

    terms: tuple[tuple[Generator, DataTerms], ...]
    """Sorted by generator."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockSweep:
    """One-qubit matrices on qubits start … stop - 1, as one matrix."""

    start: int
    stop: int
    chains: tuple[tuple[Factor, ...], ...]
    """Factors of each qubit, first acting first."""
    real: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnSweep:
    """RY of data on one qubit, kept real."""

    qubit: int
    angle: Affine


@dataclass(frozen=True, slots=True, kw_only=True)
class PermuteSweep:
    """Basis states exchanged, by all gates in order."""

    gates: tuple[Permutation, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NoiseSweep:
    """One depolarising channel."""

    channel: Depolarise


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitarySweep:
    """A hoisted unitary: member `position` of `SweepProgram.groups[group]`."""

    group: int
    position: int


Phases = PhaseSweep | SignSweep | DataPhaseSweep
"""Diagonal: populations do not show them."""

Sweep = (
    PhaseSweep
    | SignSweep
    | DataPhaseSweep
    | BlockSweep
    | TurnSweep
    | PermuteSweep
    | NoiseSweep
    | UnitarySweep
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ZeroStart:
    """|0…0⟩ for all tokens at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductStart:
    """One-qubit gates on |0…0⟩: one vector a qubit and token, then their Kronecker product."""

    chains: tuple[tuple[Factor, ...], ...]
    """Factors of each qubit, first acting first."""

    @property
    def real(self) -> bool:
        return all(factor.real for chain in self.chains for factor in chain)


@dataclass(frozen=True, slots=True, kw_only=True)
class AmplitudeStart:
    """Amplitudes from data; their outer product where the program is one of density matrices."""

    initial: AmplitudeState


Start = ZeroStart | ProductStart | AmplitudeStart


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One measurement setting: its basis change, and what is read there."""

    sweeps: tuple[Sweep, ...]
    outputs: tuple[int, ...]
    """Positions of `paulis` among the outputs of the circuit."""
    paulis: tuple[Pauli, ...]
    permuted: tuple[PermuteSweep, ...] = ()
    """Exchanges of basis states that stand before the read-out, the first acting first: they are
    taken into the table of the observables."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectationRead:
    """Pauli strings, from the populations in each setting."""

    settings: tuple[Setting, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbabilityRead:
    """The distribution over the outcomes on `kept`."""

    kept: tuple[int, ...]
    mitigated: bool = False
    """Read-out errors are inverted on the frequencies of faulty outcomes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MitigatedRead:
    """Pauli strings from shots on faulty outcomes of their qubits, read-out errors inverted."""

    settings: tuple[Setting, ...]
    """One string each."""


Read = ExpectationRead | ProbabilityRead | MitigatedRead


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepProgram:
    """data (B, w), angles (k,) → (B, outputs)."""

    wires: int
    """Qubits of the state: those of the circuit, or kets and bras of a density matrix."""
    density: bool
    start: Start
    sweeps: tuple[Sweep, ...]
    """On the state of every token."""
    groups: tuple[tuple[tuple[Sweep, ...], ...], ...]
    """Unitaries that are built side by side, once a call: sweeps on all columns, alike in shape."""
    read: Read
    errors: tuple[float, float]
    """Read-out errors that the values show: (P(read 1 | is 0), P(read 0 | is 1))."""
    shots: int | None


def sweeps_of(stages: Sequence[Stage]) -> tuple[Sweep, ...]:
    """The sweeps of stages, in order."""
    return tuple(sweep for stage in stages for sweep in _sweeps(stage))


def sweeps_of_primitives(primitives: Sequence[Primitive]) -> tuple[Sweep, ...]:
    """Merged as far as commutation allows."""
    return sweeps_of(merge_into_stages(primitives))


def signature(sweeps: Sequence[Sweep]) -> tuple[object, ...]:
    """Equal for runs of sweeps that differ in angles alone, so that they can run side by side."""
    return tuple(_signature(sweep) for sweep in sweeps)


def _sweeps(stage: Stage) -> tuple[Sweep, ...]:
    match stage:
        case PhaseStage(from_data=True):
            data = tuple((g, angle.data) for g, angle in sorted(stage.terms.items()))
            return (DataPhaseSweep(terms=data),)
        case PhaseStage() if _is_sign(stage):
            turns = tuple((g, round(a.constant / math.pi)) for g, a in sorted(stage.terms.items()))
            return (SignSweep(terms=turns),)
        case PhaseStage():
            return (PhaseSweep(terms=tuple(sorted(stage.terms.items()))),)
        case LocalStage(chains=chains):
            idle: tuple[Factor, ...] = (fixed(IDENTITY),)
            return tuple(
                BlockSweep(
                    start=start,
                    stop=stop,
                    chains=tuple(chains.get(qubit, idle) for qubit in range(start, stop)),
                    real=span_is_real(chains, start, stop),
                )
                for start, stop in spans(sorted(chains))
            )
        case TurnStage(angles=angles):
            return tuple(TurnSweep(qubit=qubit, angle=a) for qubit, a in sorted(angles.items()))
        case PermuteStage(gates=gates):
            return (PermuteSweep(gates=tuple(gates)),)
        case NoiseStage(channel=channel):
            return (NoiseSweep(channel=channel),)


def _is_sign(stage: PhaseStage) -> bool:
    return all(
        angle.is_constant
        and math.isclose(angle.constant / math.pi, round(angle.constant / math.pi), abs_tol=1e-12)
        for angle in stage.terms.values()
    ) and all(kind == "n" for generator in stage.terms for _, kind in generator)


def _signature(sweep: Sweep) -> tuple[object, ...]:
    match sweep:
        case PhaseSweep(terms=terms):
            return ("phase", tuple(generator for generator, _ in terms))
        case SignSweep() | PermuteSweep():
            return (sweep,)
        case BlockSweep():
            return ("block", sweep.start, sweep.stop, sweep.real, rotates(sweep.chains))
        case _:
            raise ValueError(f"{type(sweep).__name__} is no part of a hoisted unitary")
