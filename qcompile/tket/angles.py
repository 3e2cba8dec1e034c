"""Angles in radians, affine in data and angles, as sympy expressions in half-turns, and back.

data[i] is the symbol `x<i>`, angles[j] the symbol `t<j>`.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

from qcompile.ir.circuit import Affine
from qcompile.tket.errors import AngleNotAffineError

if TYPE_CHECKING:
    from sympy import Expr  # type: ignore[import-untyped]

SYMBOL = re.compile(r"([xt])(0|[1-9][0-9]{0,17})")
NEGLIGIBLE = 1e-15
"""Coefficients, in half-turns, that cancellation leaves behind."""

ROUNDING = 6e-15
"""Relative error of a coefficient that went through pytket."""


def to_half_turns(angle: Affine) -> Expr | float:
    """Express an angle in half-turns; a plain number where it is constant."""
    if angle.is_constant:
        return angle.constant / math.pi
    from sympy import Add, Float, Symbol

    terms: list[Any] = [Float(c / math.pi) * Symbol(f"x{i}") for i, c in angle.data]
    terms += [Float(c / math.pi) * Symbol(f"t{j}") for j, c in angle.angles]
    if angle.constant:
        terms.append(Float(angle.constant / math.pi))
    return Add(*terms)


def from_half_turns(angle: Expr | float) -> Affine:
    """Read an angle in half-turns.

    Raises AngleNotAffineError. pytket keeps fifteen digits of a coefficient, so one that is
    this close to a number of at most twelve decimals is taken to be that number. pytket also
    reduces constant angles modulo the period of their gate.
    """
    if isinstance(angle, int | float):
        return _constant(float(angle))
    from sympy import expand, sympify

    constant = 0.0
    data: list[tuple[int, float]] = []
    angles: list[tuple[int, float]] = []
    for term, coefficient in expand(sympify(angle)).as_coefficients_dict().items():
        if term.free_symbols and not term.is_Symbol:
            raise AngleNotAffineError(str(angle))
        try:
            value = float(coefficient) * (1.0 if term.is_Symbol else float(term))
        except TypeError:
            raise AngleNotAffineError(str(angle)) from None
        if not math.isfinite(value):
            raise AngleNotAffineError(str(angle))
        if not term.is_Symbol:
            constant += value
            continue
        match = SYMBOL.fullmatch(str(term))
        if match is None:
            raise AngleNotAffineError(str(angle))
        if abs(value) > NEGLIGIBLE:
            kind, index = match[1], int(match[2])
            (data if kind == "x" else angles).append((index, _radians(value)))
    return Affine(
        constant=_constant(constant).constant,
        data=tuple(sorted(data)),
        angles=tuple(sorted(angles)),
    )


def _constant(half_turns: float) -> Affine:
    return Affine(constant=_radians(half_turns) if abs(half_turns) > NEGLIGIBLE else 0.0)


def _radians(half_turns: float) -> float:
    radians = half_turns * math.pi
    near = round(radians, 12)
    return near if abs(radians - near) <= ROUNDING * max(1.0, abs(radians)) else radians
