"""Any dataclass as an indented tree, such as a Syntax file."""

from __future__ import annotations

from dataclasses import fields, is_dataclass

from qcompile.ir.text_values import inline

LONGEST_LINE = 88


def tree_lines(value: object) -> list[str]:
    """A value on one line where it is short, else one line per field or item."""
    line = inline(value)
    if len(line) <= LONGEST_LINE:
        return [line]
    if isinstance(value, tuple):
        return [f"- {first}" if k == 0 else f"  {first}" for v in value for k, first in _each(v)]
    if is_dataclass(value) and not isinstance(value, type):
        lines = [type(value).__name__]
        for item in fields(value):
            if item.compare:
                first, *rest = tree_lines(getattr(value, item.name))
                nested = bool(rest)
                lines.append(f"  {item.name}:" if nested else f"  {item.name}: {first}")
                lines += [f"    {inner}" for inner in (first, *rest)] if nested else []
        return lines
    return [line]


def _each(value: object) -> list[tuple[int, str]]:
    return list(enumerate(tree_lines(value)))
