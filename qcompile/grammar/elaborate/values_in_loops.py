"""Values inside circuits, which are computed before the circuit runs."""

from __future__ import annotations

from dataclasses import replace

from qcompile.grammar.elaborate.frame import Frame


def outside_loops(frame: Frame) -> Frame:
    """Return the frame in which a value must not depend on a loop's variable."""
    return frame if frame.outside_loops else replace(frame, outside_loops=True)
