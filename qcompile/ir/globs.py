"""Globs over dotted module names: `*`, `?`, `[abc]`, `[a-z]`, `[!abc]` and nested `{a,b}`.

Braces are expanded first, with a limit; what remains is matched by moving the last `*`, in time
proportional to pattern times name. `*` and `?` match dots, too. There is no escape: no module
name holds any of these characters.
"""

from __future__ import annotations

from dataclasses import dataclass

MAX_ALTERNATIVES = 256
MAX_LENGTH = 1024
MAX_DEPTH = 16


class GlobError(ValueError):
    """A malformed glob; `offset` is where in the pattern."""

    def __init__(self, reason: str, offset: int) -> None:
        super().__init__(reason)
        self.reason = reason
        self.offset = offset


@dataclass(frozen=True, slots=True)
class CharacterClass:
    """`[a-z]`: inclusive ranges; `[!…]` or `[^…]` negates."""

    ranges: tuple[tuple[str, str], ...]
    negated: bool

    def holds(self, character: str) -> bool:
        """Whether the class takes this character."""
        return self.negated != any(low <= character <= high for low, high in self.ranges)


Token = str | CharacterClass
"""A literal character, a class, or one of the wildcards `*` and `?`."""


@dataclass(frozen=True, slots=True)
class Glob:
    """A parsed glob: its alternatives without braces, each with the text it came from."""

    alternatives: tuple[tuple[str, tuple[Token, ...]], ...]

    def matches(self, name: str) -> bool:
        """Whether any alternative matches the whole name."""
        return any(_match(tokens, name) for _, tokens in self.alternatives)

    def matching(self, name: str) -> tuple[int, ...]:
        """Indices of the alternatives that match the whole name."""
        return tuple(k for k, (_, tokens) in enumerate(self.alternatives) if _match(tokens, name))


def parse_glob(text: str) -> Glob:
    """Parse a glob.

    Raises:
        GlobError: empty, unbalanced, too long or with too many alternatives.
    """
    if not text:
        raise GlobError("it is empty", 0)
    if len(text) > MAX_LENGTH:
        raise GlobError(f"it is longer than {MAX_LENGTH} characters", MAX_LENGTH)
    expanded, end = _expand(text, 0, depth=0)
    assert end == len(text)
    return Glob(alternatives=tuple((item, _tokens(item)) for item in dict.fromkeys(expanded)))


def _expand(text: str, start: int, depth: int) -> tuple[list[str], int]:
    """All texts without braces for `text[start:]` up to the `,` or `}` that ends this level."""
    found = [""]
    position = start
    while position < len(text):
        character = text[position]
        if character == "[":
            stop = _class_end(text, position)
            found = [item + text[position:stop] for item in found]
            position = stop
        elif character == "{":
            if depth == MAX_DEPTH:
                raise GlobError("braces are nested too deeply", position)
            choices, stop = _alternatives(text, position, depth)
            if len(found) * len(choices) > MAX_ALTERNATIVES:
                raise GlobError(f"it has more than {MAX_ALTERNATIVES} alternatives", position)
            found = [item + choice for item in found for choice in choices]
            position = stop
        elif depth and character in ",}":
            break
        elif character == "}":
            raise GlobError("this `}` closes nothing", position)
        elif character == "]":
            raise GlobError("this `]` closes nothing", position)
        else:
            found = [item + character for item in found]
            position += 1
    return found, position


def _alternatives(text: str, start: int, depth: int) -> tuple[list[str], int]:
    """The choices of the brace that opens at `start`, and the offset after its `}`."""
    choices: list[str] = []
    position = start + 1
    while True:
        some, position = _expand(text, position, depth + 1)
        choices += some
        if len(choices) > MAX_ALTERNATIVES:
            raise GlobError(f"it has more than {MAX_ALTERNATIVES} alternatives", start)
        if position == len(text):
            raise GlobError("this `{` is never closed", start)
        position += 1
        if text[position - 1] == "}":
            return choices, position


def _class_end(text: str, start: int) -> int:
    stop = text.find("]", start + 1)
    if stop < 0:
        raise GlobError("this `[` is never closed", start)
    body = text[start + 1 : stop]
    if body in ("", "!", "^"):
        raise GlobError("this character class is empty", start)
    return stop + 1


def _tokens(text: str) -> tuple[Token, ...]:
    tokens: list[Token] = []
    position = 0
    while position < len(text):
        character = text[position]
        if character == "[":
            stop = text.index("]", position)
            tokens.append(_character_class(text[position + 1 : stop]))
            position = stop + 1
            continue
        if not (character == "*" and tokens and tokens[-1] == "*"):
            tokens.append(character)
        position += 1
    return tuple(tokens)


def _character_class(body: str) -> CharacterClass:
    negated = body[0] in "!^"
    body = body[1:] if negated else body
    ranges: list[tuple[str, str]] = []
    position = 0
    while position < len(body):
        if position + 2 < len(body) and body[position + 1] == "-":
            ranges.append((body[position], body[position + 2]))
            position += 3
        else:
            ranges.append((body[position], body[position]))
            position += 1
    return CharacterClass(ranges=tuple(ranges), negated=negated)


def _match(tokens: tuple[Token, ...], name: str) -> bool:
    at = 0
    position = 0
    star: int | None = None
    resumed = 0
    while position < len(name):
        if at < len(tokens) and tokens[at] == "*":
            star, resumed = at, position
            at += 1
        elif at < len(tokens) and _takes(tokens[at], name[position]):
            at += 1
            position += 1
        elif star is not None:
            # Only the last star ever needs to take more.
            resumed += 1
            at, position = star + 1, resumed
        else:
            return False
    return all(token == "*" for token in tokens[at:])


def _takes(token: Token, character: str) -> bool:
    if isinstance(token, CharacterClass):
        return token.holds(character)
    return token in ("?", character)
