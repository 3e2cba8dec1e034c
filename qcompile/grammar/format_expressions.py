"""Expressions as documents, with as few parentheses as their precedence allows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar, assert_never

from qcompile.diagnostics.source import Span
from qcompile.grammar import strings, syntax
from qcompile.grammar.format_comments import Comments, remarks
from qcompile.grammar.pretty import (
    HARD,
    LINE,
    SOFT,
    Doc,
    IfBroken,
    Indent,
    Line,
    group,
    sequence,
)

_BINARY = (
    {"or": 1, "and": 2, "+": 5, "-": 5, "**": 8}
    | dict.fromkeys(("==", "!=", "<", "<=", ">", ">="), 4)
    | dict.fromkeys(("*", "/", "//", "%"), 6)
)
_NOT, _COMPARISON, _NEGATIVE, _POWER, _POSTFIX = 3, 4, 7, 8, 9


class _Spanned(Protocol):
    @property
    def span(self) -> Span: ...


_T = TypeVar("_T", bound=_Spanned)


@dataclass(frozen=True, slots=True)
class ExpressionPrinter:
    """Prints expressions; the bodies of circuits are printed by what it is given."""

    comments: Comments
    body: Callable[[Sequence[syntax.CircuitStatement], Span], Doc]

    def expression(self, node: syntax.Expr, least: int = 0) -> Doc:
        """Return a node, in parentheses if it binds less than `least`."""
        if _level(node) < least:
            return sequence("(", self._bare(node), ")")
        return self._bare(node)

    def _bare(self, node: syntax.Expr) -> Doc:
        match node:
            case syntax.Name(text=text) | syntax.NumberLiteral(text=text):
                return text
            case syntax.StringLiteral(value=value):
                return strings.quote(value)
            case syntax.BoolLiteral(value=true):
                return "true" if true else "false"
            case syntax.Unary(operator=operator, operand=operand):
                if operator == "not":
                    return sequence("not ", self.expression(operand, _NOT))
                return sequence("-", self.expression(operand, _NEGATIVE))
            case syntax.Binary():
                return self._binary(node)
            case syntax.Conditional(condition=condition, yes=yes, no=no):
                return group(
                    self.expression(yes, 1),
                    Indent(sequence(LINE, "if ", self.expression(condition, 1))),
                    Indent(sequence(LINE, "else ", self.expression(no))),
                )
            case syntax.Call(function=function, arguments=arguments, span=span):
                return sequence(function.text, self.arguments(arguments, span))
            case syntax.Index(value=value, index=index):
                return sequence(self.expression(value, _POSTFIX), "[", self.expression(index), "]")
            case syntax.SliceExpr(value=value, start=start, stop=stop):
                return sequence(
                    self.expression(value, _POSTFIX),
                    "[",
                    "" if start is None else self.expression(start),
                    ":",
                    "" if stop is None else self.expression(stop),
                    "]",
                )
            case syntax.ListExpr(items=items, span=span):
                return self.listing("[", items, self.expression, "]", span)
            case syntax.PairExpr(first=first, second=second):
                return sequence("(", self.expression(first), ", ", self.expression(second), ")")
            case syntax.RangeExpr(start=start, stop=stop):
                dots = ".." if min(_level(start), _level(stop)) >= _POSTFIX else " .. "
                return sequence(self.expression(start), dots, self.expression(stop))
            case syntax.RecordExpr(fields=fields, span=span):
                return self.fields(fields, span, ",")
            case syntax.CircuitExpr():
                return self._circuit(node)
            case syntax.UnitaryExpr():
                return self._unitary(node)
            case _:
                assert_never(node)

    def _binary(self, node: syntax.Binary) -> Doc:
        """Return a chain of operators of one level; a line may break behind each."""
        level = _BINARY[node.operator]
        if level == _POWER:
            return sequence(
                self.expression(node.left, _POSTFIX),
                " ** ",
                self.expression(node.right, _NEGATIVE),
            )
        chain: list[tuple[str, syntax.Expr]] = []
        first: syntax.Expr = node
        while isinstance(first, syntax.Binary) and _BINARY[first.operator] == level:
            chain.append((first.operator, first.right))
            first = first.left
            if level == _COMPARISON:
                break
        parts = [self.expression(first, level + (level == _COMPARISON))]
        for operator, right in reversed(chain):
            # A group for each break: the line goes on as long as the next operand starts on it.
            parts += [f" {operator}", group(Indent(LINE))]
            parts.append(self.expression(right, level + 1))
        return sequence(*parts)

    def _circuit(self, node: syntax.CircuitExpr) -> Doc:
        first = sequence(self.expression(node.qubits), " qubits")
        items: tuple[syntax.Expr | syntax.Argument, ...] = (node.qubits, *node.arguments)
        end = node.arguments[-1].span.end if node.arguments else node.qubits.span.end
        head = Span(node.span.source, node.span.start, self.comments.end_of_list(end))

        def item(part: syntax.Expr | syntax.Argument) -> Doc:
            return self.argument(part) if isinstance(part, syntax.Argument) else first

        return sequence(
            "circuit",
            self.listing("(", items, item, ")", head),
            " ",
            self.body(node.body, node.span),
        )

    def _unitary(self, node: syntax.UnitaryExpr) -> Doc:
        if not node.arguments:
            # Comments that wait here stand in the body: brackets without arguments stay empty.
            return sequence("unitary() ", self.body(node.body, node.span))
        end = self.comments.end_of_list(node.arguments[-1].span.end)
        head = Span(node.span.source, node.span.start, end)
        return sequence(
            "unitary", self.arguments(node.arguments, head), " ", self.body(node.body, node.span)
        )

    def argument(self, node: syntax.Argument) -> Doc:
        if node.name is None:
            return self.expression(node.value)
        return sequence(f"{node.name.text}: ", self.expression(node.value))

    def arguments(self, nodes: Sequence[syntax.Argument], span: Span) -> Doc:
        return self.listing("(", nodes, self.argument, ")", span)

    def listing(
        self, opener: str, items: Sequence[_T], show: Callable[[_T], Doc], closer: str, span: Span
    ) -> Doc:
        """Return items between brackets that end at `span.end`: on one line, or one a line."""
        limit = span.end - 1
        parts: list[Doc] = []
        for place, item in enumerate(items):
            last = place + 1 == len(items)
            if parts:
                parts.append(LINE)
            # Comments before the brackets wait: this is the first place where they can stand.
            parts += [
                sequence(comment.text, HARD) for comment in self.comments.before(item.span.start)
            ]
            parts.append(show(item))
            parts.append(IfBroken(",") if last else ",")
            end = limit if last else items[place + 1].span.start
            parts.append(remarks(self.comments.behind(item.span, end)))
        rest = [comment.text for comment in self.comments.before(limit)]
        parts += [
            sequence(HARD, text) if place or items else text for place, text in enumerate(rest)
        ]
        if not parts:
            return opener + closer
        return group(opener, Indent(sequence(SOFT, *parts)), HARD if rest else SOFT, closer)

    def fields(self, fields: Sequence[syntax.Field], span: Span, separator: str) -> Doc:
        """Return fields between braces that end at `span.end`; on one line only if they were."""
        limit = span.end - 1
        start = fields[0].span.start if fields else limit
        broken = self.comments.within(span) or self.comments.has_line_break(span.start, start)
        parts: list[Doc] = []
        end = start
        for place, field in enumerate(fields):
            after = fields[place + 1].span.start if place + 1 < len(fields) else limit
            for comment in self.comments.before(field.span.start):
                parts += self._gap(parts, end, comment.span.start, broken, separator)
                parts.append(comment.text)
                end = max(end, comment.span.end)
            parts += self._gap(parts, end, field.span.start, broken, separator)
            parts += [f"{field.name.text}: ", self.expression(field.value)]
            behind = self.comments.behind(field.span, after)
            parts.append(remarks(behind))
            end = max([field.span.end, *(comment.span.end for comment in behind)])
        for comment in self.comments.before(limit):
            parts += self._gap(parts, end, comment.span.start, broken, separator)
            parts.append(comment.text)
            end = max(end, comment.span.end)
        if not parts:
            return "{}"
        edge = HARD if broken else LINE
        return group("{", Indent(sequence(edge, *parts)), edge, "}")

    def _gap(
        self, parts: list[Doc], end: int, start: int, broken: bool, separator: str
    ) -> list[Doc]:
        if not parts:
            return []
        if not broken:
            return [Line(flat=f"{separator} ")]
        return [HARD, HARD] if self.comments.has_blank(end, start) else [HARD]


def _level(node: syntax.Expr) -> int:
    match node:
        case syntax.Conditional() | syntax.RangeExpr():
            return 0
        case syntax.Binary(operator=operator):
            return _BINARY[operator]
        case syntax.Unary(operator=operator):
            return _NOT if operator == "not" else _NEGATIVE
        case _:
            return _POSTFIX
