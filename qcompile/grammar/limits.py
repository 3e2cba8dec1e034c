"""What a text may hold. Beyond these limits it is refused before it is parsed."""

from __future__ import annotations

TEXT_BYTES = 1 << 20
NESTING = 100
TOKENS = 200_000
NAME_CHARACTERS = 200
NUMBER_DIGITS = 40
SYNTAX_ERRORS = 100
"""Errors after which the parser gives up."""
