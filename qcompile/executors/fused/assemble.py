"""From a circuit to its gate program."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

from qcompile.executors.fused.cost import fused_work
from qcompile.executors.fused.paulis import CliffordFrame
from qcompile.executors.fused.program import (
    FEWEST_BITS,
    LARGEST_BLOCK,
    AmplitudeInput,
    Angle,
    FusedProgram,
    LinearCombination,
    Pass,
    Phase,
    PhasePass,
    ReadOutcomes,
    ReadStrings,
    RotationPass,
    StartStep,
    StringRotation,
    Terms,
    independent,
    verify_fused_program,
)
from qcompile.executors.fused.translate import StringTurn, turns_of
from qcompile.ir.circuit import (
    Affine,
    AmplitudeState,
    Circuit,
    Expectations,
    Probabilities,
)


@lru_cache(maxsize=256)
def fused_program(circuit: Circuit) -> FusedProgram:
    """The program of a circuit of up to 14 qubits, verified."""
    frame = CliffordFrame(circuit.qubits)
    turns = _merged(turns_of(circuit.gates, frame))
    read = _read(circuit, frame)
    turns = _visible(turns, read)
    alone: list[StringTurn] = []
    if not isinstance(circuit.initial, AmplitudeState):
        alone, turns = _before_all(turns)
    orders = (turns, _rotations_first(turns))
    programs = [_program(circuit, alone, _stages(order), read) for order in orders]
    return min(programs, key=_work)


def _program(
    circuit: Circuit,
    alone: Sequence[StringTurn],
    stages: Sequence[_Stage],
    read: ReadStrings | ReadOutcomes,
) -> FusedProgram:
    table = _Angles()
    start: AmplitudeInput | tuple[StartStep, ...]
    match circuit.initial:
        case AmplitudeState(offset=offset, width=width):
            start = AmplitudeInput(offset=offset, width=width)
        case _:
            start = tuple(_step(turn, table) for turn in alone)
    passes = tuple(_pass(stage, table) for stage in stages)
    turns = [turn for stage in stages for turn in stage.turns]
    program = FusedProgram(
        bits=max(circuit.qubits, FEWEST_BITS),
        real=all(turn.string.real for turn in (*alone, *turns)),
        data_width=circuit.data_width,
        angle_count=circuit.angle_count,
        data=tuple(LinearCombination(terms=terms) for terms in table.data),
        shared=tuple(LinearCombination(constant=c, terms=terms) for c, terms in table.shared),
        start=start,
        passes=passes,
        read=read,
    )
    verify_fused_program(program)
    return program


def _work(program: FusedProgram) -> tuple[float, int]:
    work = fused_work(program)
    return work.forward + work.backward, len(program.passes)


def _merged(turns: Iterable[StringTurn]) -> list[StringTurn]:
    """Rotations about the same string become one, as far as they can move to each other."""
    found: list[StringTurn] = []
    for turn in turns:
        place = _same(found, turn)
        if place is None:
            found.append(turn)
            continue
        old = found[place]
        opposite = old.string.negative != turn.string.negative
        angle = turn.angle.times(-1.0) if opposite else turn.angle
        found[place] = replace(old, angle=old.angle.plus(angle))
    return [turn for turn in found if turn.angle != Affine()]


def _same(turns: Sequence[StringTurn], turn: StringTurn) -> int | None:
    string = turn.string
    for place in range(len(turns) - 1, -1, -1):
        other = turns[place]
        alike = (other.string.x, other.string.z) == (string.x, string.z)
        if alike and other.condition == turn.condition:
            return place
        if not turn.commutes(other):
            return None
    return None


def _read(circuit: Circuit, frame: CliffordFrame) -> ReadStrings | ReadOutcomes:
    match circuit.readout:
        case Expectations(paulis=paulis):
            return ReadStrings(
                strings=tuple(frame.image(p.letters, negative=p.sign < 0) for p in paulis)
            )
        case Probabilities(qubits=qubits):
            return ReadOutcomes(bits=tuple(frame.image(((qubit, "Z"),)) for qubit in qubits))


def _visible(turns: Sequence[StringTurn], read: ReadStrings | ReadOutcomes) -> list[StringTurn]:
    """Without those at the end that no value depends on."""
    masks = read.strings if isinstance(read, ReadStrings) else read.bits
    seen = [StringTurn(string=mask, angle=Affine()) for mask in masks]
    kept: list[StringTurn] = []
    for turn in reversed(turns):
        if not all(turn.commutes(other) for other in (*seen, *kept)):
            kept.append(turn)
    return kept[::-1]


def _before_all(turns: Sequence[StringTurn]) -> tuple[list[StringTurn], list[StringTurn]]:
    """Rotations of one bit that can move to the front, and the rest.

    Diagonal ones whose bits are all 0 there change the phase of the state alone.
    """
    alone: list[StringTurn] = []
    rest: list[StringTurn] = []
    touched = 0
    for turn in turns:
        support = turn.string.x | turn.string.z
        idle = turn.diagonal and not support & touched
        first = idle or (support.bit_count() == 1 and not turn.condition.z)
        if not first or not all(turn.commutes(other) for other in rest):
            rest.append(turn)
        elif not idle:
            alone.append(turn)
            touched |= support
    return alone, rest


@dataclass(slots=True)
class _Stage:
    turns: list[StringTurn]

    def accepts(self, turn: StringTurn) -> bool:
        """Whether it can be the last of this stage."""
        first = self.turns[0]
        if turn.diagonal or first.diagonal:
            return turn.diagonal and first.diagonal
        if turn.condition.z or first.condition.z or len(self.turns) == LARGEST_BLOCK:
            return False
        together = all(turn.string.commutes(t.string) for t in self.turns)
        return together and independent(t.string.x for t in (*self.turns, turn))


def _stages(turns: Iterable[StringTurn]) -> list[_Stage]:
    """Each joins the earliest stage that takes it and that it can move to."""
    stages: list[_Stage] = []
    for turn in turns:
        chosen: _Stage | None = None
        for stage in reversed(stages):
            if stage.accepts(turn):
                chosen = stage
            if not all(turn.commutes(other) for other in stage.turns):
                break
        if chosen is None:
            stages.append(_Stage([turn]))
        else:
            chosen.turns.append(turn)
    return stages


LOOKAHEAD = 64
"""Turns that wait for others, beyond which none is looked for."""


def _rotations_first(turns: Iterable[StringTurn]) -> list[StringTurn]:
    """An equal order: phases wait until no rotation can move to the front, then all come at once.

    Passes of phases become fewer, and a state that starts real stays so for longer.
    """
    rest = list(turns)
    found: list[StringTurn] = []
    while rest:
        front: list[StringTurn] = []
        waiting: list[StringTurn] = []
        for turn in rest:
            near = len(waiting) < LOOKAHEAD
            free = near and all(turn.commutes(other) for other in (*waiting, *front))
            (front if free else waiting).append(turn)
        rotations = [turn for turn in front if not turn.diagonal]
        taken = {id(turn) for turn in rotations or front}
        found += rotations or front
        rest = [turn for turn in rest if id(turn) not in taken]
    return found


@dataclass(slots=True)
class _Angles:
    """The combinations of a program, each once: layers that upload the same data share theirs."""

    data: dict[Terms, int] = field(default_factory=dict)
    shared: dict[tuple[float, Terms], int] = field(default_factory=dict)

    def angle(self, turn: StringTurn) -> Angle:
        affine = turn.angle
        minus = bool(affine.data) and affine.data[0][1] < 0
        if minus:
            affine = affine.times(-1.0)
        data = self.data.setdefault(affine.data, len(self.data)) if affine.data else None
        rest = (affine.constant, affine.angles)
        shared = None
        if affine.constant or affine.angles:
            shared = self.shared.setdefault(rest, len(self.shared))
        return Angle(data=data, shared=shared, negative=minus != turn.string.negative)


def _step(turn: StringTurn, table: _Angles) -> StartStep:
    x, z = turn.string.x, turn.string.z
    axis = "Y" if x and z else "X" if x else "Z"
    return StartStep(bit=(x | z).bit_length() - 1, axis=axis, angle=table.angle(turn))


def _pass(stage: _Stage, table: _Angles) -> Pass:
    if not stage.turns[0].diagonal:
        return RotationPass(rotations=tuple(_rotation(turn, table) for turn in stage.turns))
    phases: list[Phase] = []
    for turn in stage.turns:
        angle = table.angle(turn)
        parts = (replace(angle, shared=None), replace(angle, data=None))
        kept = [part for part in parts if part.data is not None or part.shared is not None]
        phases += [Phase(z=turn.string.z, angle=part) for part in kept]
    return PhasePass(phases=tuple(phases))


def _rotation(turn: StringTurn, table: _Angles) -> StringRotation:
    return StringRotation(
        x=turn.string.x,
        z=turn.string.z,
        angle=table.angle(turn),
        condition=turn.condition.z,
        odd=bool(turn.condition.z) and not turn.condition.negative,
    )
