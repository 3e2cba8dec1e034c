"""Finds blocks and layers that use themselves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass

from qcompile.diagnostics.messages.names import Recursion
from qcompile.diagnostics.source import Source, Span
from qcompile.grammar.elaborate.scope import Definition
from qcompile.grammar.elaborate.session import Session
from qcompile.grammar.syntax import ApplyStatement, Call, Name


def report_cycles(session: Session, definitions: list[Definition]) -> None:
    """Mark every definition that takes part in a circle as broken, and report each circle once."""
    state: dict[int, int] = {}
    for start in definitions:
        if id(start) in state:
            continue
        path = [start]
        walks = [iter(_used(start))]
        state[id(start)] = 1
        while path:
            following = next(walks[-1], None)
            if following is None:
                state[id(path.pop())] = 2
                walks.pop()
                continue
            other, name = following
            if id(other) not in state:
                state[id(other)] = 1
                path.append(other)
                walks.append(iter(_used(other)))
            elif state[id(other)] == 1:
                circle = path[path.index(other) :]
                for item in circle:
                    item.broken = True
                names = " → ".join([item.name for item in circle[:8]] + [other.name])
                session.report(
                    Recursion(span=name.span, kind=other.kind, name=other.name, cycle=names)
                )


def _used(definition: Definition) -> list[tuple[Definition, Name]]:
    """Return the blocks and layers that a definition mentions, each with one place."""
    found: dict[int, tuple[Definition, Name]] = {}
    for name in _names(definition.item):
        other = definition.home.names.get(name.text)
        if other is not None and other.kind in ("block", "layer"):
            found.setdefault(id(other), (other, name))
    return list(found.values())


def _names(root: object) -> Iterator[Name]:
    waiting: list[object] = [root]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Call):
            yield node.function
        elif isinstance(node, ApplyStatement):
            yield node.name
        if isinstance(node, (tuple, list)):
            waiting.extend(reversed(node))
        elif is_dataclass(node) and not isinstance(node, (Span, Source)):
            waiting.extend(getattr(node, item.name) for item in fields(node))
