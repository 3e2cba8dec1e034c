"""The statements of a circuit, `if`s that are decided without a model replaced by their branch."""

from __future__ import annotations

from collections.abc import Iterable

from qcompile.grammar.elaborate.choices import branches, condition_of, not_taken
from qcompile.grammar.elaborate.circuit_builder import CircuitBuilder
from qcompile.grammar.elaborate.circuit_statements import StatementPlace, items_of
from qcompile.grammar.elaborate.frame import Frame
from qcompile.grammar.elaborate.measures import measurement
from qcompile.grammar.syntax import CircuitStatement, IfStatement, MeasureStatement

Untaken = list[tuple[CircuitStatement, ...]]
"""Branches that are not taken."""


def taken_statements(
    frame: Frame, body: Iterable[CircuitStatement]
) -> tuple[list[CircuitStatement], Untaken]:
    """Return what the circuit does, in order, and the branches of decided `if`s that it does not.

    Measurements and banks may be among both. Of an `if` whose condition has an error no branch is
    taken.
    """
    found: list[CircuitStatement] = []
    untaken: Untaken = []
    for statement in body:
        if not isinstance(statement, IfStatement):
            found.append(statement)
            continue
        if not frame.session.spend(statement.span):
            break
        condition = condition_of(frame, statement)
        decided = None if condition is None else condition.constant
        if condition is not None and decided is None:
            found.append(statement)
            continue
        for outcome, branch in zip((True, False), branches(statement), strict=True):
            if decided is outcome:
                inner, others = taken_statements(frame, branch)
                found += inner
                untaken += others
            else:
                untaken.append(branch)
    return found, untaken


def check_untaken(frame: Frame, builder: CircuitBuilder, untaken: Untaken) -> None:
    """Check names and types, once the circuit's banks are known, wherever they are declared."""
    for branch in untaken:
        with not_taken(frame, builder) as (aside, scratch):
            _look_at(aside, scratch, branch)


def _look_at(frame: Frame, builder: CircuitBuilder, body: Iterable[CircuitStatement]) -> None:
    for statement in body:
        match statement:
            case MeasureStatement():
                measurement(frame, builder, statement)
            case IfStatement():
                condition_of(frame, statement)
                for branch in branches(statement):
                    _look_at(frame, builder, branch)
            case _:
                items_of(frame, builder, (statement,), StatementPlace(kind="top", first=True))
