"""How the gradient of a measured circuit is found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Method = Literal["shift", "spsa"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gradient:
    """`shift`: exact rules, two values or more for each angle of each gate. `spsa`: simultaneous
    perturbation (doi:10.1109/9.119632), two values a repeat however many angles there are, with
    a bias of the order of `step`² and a variance that grows with the number of angles.
    """

    method: Method = "shift"
    step: float = 0.2
    """Radians by which `spsa` moves every angle and every element of the data."""
    repeats: int = 1
    """Directions of `spsa` that are averaged for each row of data."""


SHIFT = Gradient()
