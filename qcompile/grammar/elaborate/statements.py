"""The statements that adapters and blocks share: bindings, requirements, the result."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from qcompile.diagnostics.messages.bodies import AfterResult, NoResult
from qcompile.diagnostics.messages.controls import ControlTwice
from qcompile.diagnostics.messages.tables import PrefixReadsModule
from qcompile.diagnostics.messages.training import TrainTwice
from qcompile.diagnostics.source import Span
from qcompile.grammar.elaborate.controls import read_control
from qcompile.grammar.elaborate.expect import as_value
from qcompile.grammar.elaborate.frame import Frame
from qcompile.grammar.elaborate.remarks import reachable
from qcompile.grammar.elaborate.steps import foresee, run_step
from qcompile.grammar.elaborate.training import read_training
from qcompile.grammar.syntax import (
    BindStatement,
    ControlStatement,
    LoopStatement,
    PrefixStatement,
    RequireStatement,
    ResultStatement,
    Statement,
    TrainStatement,
)
from qcompile.ir.operands import Value
from qcompile.ir.ops.base import SPEC_BASE
from qcompile.ir.ops.widths import SpecConcat


def run_body(
    frame: Frame,
    body: Sequence[Statement],
    *,
    kind: Literal["adapter", "block"],
    name: str,
    prefix: str,
    span: Span,
) -> Value | None:
    """Elaborate the statements in order and return the result; `attach` and `shape` are skipped.

    Args:
        frame: Its scope holds the parameters and takes the bindings.
        body: The statements.
        kind: What the body belongs to.
        name: Of the adapter or block.
        prefix: Of the tensors' names; empty for an adapter.
        span: Where to say that the result is missing.
    """
    foresee(frame.scope, body)
    result: Value | None = None
    ended: ResultStatement | PrefixStatement | None = None
    trained: TrainStatement | None = None
    control: ControlStatement | None = None
    for statement in body:
        if frame.session.exhausted:
            return None
        if ended is not None:
            frame.report(AfterResult(span=statement.span, statement=ended.kind, first=ended.span))
            break
        match statement:
            case BindStatement() | RequireStatement() | LoopStatement():
                run_step(frame, statement, prefix)
            case ControlStatement() if control is not None:
                frame.report(ControlTwice(span=statement.span, adapter=name, first=control.span))
            case ControlStatement():
                control = statement
                read_control(frame, statement)
            case TrainStatement() if trained is not None:
                frame.report(TrainTwice(span=statement.span, adapter=name, first=trained.span))
            case TrainStatement():
                trained = statement
                read_training(frame, statement)
            case ResultStatement():
                ended = statement
                last = "return" if statement.kind == "return" else "update"
                label = f"{prefix}.{last}" if prefix else last
                own = frame.named(label, statement.value)
                result = as_value(frame.session, own.evaluate(statement.value), "the result")
                if result is not None and kind == "adapter":
                    result = _one_for_each_token(frame, statement, result)
            case PrefixStatement():
                ended = statement
                result = _prefix(frame, statement)
    if ended is None:
        wanted = "`return …`" if kind == "block" else "`update …`, `replace …` or `prefix …, …`"
        frame.report(NoResult(span=span, kind=kind, name=name, statement=wanted))
    return result


def _one_for_each_token(frame: Frame, statement: ResultStatement, result: Value) -> Value | None:
    assert frame.graph is not None
    if frame.graph.domain(result.node) != "rows":
        return result
    frame.graph.expect(result, f"the result of `{statement.kind}`", "tokens")
    return None


def _prefix(frame: Frame, statement: PrefixStatement) -> Value | None:
    """Return the table of keys and values side by side."""
    graph, session = frame.graph, frame.session
    assert graph is not None
    found: list[Value] = []
    for word, expr in (("keys", statement.keys), ("values", statement.values)):
        own = frame.named(word, expr)
        what = f"the {word} of `prefix`"
        value = as_value(session, own.evaluate(expr), what)
        if value is not None and graph.expect(value, what, "rows"):
            found.append(value)
    if len(found) < 2:
        return None
    for value in found:
        for index in reachable(tuple(graph.nodes), value.node):
            node = graph.nodes[index]
            if isinstance(node, SPEC_BASE) or node.from_module is not None:
                session.report(PrefixReadsModule(span=node.span or value.span))
                return None
    node = SpecConcat(operands=tuple(value.node for value in found), span=statement.span)
    return graph.add(node, None, statement.span)
