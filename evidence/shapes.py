"""Turning a method's knob until it has as many parameters as another."""

from __future__ import annotations

from evidence.compilation import Places, compile_method
from evidence.methods import Method, Value


def matched_values(method: Method, wanted: int, places: Places) -> dict[str, Value]:
    """Values for a method's file that bring its parameters nearest to `wanted`.

    The count grows with the knob, so the crossing is found by bisection; of its two neighbours the
    nearer one is taken, the smaller one where both are as near.
    """
    knob = method.knob
    assert knob is not None
    fixed = dict(method.parameters if method.matched is None else method.matched)

    def count(place: int) -> int:
        setting = {knob.name: knob.settings[place]}
        return compile_method(method, fixed | setting, places).parameters

    low, high = 0, len(knob.settings) - 1
    while high - low > 1:
        middle = (low + high) // 2
        if count(middle) <= wanted:
            low = middle
        else:
            high = middle
    best = min((low, high), key=lambda place: (abs(count(place) - wanted), place))
    return fixed | {knob.name: knob.settings[best]}
