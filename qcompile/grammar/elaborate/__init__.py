"""Elaboration: Syntax → Spec."""

from __future__ import annotations

from qcompile.grammar.elaborate.overrides import Override
from qcompile.grammar.elaborate.unit import elaborate

__all__ = ["Override", "elaborate"]
