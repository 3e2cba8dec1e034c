"""What the bodies of adapters, blocks and loops share: bindings, requirements, loops."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from qcompile.diagnostics.messages.types import OutOfRange, RequirementFailed
from qcompile.grammar.elaborate.expect import as_bool, constant
from qcompile.grammar.elaborate.frame import Frame
from qcompile.grammar.elaborate.remarks import unused_names
from qcompile.grammar.elaborate.scope import Scope
from qcompile.grammar.elaborate.wires import read_range
from qcompile.grammar.syntax import (
    BindStatement,
    LoopStatement,
    RequireStatement,
    Statement,
    Step,
)
from qcompile.ir.limits import MAX_REPEATS
from qcompile.ir.operands import Operand, Typed, Value, integer
from qcompile.ir.ops.ends import SpecInput
from qcompile.ir.scalar import Variable
from qcompile.ir.spec import Requirement


def foresee(scope: Scope, body: Sequence[Statement]) -> None:
    """Note the names that a body binds, so that an early use of one is told from a misspelt one."""
    for statement in body:
        if isinstance(statement, BindStatement):
            scope.upcoming.setdefault(statement.name.text, statement.name.span)


def run_step(frame: Frame, statement: Step, prefix: str, rounds: str = "") -> None:
    """Elaborate a statement that gives no result.

    Args:
        frame: Its scope takes the bindings.
        statement: The statement.
        prefix: Of the tensors' names; empty for an adapter.
        rounds: Stands behind them in a loop: `.2` in its third round.
    """
    match statement:
        case BindStatement(name=name, value=value):
            label = f"{prefix}.{name.text}" if prefix else name.text
            operand = frame.named(label + rounds, value).evaluate(value)
            frame.scope.upcoming.pop(name.text, None)
            frame.scope.define(frame.session, name, operand, "binding")
        case RequireStatement():
            _require(frame, statement)
        case LoopStatement():
            _loop(frame, statement, prefix, rounds)


def _require(frame: Frame, statement: RequireStatement) -> None:
    """Check a condition now, or keep it for lowering where it depends on model sizes."""
    operand = frame.evaluate(statement.condition)
    condition = as_bool(frame.session, operand, "a requirement")
    if condition is None:
        return
    message = None if statement.message is None else statement.message.value
    if condition.constant is False:
        shown = "" if message is None else f": {message}"
        frame.report(RequirementFailed(span=statement.condition.span, message=shown))
    elif condition.constant is None and frame.graph is not None and not frame.generic:
        frame.graph.requirements.append(
            Requirement(condition=condition.scalar, message=message, span=statement.span)
        )


def _loop(frame: Frame, statement: LoopStatement, prefix: str, rounds: str) -> None:
    found = read_range(frame, statement.range, "a bound of the loop")
    if found is None:
        return
    bounds = [_known(frame, bound) for bound in found]
    first, last = bounds
    if first is None or last is None:
        if frame.generic:
            _once(frame, statement, prefix, rounds)
        return
    if last - first > MAX_REPEATS:
        frame.report(
            OutOfRange(
                span=statement.range.span,
                what="the number of rounds",
                bounds=f"at most {MAX_REPEATS}",
                value=last - first,
            )
        )
        return
    for number in range(first, last):
        turn = number - first
        before = frame.session.errors
        scope = _round(frame, statement, integer(number, statement.variable.span))
        # The errors of further rounds would be the same.
        if not _steps(frame, scope, statement, prefix, f"{rounds}.{turn}", before):
            return
        if turn == 0 and not frame.session.calls:
            _unused(frame, scope, statement)


def _known(frame: Frame, bound: Typed) -> int | None:
    """The number, where the text decides it; else that it has to be is reported."""
    number = None if frame.graph is None else frame.graph.number(bound)
    if number is not None:
        return number
    value = constant(frame.session, bound, "a bound of a loop over values")
    return value if isinstance(value, int) else None


def _round(frame: Frame, statement: LoopStatement, number: Typed) -> Scope:
    scope = Scope(file=frame.scope.file, outer=frame.scope)
    scope.define(frame.session, statement.variable, number, "loop variable")
    foresee(scope, statement.body)
    return scope


def _steps(
    frame: Frame, scope: Scope, statement: LoopStatement, prefix: str, rounds: str, errors: int
) -> bool:
    """Elaborate one round; whether there are no more errors than `errors`, and room for more."""
    session = frame.session
    own = replace(frame, scope=scope)
    for step in statement.body:
        if not session.spend(step.span):
            return False
        run_step(own, step, prefix, rounds)
    return session.errors == errors


def _once(frame: Frame, statement: LoopStatement, prefix: str, rounds: str) -> None:
    """Check a loop whose number of rounds depends on an argument of the block.

    What its rounds hand on is not known, before the round that is looked at and after it.
    """
    span = statement.variable.span
    scalar = Variable(name=f"${statement.variable.text}", span=span)
    scope = _round(frame, statement, Typed(type="int", scalar=scalar, span=span))
    carried = set(_bound(statement.body))
    _forget(frame, carried)
    _steps(frame, scope, statement, prefix, f"{rounds}.0", frame.session.errors)
    _forget(frame, carried)
    _unused(frame, scope, statement)


def _unused(frame: Frame, scope: Scope, statement: LoopStatement) -> None:
    if scope.file.is_main:
        unused_names(frame.session, scope, "loop", statement.variable.text)


def _bound(body: Sequence[Step]) -> Iterator[str]:
    for step in body:
        if isinstance(step, BindStatement):
            yield step.name.text
        elif isinstance(step, LoopStatement):
            yield from _bound(step.body)


def _forget(frame: Frame, names: set[str]) -> None:
    for name in sorted(names):
        local = frame.scope.find(name)
        if local is not None and local.kind == "binding":
            local.operand = _unknown(frame, name, local.operand)


def _unknown(frame: Frame, name: str, operand: Operand) -> Operand:
    match operand:
        case Value(span=span) if frame.graph is not None:
            return frame.graph.add(SpecInput(span=span), None, span)
        case Typed(type=kind, span=span):
            return Typed(type=kind, scalar=Variable(name=f"${name}", span=span), span=span)
    return operand
