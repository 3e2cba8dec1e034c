"""What the kernel does for a circuit, as a value: priced by `cost`, encoded for the library, run.

All gates become rotations about Pauli strings (`paulis.py`). Those of one qubit before anything
else make a product state; of the others, rotations that mix few rows are taken together, and those
that are diagonal. Nothing here needs torch.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from qcompile.executors.fused.paulis import PauliMask
from qcompile.ir.limits import MAX_FUSED_QUBITS
from qcompile.ir.verification import VerificationError

FEWEST_BITS = 3
"""Rows are taken by eights; idle qubits are added, as the most significant ones."""
LARGEST_BLOCK = 3
"""Rotations in one pass."""

Terms = tuple[tuple[int, float], ...]
"""(index, factor) pairs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinearCombination:
    """constant + Σ factor · inputs[index]."""

    constant: float = 0.0
    terms: Terms


@dataclass(frozen=True, slots=True, kw_only=True)
class Angle:
    """The sum of a combination of a token's data and one that all tokens share, or minus that."""

    data: int | None = None
    shared: int | None = None
    negative: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StringRotation:
    """exp(-i angle P / 2), on the rows of odd or even parity under `condition` alone."""

    x: int
    z: int
    angle: Angle
    condition: int = 0
    """0: on all rows."""
    odd: bool = False

    @property
    def real(self) -> bool:
        """Its matrix is real: P has an odd number of Y."""
        return (self.x & self.z).bit_count() % 2 == 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """exp(-i angle Z / 2) with Z on the bits of z; the angle is of data or shared, not both."""

    z: int
    angle: Angle


