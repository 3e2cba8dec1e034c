"""Marks fields of the levels that files of older versions lack."""

from __future__ import annotations

from collections.abc import Mapping

ADDED_LATER: Mapping[str, bool] = {"added_later": True}
"""Metadata of a dataclass field, which has a default."""
