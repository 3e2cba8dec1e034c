"""What a provider says, without credentials that may stand in it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable

NAMES = re.compile(r"TOKEN|SECRET|PASSWORD|API_?KEY|CREDENTIAL", re.IGNORECASE)
"""Environment variables that hold credentials."""

SHORTEST = 8
"""Characters: shorter ones are no credentials, and may be parts of words."""

HIDDEN = "…"


def without_credentials(text: str, known: Iterable[str] = ()) -> str:
    """The text with those that are known, and those of environment variables, left out."""
    named = (value for name, value in os.environ.items() if NAMES.search(name))
    for word in sorted({*known, *named}, key=len, reverse=True):
        if len(word) >= SHORTEST:
            text = text.replace(word, HIDDEN)
    return text
