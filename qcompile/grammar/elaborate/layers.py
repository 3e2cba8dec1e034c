"""User-defined layers: checked once by themselves, written out where they are used."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

from qcompile.diagnostics.messages.circuits import PlainLayer
from qcompile.grammar.elaborate.frame import Frame
from qcompile.grammar.elaborate.parameters import bind_arguments
from qcompile.grammar.elaborate.scope import Definition, Scope
from qcompile.grammar.syntax import ApplyStatement, LayerItem


def open_layer(frame: Frame, statement: ApplyStatement, definition: Definition) -> Frame | None:
    """Return the frame of a layer's statements for one use; None where nothing is to be done."""
    item = cast(LayerItem, definition.item)
    name = statement.name.text
    clauses = (
        ("pattern", None if statement.pattern is None else statement.pattern.span),
        ("`on`", None if statement.wires is None else statement.wires.span),
        ("`shared`", statement.span if statement.shared else None),
    )
    for clause, span in clauses:
        if span is not None:
            frame.report(PlainLayer(span=span, name=name, clause=clause))
    scope = Scope(file=definition.home)
    arguments = statement.arguments or ()
    fine = bind_arguments(frame, scope, name, item.parameters, arguments, statement.span)
    if not fine or definition.broken or frame.generic:
        return None
    return replace(frame, scope=scope, input=None)
