"""A gate program as the kernels for GPUs read it: fixed places instead of a text to be read.

Every pass is its rotations one by one: a string of Z is one that mixes no rows, and turns about
bits in their first state are one as well. Of the steps before all passes, the first of a bit makes
a factor of a product; the others are rotations.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from qcompile.executors.fused.encoding import float_bits
from qcompile.executors.fused.program import (
    AmplitudeInput,
    Angle,
    FusedProgram,
    LinearCombination,
    ReadOutcomes,
    RotationPass,
    StartStep,
    StringRotation,
)

MASK_BITS = 14
"""Of a mask; three of them and the flags make a word."""
ODD, IMAGINARY, NEGATIVE = (3 * MASK_BITS + flag for flag in range(3))
"""Bits of a string's word: the rows under its condition, P |r⟩ = ±i |r ^ x⟩, and the sign for
the row that comes to row 0."""
INDEX_BITS = 32

HEADER = ("product", "offset", "width", "factors", "rotations", "strings", "reads", "inverse")
"""Touched bits of the product; the amplitudes among the data; how many factors and rotations; where
the strings of the read-out are, and how many; where the rows of outcomes are."""
RECORD = 2
"""Words of a rotation: its string, its angles."""
COMBINATION = 3
"""Words of a linear combination: first term, end of terms, constant."""
TERM = 2
"""Words of a term: index, factor."""


class Launch(NamedTuple):
    """What has to be known where the kernels are launched, while the program is on the device."""

    bits: int
    real: bool
    amplitudes: bool
    probabilities: bool
    data: int
    """Combinations of a token's data."""
    shared: int
    """Combinations of the trainable angles."""
    width: int
    """Of a token's data."""
    angles: int
    outputs: int

    @classmethod
    def of_numbers(cls, numbers: Sequence[int]) -> Launch:
        """From the argument of an operator.

        Raises:
            RuntimeError: They are not as many.
        """
        if len(numbers) != len(cls._fields):
            raise RuntimeError("a gate program for the CPU, with tensors on a GPU")
        bits, real, amplitudes, probabilities, *counts = numbers
        return cls(bits, bool(real), bool(amplitudes), bool(probabilities), *counts)

    def numbers(self) -> list[int]:
        """For the argument of an operator."""
        return [int(value) for value in self]


def launch_of(program: FusedProgram) -> Launch:
    return Launch(
        bits=program.bits,
        real=program.real,
        amplitudes=isinstance(program.start, AmplitudeInput),
        probabilities=isinstance(program.read, ReadOutcomes),
        data=len(program.data),
        shared=len(program.shared),
        width=program.data_width,
        angles=program.angle_count,
        outputs=program.outputs,
    )


def encode_for_gpu(program: FusedProgram) -> list[int]:
    """64-bit integers: header, rotations, combinations, users of angles, terms, read-out.

    Numbers stand among them by the bits of their float64. After the header come the rotations, then
    the combinations of data and of angles; then for each trainable angle the range of what uses it.
    """
    factors, rotations = _in_order(program)
    records = [word for rotation in (*factors, *rotations) for word in _record(rotation)]
    combinations = (*program.data, *program.shared)
    users = _users(program)
    terms_at = len(HEADER) + len(records) + COMBINATION * len(combinations) + 2 * len(users)
    terms: list[int] = []

    def listed(pairs: Iterable[tuple[int, float]]) -> tuple[int, int]:
        first = terms_at + len(terms)
        for index, factor in pairs:
            terms.extend((index, float_bits(factor)))
        return first, terms_at + len(terms)

    ranges: list[int] = []
    for combination in combinations:
        ranges += [*listed(combination.terms), float_bits(combination.constant)]
    for pairs in users:
        ranges += listed(pairs)
    strings_at = terms_at + len(terms)
    reads = _strings(program)
    offset, width = 0, 0
    if isinstance(program.start, AmplitudeInput):
        offset, width = program.start.offset, program.start.width
    header = {
        "product": sum(rotation.x for rotation in factors),
        "offset": offset,
        "width": width,
        "factors": len(factors),
        "rotations": len(rotations),
        "strings": strings_at,
        "reads": len(reads),
        "inverse": strings_at + len(reads),
    }
    code = [header[name] for name in HEADER]
    return [*code, *records, *ranges, *terms, *reads, *_rows_of_outcomes(program)]


