"""How characters look on a terminal: what is printed for each and how many cells it takes."""

from __future__ import annotations

import unicodedata

TAB = "    "
_JOINERS = "\u200c\u200d"


def glyph(character: str) -> str:
    """Return what to print for a character: tabs as spaces, invisible characters escaped."""
    if character == "\t":
        return TAB
    if character.isascii():
        return character if character.isprintable() else f"\\x{ord(character):02x}"
    category = unicodedata.category(character)
    if category in ("Cc", "Cf", "Cs", "Zl", "Zp") and character not in _JOINERS:
        code = ord(character)
        return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
    return character


def cells(text: str) -> int:
    """Return the number of terminal cells that a text takes once printed by `glyph`."""
    return sum(_width(shown) for character in text for shown in glyph(character))


def printable(text: str) -> str:
    """Return a text on one line, free of control characters."""
    return "".join(glyph(character) for character in text)


def _width(character: str) -> int:
    if character.isascii():
        return 1
    if unicodedata.category(character) in ("Mn", "Me") or character in _JOINERS:
        return 0
    # Conjoining Hangul vowels and finals are drawn inside the syllable before them.
    if "\u1160" <= character <= "\u11ff":
        return 0
    return 2 if unicodedata.east_asian_width(character) in ("W", "F") else 1
