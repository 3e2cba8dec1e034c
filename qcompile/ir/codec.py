"""A strict JSON form of frozen dataclasses, driven by their type hints.

A dataclass is an object with exactly its fields; where a union has several dataclasses, the key
`@type` names which, but for one that is `UNTAGGED`. Tuples are arrays. Fields outside equality
(spans) are never written. Only classes that the hints of the wanted class lead to can be built, so
that decoding foreign data constructs nothing unexpected.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn, TypeVar

from qcompile.ir.codec_error import CodecError as CodecError
from qcompile.ir.codec_hints import Json, codec

T = TypeVar("T")

LONGEST_LINE = 96


def encode(value: object) -> Json:
    """The JSON form of a dataclass.

    Raises:
        CodecError: a field holds what its hint does not allow, or a float that is not finite.
    """
    with _room_for_nesting():
        return codec(type(value)).encode(value)


def decode(cls: type[T], data: object) -> T:
    """The dataclass that `data`, as `json.loads` gives it, stands for.

    Raises:
        CodecError: any mismatch: unknown or missing keys, wrong types, data nested too deeply.
    """
    try:
        value = codec(cls).decode(data)
    except RecursionError:
        raise CodecError("", "it is nested too deeply") from None
    assert isinstance(value, cls)
    return value


def canonical_json(value: object) -> str:
    """The JSON text of a dataclass: ASCII, sorted keys, no spaces; equal values, equal text."""
    data = encode(value)
    with _room_for_nesting():
        return json.dumps(data, sort_keys=True, separators=(",", ":"), allow_nan=False)


def readable_json(value: object) -> str:
    """As `canonical_json`, on several lines for people; `decode_json` reads it."""
    with _room_for_nesting():
        return "\n".join(_laid_out(encode(value))) + "\n"


def _laid_out(data: Json) -> list[str]:
    """On one line where it is short, else one line for each item."""
    line = json.dumps(data, ensure_ascii=False, allow_nan=False)
    if len(line) <= LONGEST_LINE or not isinstance(data, dict | list):
        return [line]
    if isinstance(data, dict):
        open_, close = "{", "}"
        items = [_after(f"{json.dumps(key)}: ", _laid_out(item)) for key, item in data.items()]
    else:
        open_, close = "[", "]"
        items = [_laid_out(item) for item in data]
    lines = [open_]
    for number, item in enumerate(items):
        comma = "," if number < len(items) - 1 else ""
        lines += [f"  {inner}" for inner in (*item[:-1], f"{item[-1]}{comma}")]
    return [*lines, close]


def _after(key: str, lines: list[str]) -> list[str]:
    return [f"{key}{lines[0]}", *lines[1:]]


def decode_json(cls: type[T], text: str) -> T:
    """`decode` of a JSON text; a text that is no JSON is a `CodecError`, too."""
    return decode(cls, strict_json(text))


def strict_json(text: str) -> object:
    """What a JSON text states, without numbers that are none and without repeated keys.

    Raises:
        CodecError: it is no such text.
    """
    try:
        data: object = json.loads(
            text, parse_constant=_refuse_constant, object_pairs_hook=_distinct
        )
    except RecursionError:
        raise CodecError("", "it is nested too deeply") from None
    except CodecError:
        raise
    except ValueError as error:
        raise CodecError("", f"it is not JSON: {error}") from None
    return data


@contextmanager
def _room_for_nesting() -> Iterator[None]:
    """Let our own values nest as deeply as the language allows, several calls a level."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(max(limit, 10_000))
    try:
        yield
    finally:
        sys.setrecursionlimit(limit)


def _refuse_constant(name: str) -> NoReturn:
    raise CodecError("", f"{name} is not a finite number")


def _distinct(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise CodecError("", "a key repeats")
    return found