def _in_order(program: FusedProgram) -> tuple[list[StringRotation], list[StringRotation]]:
    """Factors of a product, then rotations."""
    factors: list[StringRotation] = []
    rotations: list[StringRotation] = []
    touched = 0
    steps = () if isinstance(program.start, AmplitudeInput) else program.start
    for step in steps:
        rotation = _step(step)
        first = rotation.x and not rotation.x & touched
        (factors if first else rotations).append(rotation)
        touched |= 1 << step.bit
    for each in program.passes:
        if isinstance(each, RotationPass):
            rotations += each.rotations
        else:
            rotations += [StringRotation(x=0, z=p.z, angle=p.angle) for p in each.phases]
    return factors, rotations


def _step(step: StartStep) -> StringRotation:
    bit = 1 << step.bit
    x, z = bit * (step.axis in "XY"), bit * (step.axis in "YZ")
    return StringRotation(x=x, z=z, angle=step.angle)


def _record(rotation: StringRotation) -> tuple[int, int]:
    word = _string(rotation.x, rotation.z, rotation.angle.negative)
    word |= rotation.condition << 2 * MASK_BITS | rotation.odd << ODD
    return word, _angles(rotation.angle)


def _string(x: int, z: int, negative: bool) -> int:
    ys = (x & z).bit_count()
    # Of P |r ^ x⟩ for r = 0.
    minus = negative != (ys % 4 in (1, 2))
    return x | z << MASK_BITS | (ys % 2) << IMAGINARY | minus << NEGATIVE


def _angles(angle: Angle) -> int:
    """One more than the indices; 0: none."""
    data = 0 if angle.data is None else 1 + angle.data
    shared = 0 if angle.shared is None else 1 + angle.shared
    return data | shared << INDEX_BITS


def _users(program: FusedProgram) -> list[list[tuple[int, float]]]:
    """For each trainable angle (combination, factor)."""
    found: list[list[tuple[int, float]]] = [[] for _ in range(program.angle_count)]
    for place, combination in enumerate(program.shared):
        _add_users(found, place, combination)
    return found


def _add_users(
    found: list[list[tuple[int, float]]], place: int, combination: LinearCombination
) -> None:
    for index, factor in combination.terms:
        found[index].append((place, factor))


def _strings(program: FusedProgram) -> list[int]:
    masks = program.read.bits if isinstance(program.read, ReadOutcomes) else program.read.strings
    return [_string(mask.x, mask.z, mask.negative) for mask in masks]


def _rows_of_outcomes(program: FusedProgram) -> list[int]:
    """The row of outcome 0 and rest 0, and what each bit of the two adds to a row.

    Bits of the rest come first, the least of each first.
    """
    if not isinstance(program.read, ReadOutcomes):
        return []
    bits = program.bits
    masks = [mask.z for mask in reversed(program.read.bits)]
    signs = sum(mask.negative << k for k, mask in enumerate(reversed(program.read.bits)))
    rest = _completion(masks, bits)
    columns = _inverse([*rest, *masks], bits)
    origin = 0
    for place in range(len(masks)):
        if signs >> place & 1:
            origin ^= columns[len(rest) + place]
    return [origin, *columns]


def _completion(masks: Sequence[int], bits: int) -> list[int]:
    """Masks of one bit that are independent of those and make a basis with them."""
    pivots: dict[int, int] = {}
    found: list[int] = []
    for mask, given in [(m, True) for m in masks] + [(1 << b, False) for b in range(bits)]:
        reduced = mask
        while reduced and reduced.bit_length() in pivots:
            reduced ^= pivots[reduced.bit_length()]
        if reduced:
            pivots[reduced.bit_length()] = reduced
            if not given:
                found.append(mask)
    return found


def _inverse(masks: Sequence[int], bits: int) -> list[int]:
    """Column j: the row whose parities under the masks are 1 for mask j alone."""
    rows = [(mask, 1 << place) for place, mask in enumerate(masks)]
    for bit in range(bits):
        pivot = next(k for k in range(bit, bits) if rows[k][0] >> bit & 1)
        rows[bit], rows[pivot] = rows[pivot], rows[bit]
        for other in range(bits):
            if other != bit and rows[other][0] >> bit & 1:
                rows[other] = (rows[other][0] ^ rows[bit][0], rows[other][1] ^ rows[bit][1])
    return [sum((rows[bit][1] >> j & 1) << bit for bit in range(bits)) for j in range(bits)]
