"""What a gate program costs, pass by pass as the library runs it."""

from __future__ import annotations

from dataclasses import dataclass

from qcompile.executors.fused.program import (
    AmplitudeInput,
    FusedProgram,
    PhasePass,
    ReadOutcomes,
    RotationPass,
)
from qcompile.ir.machine import ELEMENTARY_FUNCTION

LANES = 16
"""Tokens that a state holds side by side."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FusedWork:
    """FLOPs and elements, for a token and once a call."""

    forward: float
    """Of a token."""
    backward: float
    """Of a token, what follows on another forward run."""
    once: float
    """Of a call, in either direction."""
    kept: int
    """Elements of a token that are kept for backward: its data."""
    handed: int
    """Elements of a token that go in and out, gradients included."""
    states: int
    """Elements of the states of one thread, whatever the number of tokens."""
    numbers: int
    """Real numbers that rotations turn, of a token, forward."""


def fused_work(program: FusedProgram) -> FusedWork:
    """Rotations turn numbers with 2 FLOPs each; backward turns two states and sums slopes."""
    rows = 2**program.bits
    parts = 1 if program.real else 2
    state = rows * parts
    elementary = 2 * ELEMENTARY_FUNCTION
    forward = float(sum(2 * len(c.terms) + elementary for c in program.data))
    backward = float(sum(2 * len(c.terms) for c in program.data))
    once = float(sum(2 * len(c.terms) + elementary for c in program.shared))
    tables = turned = 0
    stays_real = True
    match program.start:
        case AmplitudeInput(width=width):
            forward += 4 * width
            backward += 4 * width
        case steps:
            stays_real = all(step.axis == "Y" for step in steps)
            each = 2.0 if program.real else 8.0
            forward += each * rows + 12 * len(steps)
            backward += 3 * each * rows + 32 * len(steps)
    for one in program.passes:
        match one:
            case RotationPass(rotations=rotations):
                some = bool(rotations[0].condition)
                stays_real &= not some and all(rotation.real for rotation in rotations)
                numbers = state // 2 if some else (rows if stays_real else state) * len(rotations)
                turned += numbers
                # Those on some rows alone take cosines too: no scale is common to all.
                forward += (3 if some else 2) * numbers
                backward += (8 if some else 6) * numbers
            case PhasePass(phases=phases):
                stays_real = False
                of_data = sum(phase.angle.data is not None for phase in phases)
                forward += 6 * rows
                backward += 12 * rows
                if of_data:
                    signs = rows * (3 + of_data / 4)
                    forward += signs + (elementary + 2) * rows
                    backward += 2 * signs + (elementary + 6) * rows
                if of_data < len(phases):
                    tables += 1
                    once += (program.bits + elementary) * rows
                    backward += 4 * rows
    match program.read:
        case ReadOutcomes():
            forward += 2 * state + rows
            backward += state
        case strings:
            diagonal = sum(mask.x == 0 for mask in strings.strings)
            crossing = len(strings.strings) - diagonal
            if diagonal:
                forward += 2 * state + rows * (3 + diagonal / 4)
                backward += state + rows * (3 + diagonal / 4)
            forward += crossing * 2 * state
            backward += crossing * 3 * state
    return FusedWork(
        forward=forward,
        backward=backward,
        once=once,
        kept=program.data_width,
        handed=2 * (program.data_width + program.outputs),
        states=LANES * (2 * state + tables * rows),
        numbers=turned,
    )
