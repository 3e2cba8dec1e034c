"""Numbers and quantities: `8`, `100_000`, `0.5`, `1e-3`, `2pct`, `68ns`."""

from __future__ import annotations

import math
import re
from types import MappingProxyType

UNITS = MappingProxyType(
    {
        "pct": 1e-2,
        "ppm": 1e-6,
        "deg": math.pi / 180,
        "rad": 1.0,
        "mrad": 1e-3,
        "ns": 1e-9,
        "us": 1e-6,
        "ms": 1e-3,
        "s": 1.0,
    }
)
"""Factors to a plain number, radians or seconds."""

_PARTS = re.compile(
    r"(?P<digits>[0-9][0-9_]*(?P<fraction>\.[0-9_]*)?(?P<exponent>[eE][+-]?[0-9_]+)?)"
    r"(?P<unit>\w*)"
)
_WELL_FORMED = re.compile(
    r"(?:0|[1-9][0-9]*(?:_[0-9]+)*)(?:\.[0-9]+(?:_[0-9]+)*)?(?:[eE][+-]?[0-9]+)?"
)


def split(text: str) -> tuple[str, str]:
    """Return the digits and the unit of a number, either of which may be malformed."""
    parts = _PARTS.fullmatch(text)
    return (text, "") if parts is None else (parts["digits"], parts["unit"])


def is_well_formed(digits: str) -> bool:
    return _WELL_FORMED.fullmatch(digits) is not None


def number_value(text: str) -> int | float:
    """Return what a literal of a parsed text stands for: an int, or a float with its unit applied.

    Quantities are floats: `200pct` is 2.0, angles are in radians and times in seconds.
    """
    digits, unit = split(text)
    plain = digits.replace("_", "")
    whole = plain.isdigit()
    if not unit:
        return int(plain) if whole else float(plain)
    # Dividing by a power of ten rounds once: 0.1pct is the float nearest to 0.001.
    if unit in _DIVISORS:
        return float(plain) / _DIVISORS[unit]
    return float(plain) * UNITS[unit]


_DIVISORS = {"pct": 1e2, "ppm": 1e6, "mrad": 1e3, "ns": 1e9, "us": 1e6, "ms": 1e3}
