"""Calls: built-in functions and blocks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import cast

from qcompile.diagnostics.message import Message
from qcompile.diagnostics.messages.names import UnknownFunction, WrongKind
from qcompile.diagnostics.messages.types import Misplaced, WrongType
from qcompile.diagnostics.source import Span
from qcompile.grammar.elaborate.arguments import Bound, bind, bind_as
from qcompile.grammar.elaborate.blocks import call_block
from qcompile.grammar.elaborate.expect import as_value
from qcompile.grammar.elaborate.frame import Frame
from qcompile.grammar.elaborate.graph import GraphBuilder
from qcompile.grammar.elaborate.inits import read_init
from qcompile.grammar.elaborate.scalars import combine
from qcompile.grammar.elaborate.scope import KIND_WORDS
from qcompile.grammar.functions import SCALARS
from qcompile.grammar.syntax import Call
from qcompile.ir.extensions import ExtensionError
from qcompile.ir.initialisation import Init, InitKind, init_named
from qcompile.ir.operands import Operand, Typed, Value
from qcompile.ir.operation import Operation
from qcompile.ir.registry import operations
from qcompile.ir.spec_node import SpecDomain, SpecNode


def call(frame: Frame, expr: Call) -> Operand:
    """Return what a call stands for."""
    name = expr.function.text
    if name in SCALARS:
        return _scalar(bind(frame, SCALARS[name], expr.arguments, expr.span))
    operation = operations().built_in.get(name)
    if operation is None:
        return _defined(frame, expr)
    return _operation(frame, expr, operation)


def _operation(frame: Frame, expr: Call, operation: Operation) -> Operand:
    label = ""
    if operation.family == "trainable":
        label = frame.naming.name(operation.name, expr)
    bound = bind_as(OperationCall, frame, operation, expr.arguments, expr.span)
    bound.label = label
    if frame.graph is None and not operation.of_numbers:
        _no_graph(bound)
        return None
    return operation.build(bound)


def _no_graph(bound: Bound) -> None:
    bound.frame.report(
        Misplaced(
            span=bound.span,
            form=f"a call of `{bound.function.name}`",
            what="the expression",
            expected="a number, a truth value or a text",
        )
    )


@dataclass(slots=True, kw_only=True)
class OperationCall(Bound):
    """The arguments of a call, and the graph: `qcompile.ir.operation.Call`."""

    label: str = ""
    """Names its tensors."""

    @property
    def graph(self) -> GraphBuilder:
        assert self.frame.graph is not None
        return self.frame.graph

    def place(self, name: str) -> Span:
        return self.given[name].span if self.has(name) else self.span

    def as_value(self, operand: Operand) -> Value | None:
        if self.frame.graph is None:
            _no_graph(self)
            return None
        return as_value(self.frame.session, operand, f"the argument of `{self.function.name}`")

    def values(self) -> tuple[Value, ...] | None:
        found = [self.as_value(self.frame.evaluate(expr)) for expr in self.many]
        values = tuple(value for value in found if value is not None)
        return values if len(values) == len(found) else None

    def init(self, what: str) -> Init | None:
        option = self.options["init"]
        if not self.has("init"):
            return init_named(cast(InitKind, option.default))
        return read_init(self.frame, self.given["init"], what, option.choices)

    def share(self) -> str | None:
        key = self.text("share")
        self.graph.share(key, self.function.name, self.span)
        return key

    def unique(self) -> str:
        return self.graph.unique(self.label)

    def number(self, width: Typed | None) -> int | None:
        return self.graph.number(width)

    def combine(self, operator: str, *arguments: Typed) -> Typed | None:
        return combine(self.frame.session, operator, arguments, self.span)

    def of_tokens(self, value: Value) -> bool:
        return self.graph.domain(value.node) == "tokens"

    def expect(self, value: Value, what: str, wanted: SpecDomain) -> bool:
        return self.graph.expect(value, what, wanted)

    def report(self, message: Message) -> None:
        self.frame.report(message)

    def add(self, node: SpecNode, width: Typed | None) -> Value | None:
        return self.graph.add(node, width, self.span)


def _scalar(bound: Bound) -> Typed | None:
    frame, name = bound.frame, bound.function.name
    expressions = bound.many if bound.many else tuple(bound.given.values())
    operands = [frame.evaluate(expr) for expr in expressions]
    numbers: list[Typed] = []
    for operand in operands:
        if operand is None:
            continue
        if not isinstance(operand, Typed) or not operand.is_number:
            frame.report(
                WrongType(
                    span=operand.span,
                    what=f"the argument of `{name}`",
                    expected="a number",
                    found=operand.word,
                )
            )
        else:
            numbers.append(operand)
    if not bound.ok or len(numbers) < len(operands) or not numbers:
        return None
    return combine(frame.session, name, tuple(numbers), bound.span)


def _defined(frame: Frame, expr: Call) -> Operand:
    """A block of the file, or an operation of another package."""
    name = expr.function.text
    definition = frame.scope.file.names.get(name)
    if definition is not None and definition.kind == "block":
        definition.used = True
        return call_block(frame, expr, definition)
    local = frame.scope.find(name)
    try:
        if definition is None and local is None and name in operations():
            return _operation(frame, expr, replace(operations()[name], name=name))
        known = tuple(_known(frame))
    except ExtensionError as error:
        frame.report(error.at(expr.function.span))
        return None
    for argument in expr.arguments:
        frame.evaluate(argument.value)
    if definition is not None or local is not None:
        if definition is not None:
            kind, first = KIND_WORDS[definition.kind], definition.span
            definition.used = True
        elif local is not None:
            kind, first = f"a {local.kind}", local.span
            local.used = True
        frame.report(
            WrongKind(
                span=expr.function.span,
                name=name,
                kind=kind,
                wanted="a function or a block",
                first=first,
            )
        )
    elif not frame.scope.file.incomplete:
        near = frame.session.nearest(name, known)
        frame.report(UnknownFunction(span=expr.function.span, name=name, candidates=near))
    return None


def _known(frame: Frame) -> Iterator[str]:
    """What can be called."""
    yield from SCALARS
    yield from operations()
    yield from (n for n, item in frame.scope.file.names.items() if item.kind == "block")
