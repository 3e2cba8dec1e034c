"""Spec → Programs: concrete sizes, expanded circuits, laid-out tensors, attached modules."""

from __future__ import annotations

from qcompile.passes.lowering.lower import lower as lower
