"""Why a pytket circuit is none of ours."""

from __future__ import annotations


class TketConversionError(Exception):
    """A pytket circuit that cannot be expressed in the gate vocabulary."""


class UnsupportedOperationError(TketConversionError):
    """An operation outside the set that `gates_from_pytket` reads."""

    def __init__(self, operation: str) -> None:
        super().__init__(f"operation {operation} has no counterpart")
        self.operation = operation


class AngleNotAffineError(TketConversionError):
    """An angle that is not affine in the symbols x0, x1, … and t0, t1, …."""

    def __init__(self, angle: str) -> None:
        super().__init__(f"angle {angle} is not affine in x0, x1, … and t0, t1, …")
        self.angle = angle
