"""A pretty printer: documents with places where lines may break, fitted to a width.

After Wadler, "A prettier printer" (2003), with the treatment of rests of Lindig's strict version.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, assert_never

WIDTH = 100
INDENT = 4


@dataclass(frozen=True, slots=True)
class Line:
    """A break, or `flat` where its group stays on one line; a hard one always breaks."""

    flat: str = " "
    hard: bool = False


@dataclass(frozen=True, slots=True)
class IfBroken:
    """Text that only a broken group has."""

    text: str


@dataclass(frozen=True, slots=True)
class Remark:
    """Text at the end of a line that does not count towards its width."""

    text: str


@dataclass(frozen=True, slots=True)
class Group:
    """What stays on one line if it fits."""

    content: Doc
    broken: bool = False


@dataclass(frozen=True, slots=True)
class Indent:
    content: Doc


@dataclass(frozen=True, slots=True)
class Sequence:
    parts: tuple[Doc, ...]


Doc = str | Line | IfBroken | Remark | Group | Indent | Sequence
_Mode = Literal["flat", "broken"]
_Work = tuple[int, _Mode, Doc]

LINE = Line()
SOFT = Line(flat="")
HARD = Line(hard=True)


def sequence(*parts: Doc) -> Doc:
    return Sequence(parts)


def breaks(doc: Doc) -> bool:
    """Return whether a document has a break or a remark that no width can avoid."""
    stack = [doc]
    while stack:
        match stack.pop():
            case Line(hard=True) | Remark() | Group(broken=True):
                return True
            case Group(content=content) | Indent(content=content):
                stack.append(content)
            case Sequence(parts=parts):
                stack.extend(parts)
            case str() | Line() | IfBroken():
                pass
    return False


def group(*parts: Doc) -> Group:
    """Return a group, broken from the start if something inside it has to break."""
    content = Sequence(parts)
    return Group(content, breaks(content))


def render(doc: Doc) -> str:
    """Return the text of a document, with no spaces at the ends of lines."""
    output: list[str] = []
    column = 0
    stack: list[_Work] = [(0, "broken", doc)]
    while stack:
        indent, mode, item = stack.pop()
        match item:
            case str():
                output.append(item)
                column += len(item)
            case Line(flat=flat, hard=hard):
                if mode == "flat" and not hard:
                    output.append(flat)
                    column += len(flat)
                    continue
                while output and output[-1].isspace() and not output[-1].startswith("\n"):
                    output.pop()
                output.append("\n")
                output.append(" " * indent)
                column = indent
            case IfBroken(text=text):
                if mode == "broken":
                    output.append(text)
                    column += len(text)
            case Remark(text=text):
                output.append(text)
            case Group(content=content, broken=broken):
                fits = not broken and _fits(WIDTH - column, content, stack)
                stack.append((indent, "flat" if fits else "broken", content))
            case Indent(content=content):
                stack.append((indent + INDENT, mode, content))
            case Sequence(parts=parts):
                stack.extend((indent, mode, part) for part in reversed(parts))
            case _:
                assert_never(item)
    return "".join(output)


def _fits(room: int, content: Doc, rest: list[_Work]) -> bool:
    """Return whether a flat content and what follows it up to a break have room on the line."""
    stack: list[tuple[_Mode, Doc]] = [("flat", content)]
    following = len(rest)
    while room >= 0:
        if not stack:
            if following == 0:
                return True
            following -= 1
            _, mode, item = rest[following]
            stack.append((mode, item))
            continue
        mode, item = stack.pop()
        match item:
            case str():
                room -= len(item)
            case Line(flat=flat, hard=hard):
                if hard or mode == "broken":
                    return True
                room -= len(flat)
            case IfBroken(text=text):
                room -= len(text) if mode == "broken" else 0
            case Remark():
                return True
            case Group(content=inner, broken=broken):
                stack.append(("broken" if broken else mode, inner))
            case Indent(content=inner):
                stack.append((mode, inner))
            case Sequence(parts=parts):
                stack.extend((mode, part) for part in reversed(parts))
            case _:
                assert_never(item)
    return False