@dataclass(frozen=True, slots=True, kw_only=True)
class RotationPass:
    """Commuting rotations that mix 2^k rows at a time; a conditional one stands alone."""

    rotations: tuple[StringRotation, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PhasePass:
    """Phases: one complex factor for each row, or for each row and token."""

    phases: tuple[Phase, ...]


Pass = RotationPass | PhasePass


@dataclass(frozen=True, slots=True, kw_only=True)
class StartStep:
    """A rotation of one bit of |0…0⟩ about X, Y or Z, before all passes."""

    bit: int
    axis: str
    angle: Angle


@dataclass(frozen=True, slots=True, kw_only=True)
class AmplitudeInput:
    """data[offset : offset + width], padded with zeros and normalised."""

    offset: int
    width: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadStrings:
    """⟨P⟩ of each string."""

    strings: tuple[PauliMask, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOutcomes:
    """Probabilities of the parities of the rows under these strings of Z."""

    bits: tuple[PauliMask, ...]
    """The most significant bit of an outcome first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FusedProgram:
    """data (B, data_width), angles (angle_count,) → (B, outputs)."""

    bits: int
    real: bool
    """The state stays real: it has no imaginary parts."""
    data_width: int
    angle_count: int
    data: tuple[LinearCombination, ...]
    """Of a token's data."""
    shared: tuple[LinearCombination, ...]
    """Of the trainable angles."""
    start: AmplitudeInput | tuple[StartStep, ...]
    passes: tuple[Pass, ...]
    read: ReadStrings | ReadOutcomes

    @property
    def outputs(self) -> int:
        match self.read:
            case ReadStrings(strings=strings):
                return len(strings)
            case ReadOutcomes(bits=bits):
                return int(2 ** len(bits))

    @property
    def reads_data(self) -> bool:
        """Whether the values differ from token to token."""
        return isinstance(self.start, AmplitudeInput) or bool(self.data)

    def text(self) -> str:
        """Line by line, for people."""
        lines = [f"{'real' if self.real else 'complex'} state of {self.bits} bits"]
        lines += [f"d{k} = {_sum(c, 'x')}" for k, c in enumerate(self.data)]
        lines += [f"t{k} = {_sum(c, 'angles')}" for k, c in enumerate(self.shared)]
        match self.start:
            case AmplitudeInput(offset=offset, width=width):
                lines.append(f"amplitudes x[{offset}:{offset + width}]")
            case steps:
                lines += [f"start: r{s.axis.lower()}({_angle(s.angle)}) {s.bit}" for s in steps]
        for each in self.passes:
            match each:
                case RotationPass(rotations=rotations):
                    lines.append("rotate: " + "; ".join(self._rotation(r) for r in rotations))
                case PhasePass(phases=phases):
                    shown = (f"{self._letters(0, p.z)}({_angle(p.angle)})" for p in phases)
                    lines.append("phases: " + "; ".join(shown))
        match self.read:
            case ReadStrings(strings=masks):
                lines.append("read: " + ", ".join(map(self._string, masks)))
            case ReadOutcomes(bits=masks):
                lines.append("outcomes of: " + ", ".join(map(self._string, masks)))
        return "\n".join(lines) + "\n"

    def _rotation(self, rotation: StringRotation) -> str:
        text = f"{self._letters(rotation.x, rotation.z)}({_angle(rotation.angle)})"
        if rotation.condition:
            parity = "odd" if rotation.odd else "even"
            text += f" where {self._letters(0, rotation.condition)} is {parity}"
        return text

    def _string(self, mask: PauliMask) -> str:
        return ("-" if mask.negative else "") + self._letters(mask.x, mask.z)

    def _letters(self, x: int, z: int) -> str:
        """The most significant bit first, as qubits are listed."""
        return "".join("IXZY"[(x >> b & 1) + 2 * (z >> b & 1)] for b in reversed(range(self.bits)))


def _sum(combination: LinearCombination, name: str) -> str:
    parts = [f"{factor:g} {name}[{index}]" for index, factor in combination.terms]
    if combination.constant or not parts:
        parts.insert(0, f"{combination.constant:g}")
    return " + ".join(parts)


def _angle(angle: Angle) -> str:
    parts = [] if angle.data is None else [f"d{angle.data}"]
    parts += [] if angle.shared is None else [f"t{angle.shared}"]
    text = " + ".join(parts) or "0"
    return f"-({text})" if angle.negative else text


def verify_fused_program(program: FusedProgram) -> None:
    """Check what the library takes for granted, which it checks again before every run.

    Raises:
        VerificationError: something is out of bounds, or two rotations of a pass mix the same rows.
    """
    size = 1 << program.bits
    _require(FEWEST_BITS <= program.bits <= MAX_FUSED_QUBITS, f"{program.bits} bits")
    _indices(program.data, program.data_width, "data")
    _indices(program.shared, program.angle_count, "angles")
    match program.start:
        case AmplitudeInput(offset=offset, width=width):
            _require(offset >= 0 and 0 <= width <= size, "the amplitudes do not fit")
            _require(offset + width <= program.data_width, "amplitudes beyond the data")
        case steps:
            for step in steps:
                _require(0 <= step.bit < program.bits and step.axis in ("X", "Y", "Z"), "a step")
                _require(not program.real or step.axis == "Y", "a step is not real")
                _verify_angle(step.angle, program)
    for each in program.passes:
        match each:
            case RotationPass():
                _verify_rotations(each, program)
            case PhasePass(phases=phases):
                _require(not program.real, "a real state has no phases")
                for phase in phases:
                    _require(0 <= phase.z < size, "a mask is out of bounds")
                    _verify_angle(phase.angle, program)
                    one = (phase.angle.data is None) != (phase.angle.shared is None)
                    _require(one, "a phase is of data or shared")
    match program.read:
        case ReadStrings(strings=masks):
            _require(all(0 <= m.x < size and 0 <= m.z < size for m in masks), "a string")
        case ReadOutcomes(bits=masks):
            _require(len(masks) <= program.bits, "more outcomes than rows")
            _require(all(m.x == 0 and 0 <= m.z < size for m in masks), "a bit of an outcome")


def _verify_rotations(each: RotationPass, program: FusedProgram) -> None:
    rotations = each.rotations
    _require(1 <= len(rotations) <= LARGEST_BLOCK, "a pass has 1 to 3 rotations")
    _require(independent(r.x for r in rotations), "rotations of a pass mix the same rows")
    strings = [PauliMask(r.x, r.z) for r in rotations]
    commuting = all(a.commutes(b) for a in strings for b in strings)
    _require(commuting, "rotations of a pass do not commute")
    for rotation in rotations:
        masks = (rotation.x, rotation.z, rotation.condition)
        _require(all(0 <= mask < 1 << program.bits for mask in masks), "a mask is out of bounds")
        _require(not rotation.condition or len(rotations) == 1, "a conditional rotation is alone")
        kept = (rotation.x & rotation.condition).bit_count() % 2 == 0
        _require(kept, "a rotation changes its own condition")
        _require(rotation.real or not program.real, "a rotation is not real")
        _verify_angle(rotation.angle, program)


def _verify_angle(angle: Angle, program: FusedProgram) -> None:
    for index, known in ((angle.data, program.data), (angle.shared, program.shared)):
        _require(index is None or 0 <= index < len(known), "an angle is out of bounds")


def _indices(combinations: Iterable[LinearCombination], inputs: int, name: str) -> None:
    for combination in combinations:
        inside = all(0 <= index < inputs for index, _ in combination.terms)
        _require(inside, f"{name} out of bounds")


def independent(masks: Iterable[int]) -> bool:
    """Whether no mask is the sum, bit by bit modulo 2, of others."""
    reduced: list[int] = []
    for mask in masks:
        for other in reduced:
            mask = min(mask, mask ^ other)
        if not mask:
            return False
        reduced.append(mask)
    return True


def _require(condition: bool, reason: str) -> None:
    if not condition:
        raise VerificationError(f"gate program: {reason}")
