"""Strings and their escapes."""

from __future__ import annotations

ESCAPES = {'"': '"', "\\": "\\", "n": "\n", "t": "\t"}
_QUOTED = str.maketrans({'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t"})


def quote(value: str) -> str:
    """Return the literal of a string; the inverse of reading it."""
    return f'"{value.translate(_QUOTED)}"'


def unescape(body: str) -> tuple[str, tuple[int, ...]]:
    """Return what the text between two quotes stands for, and where it has unknown escapes."""
    if "\\" not in body:
        return body, ()
    pieces: list[str] = []
    unknown: list[int] = []
    position = 0
    while position < len(body):
        character = body[position]
        if character != "\\":
            pieces.append(character)
            position += 1
            continue
        following = body[position + 1 : position + 2]
        if following not in ESCAPES:
            unknown.append(position)
        pieces.append(ESCAPES.get(following, following))
        position += 2
    return "".join(pieces), tuple(unknown)
