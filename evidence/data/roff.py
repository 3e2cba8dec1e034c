"""The NAME line of a man page, `name - what it does`, from its roff source."""

from __future__ import annotations

import re

_FONT = re.compile(r"\\f(?:\[[^\]]*\]|\(..|.)")
_STRING = re.compile(r"\\\*(?:\[[^\]]*\]|\((..)|(.))")
_SIZE = re.compile(r"\\s[-+]?\d+")
_GLYPHS = {"-": "-", "em": "-", "en": "-", "aq": "'", "dq": '"', "oq": "'", "cq": "'", "co": "©"}
_GLYPH = re.compile(r"\\(?:\((..)|\[([^\]]*)\])")
_HEADING = re.compile(r"""^[.']\s*S[Hh]\s+"?([^"]*)"?""")
_DASH = re.compile(r"\s+(?:-+|–|—)\s+")


def name_line(page: str) -> str | None:
    """What stands under NAME, as one line; None where there is none with a description.

    Both macro packages are read: man (`foo \\- does this`) and mdoc (`.Nm foo`, `.Nd does this`).
    """
    inside = False
    names: list[str] = []
    description = ""
    words: list[str] = []
    for line in page.splitlines():
        if line.startswith(('.\\"', "'\\\"", '\\"')):
            continue
        heading = _HEADING.match(line)
        if heading:
            if inside:
                break
            inside = heading.group(1).strip().upper() in {"NAME", "NAMES"}
            continue
        if not inside:
            continue
        request, _, rest = line.partition(" ")
        match request:
            case ".Nm":
                names.append(plain(rest).removesuffix(" ,").strip())
            case ".Nd":
                description = plain(rest)
            case ".B" | ".BR" | ".I" | ".IR" | ".RB" | ".RI" | ".BI" | ".IB" | ".R":
                words.append(plain(rest.replace('"', "")))
            case _ if not line.startswith((".", "'")):
                words.append(plain(line))
            case _:
                pass
    if description:
        return f"{', '.join(name for name in names if name)} - {description}"
    text = " ".join(" ".join(words).split())
    found = _DASH.search(text)
    if found is None or not text[found.end() :]:
        return None
    return f"{text[: found.start()]} - {text[found.end() :]}"


def plain(text: str) -> str:
    """Without escapes for fonts, sizes, glyphs and spaces."""
    text = _FONT.sub("", text)
    text = _SIZE.sub("", text)
    text = _STRING.sub(lambda found: _named(found.group(1) or found.group(2) or ""), text)
    text = _GLYPH.sub(lambda found: _named(found.group(1) or found.group(2)), text)
    text = text.replace("\\-", "-").replace("\\ ", " ").replace("\\~", " ").replace("\\e", "\\")
    text = re.sub(r"\\[&|^%/,:)cp]", "", text)
    text = text.replace("\\'", "'").replace("\\`", "`")
    return text.strip()


def _named(glyph: str) -> str:
    return _GLYPHS.get(glyph, "")
