"""Checks patterns of module names; lowering matches them (the same rules, tested together)."""

from __future__ import annotations

from dataclasses import dataclass

MAX_ALTERNATIVES = 256
MAX_LENGTH = 1024
MAX_DEPTH = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What is wrong with a pattern, and at which of its characters."""

    reason: str
    offset: int


def check_glob(text: str) -> Fault | None:
    """Return the first fault of a pattern."""
    if not text:
        return Fault(reason="it is empty", offset=0)
    if len(text) > MAX_LENGTH:
        return Fault(reason=f"it is longer than {MAX_LENGTH} characters", offset=MAX_LENGTH)
    # Per open brace: its offset, alternatives closed so far, and those of the running one.
    braces: list[tuple[int, int, int]] = []
    running = 1
    position = 0
    while position < len(text):
        match text[position]:
            case "[":
                stop = text.find("]", position + 1)
                if stop < 0:
                    return Fault(reason="this `[` is never closed", offset=position)
                if text[position + 1 : stop] in ("", "!", "^"):
                    return Fault(reason="this character class is empty", offset=position)
                position = stop
            case "]":
                return Fault(reason="this `]` closes nothing", offset=position)
            case "{":
                if len(braces) == MAX_DEPTH:
                    return Fault(reason="braces are nested too deeply", offset=position)
                braces.append((position, 0, running))
                running = 1
            case "," if braces:
                offset, closed, before = braces.pop()
                braces.append((offset, closed + running, before))
                running = 1
            case "}":
                if not braces:
                    return Fault(reason="this `}` closes nothing", offset=position)
                offset, closed, before = braces.pop()
                running = before * (closed + running)
                if running > MAX_ALTERNATIVES:
                    reason = f"it has more than {MAX_ALTERNATIVES} alternatives"
                    return Fault(reason=reason, offset=offset)
        position += 1
    if braces:
        return Fault(reason="this `{` is never closed", offset=braces[-1][0])
    return None
