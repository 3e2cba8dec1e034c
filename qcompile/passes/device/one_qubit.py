"""Runs of one-qubit gates as few rz and sx, without losing that angles are affine.

A run is kept as C_0, rz(a_0), C_1, rz(a_1), …, C_k: constant unitaries between rotations whose
angles are symbolic. Only constants are multiplied out. Everything holds up to a global phase.
"""

from __future__ import annotations

import cmath
import math
from dataclasses import dataclass, field

from qcompile.ir.circuit import Affine, Gate
from qcompile.ir.decompose import parts
from qcompile.ir.gates import GATES, GateName
from qcompile.ir.matrices import EXACT, Matrix, multiply

IDENTITY: Matrix = (1, 0, 0, 1)
HADAMARD = GATES["h"].generic
S, SDG = GATES["s"].generic, GATES["sdg"].generic


@dataclass(slots=True)
class OneQubitRun:
    """One-qubit gates in the order of time, growing at the end."""

    constants: list[Matrix] = field(default_factory=lambda: [IDENTITY])
    turns: list[Affine] = field(default_factory=list)
    """Symbolic, without a constant; turns[i] stands between constants[i] and constants[i + 1]."""

    def append(self, gate: Gate) -> None:
        kind = GATES[gate.name]
        if kind.matrix is not None:
            self._constant(kind.matrix)
        elif kind.axis in ("Z", "N"):
            self._turn(gate.angles[0])
        elif kind.axis == "X":
            self._conjugated(gate.angles[0], HADAMARD)
        elif kind.axis == "Y":
            # RY(t) = S RX(t) S†.
            self._constant(SDG)
            self._conjugated(gate.angles[0], HADAMARD)
            self._constant(S)
        else:
            for part in parts(gate):
                self.append(part)

    @property
    def is_diagonal(self) -> bool:
        return all(_is_diagonal(constant) for constant in self.constants)

    @property
    def is_identity(self) -> bool:
        return not self.turns and _is_diagonal(self.constants[0]) and _phase(self.constants[0]) == 0

    def gates(self, qubit: int) -> tuple[tuple[Gate, ...], Affine]:
        """Return gates rz, sx, x on `qubit` and the angle of a last rz that follows them."""
        result: list[Gate] = []
        pending = Affine()
        for index, constant in enumerate(self.constants):
            if index:
                pending = pending.plus(self.turns[index - 1])
            before, middle, after = _euler(constant)
            pending = reduced(pending.plus(Affine(constant=before)))
            for name, angle in middle:
                result += rz(qubit, pending)
                result.append(Gate(name=name, qubits=(qubit,)))
                pending = Affine(constant=angle)
            pending = reduced(pending.plus(Affine(constant=after)))
        return tuple(result), pending

    def _conjugated(self, angle: Affine, by: Matrix) -> None:
        self._constant(by)
        self._turn(angle)
        self._constant(by)

    def _constant(self, matrix: Matrix) -> None:
        self.constants[-1] = multiply(matrix, self.constants[-1])

    def _turn(self, angle: Affine) -> None:
        half = 0.5j * angle.constant
        self._constant((cmath.exp(-half), 0, 0, cmath.exp(half)))
        symbolic = Affine(data=angle.data, angles=angle.angles)
        if symbolic.is_constant:
            return
        last = self.constants[-1]
        if self.turns and (_is_diagonal(last) or _is_antidiagonal(last)):
            sign = 1.0 if _is_diagonal(last) else -1.0
            merged = self.turns[-1].plus(symbolic.times(sign))
            if merged.is_constant:
                self.turns.pop()
                self.constants.pop()
                self._constant(last)
            else:
                self.turns[-1] = merged
        else:
            self.turns.append(symbolic)
            self.constants.append(IDENTITY)


def rz(qubit: int, angle: Affine) -> tuple[Gate, ...]:
    """A rotation, none where it is the identity."""
    turn = reduced(angle)
    if turn.is_constant and turn.constant == 0.0:
        return ()
    return (Gate(name="rz", qubits=(qubit,), angles=(turn,)),)


def _is_diagonal(matrix: Matrix) -> bool:
    return abs(matrix[1]) < EXACT


def _is_antidiagonal(matrix: Matrix) -> bool:
    return abs(matrix[0]) < EXACT


def _phase(diagonal: Matrix) -> float:
    return _snapped(cmath.phase(diagonal[3] / diagonal[0]))


def _euler(matrix: Matrix) -> tuple[float, tuple[tuple[GateName, float], ...], float]:
    """Return (γ, ((g, δ), …), α): rz(γ), then each gate g followed by rz(δ), then rz(α)."""
    if _is_diagonal(matrix):
        return _phase(matrix), (), 0.0
    if _is_antidiagonal(matrix):
        return 0.0, (("x", 0.0),), cmath.phase(matrix[2] / matrix[1])
    root = cmath.sqrt(matrix[0] * matrix[3] - matrix[1] * matrix[2])
    upper, lower = matrix[0] / root, matrix[2] / root
    beta = 2 * math.atan2(abs(lower), abs(upper))
    alpha = cmath.phase(lower) - cmath.phase(upper)
    gamma = -cmath.phase(lower) - cmath.phase(upper)
    if abs(beta - math.pi / 2) < EXACT:
        # RY(π/2) = RZ(π/2) √X RZ(-π/2).
        return gamma - math.pi / 2, (("sx", 0.0),), alpha + math.pi / 2
    # RY(β) = RZ(π) √X RZ(β + π) √X (McKay et al. 2017, arXiv:1612.00858, eq. 2).
    return gamma, (("sx", beta + math.pi), ("sx", 0.0)), alpha + math.pi


def reduced(angle: Affine) -> Affine:
    """The constant within (-π, π]; multiples of π/4 exactly."""
    return Affine(constant=_snapped(angle.constant), data=angle.data, angles=angle.angles)


def _snapped(angle: float) -> float:
    """The same turn within (-π, π]; multiples of π/4 exactly."""
    turn = math.remainder(angle, 2 * math.pi)
    eighths = round(turn / (math.pi / 4))
    if abs(turn - eighths * (math.pi / 4)) < EXACT:
        return (4 if eighths == -4 else eighths) * (math.pi / 4)
    return turn
