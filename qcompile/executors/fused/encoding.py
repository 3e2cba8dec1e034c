"""A gate program as an array of integers, which `kernel/program.hpp` reads."""

from __future__ import annotations

import struct
from collections.abc import Iterable

from qcompile.executors.fused.paulis import PauliMask
from qcompile.executors.fused.program import (
    AmplitudeInput,
    Angle,
    FusedProgram,
    LinearCombination,
    PhasePass,
    ReadOutcomes,
    RotationPass,
)

FORMAT = 1


def encode_program(program: FusedProgram) -> list[int]:
    """64-bit integers; numbers stand among them by the bits of their float64."""
    code = [FORMAT, program.bits, program.real]
    code += [program.data_width, program.angle_count, program.outputs]
    match program.start:
        case AmplitudeInput(offset=offset, width=width):
            code += [True, offset, width]
            steps: tuple[int, ...] = (0,)
        case found:
            code += [False, 0, 0]
            steps = (len(found),)
            for step in found:
                steps += (step.bit, "XYZ".index(step.axis), *_angle(step.angle))
    code += _combinations(program.data, constant=False)
    code += _combinations(program.shared, constant=True)
    code += steps
    code.append(len(program.passes))
    for each in program.passes:
        match each:
            case RotationPass(rotations=rotations):
                code += [False, len(rotations)]
                for r in rotations:
                    code += [r.x, r.z, r.condition, r.odd, *_angle(r.angle)]
            case PhasePass(phases=phases):
                code += [True, len(phases)]
                for phase in phases:
                    code += [phase.z, *_angle(phase.angle)]
    match program.read:
        case ReadOutcomes(bits=masks):
            code.append(True)
        case strings:
            code.append(False)
            masks = strings.strings
    code += [len(masks), *_masks(masks)]
    return [int(value) for value in code]


def _combinations(combinations: Iterable[LinearCombination], *, constant: bool) -> list[int]:
    code = [0]
    for combination in combinations:
        code[0] += 1
        if constant:
            code.append(float_bits(combination.constant))
        code.append(len(combination.terms))
        for index, factor in combination.terms:
            code += [index, float_bits(factor)]
    return code


def float_bits(number: float) -> int:
    """Of a float64."""
    found: int = struct.unpack("<q", struct.pack("<d", number))[0]
    return found


def _angle(angle: Angle) -> tuple[int, int, int]:
    data = -1 if angle.data is None else angle.data
    shared = -1 if angle.shared is None else angle.shared
    return data, shared, angle.negative


def _masks(masks: Iterable[PauliMask]) -> list[int]:
    return [value for mask in masks for value in (mask.x, mask.z, mask.negative)]
