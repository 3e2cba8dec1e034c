"""The canonical form of a file."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar, assert_never

from qcompile.diagnostics.source import Span
from qcompile.grammar import strings, syntax
from qcompile.grammar.format_comments import Comments, remarks
from qcompile.grammar.format_expressions import ExpressionPrinter
from qcompile.grammar.pretty import HARD, LINE, Doc, Indent, group, render, sequence

_BEFORE_VERSION = re.compile(r"(?:[\s;]|#[^\n]*)*")


class _Spanned(Protocol):
    @property
    def span(self) -> Span: ...


_T = TypeVar("_T", bound=_Spanned)


def format_file(file: syntax.File) -> str:
    """Return the text of a file in canonical form, which keeps its comments.

    Formatting twice changes nothing, and parsing the result gives an equal file. Lines have at most
    100 columns unless a name, a string or a comment is too long; at most one empty line is kept.
    """
    return render(_Printer(file).file(file)).rstrip() + "\n"


@dataclass(slots=True, init=False)
class _Printer:
    comments: Comments
    expressions: ExpressionPrinter

    def __init__(self, file: syntax.File) -> None:
        self.comments = Comments(file)
        self.expressions = ExpressionPrinter(self.comments, self._circuit_body)

    def file(self, file: syntax.File) -> Doc:
        text = file.source.text
        found = _BEFORE_VERSION.match(text)
        start = 0 if found is None else found.end()
        version = Span(file.source, start, start + len(f"qa {file.version}"))
        parts: list[Doc] = []
        end = 0
        for comment in self.comments.before(start):
            if parts:
                parts += self._gap(end, comment.span.start)
            parts.append(comment.text)
            end = max(end, comment.span.end)
        if parts:
            parts += self._gap(end, start)
        parts.append(f"qa {file.version}")
        first = file.items[0].span.start if file.items else len(text)
        behind = self.comments.behind(version, first)
        parts.append(remarks(behind))
        end = max([version.end, *(comment.span.end for comment in behind)])
        before: syntax.Item | None = None
        for place, item in enumerate(file.items):
            forced = before is None or _has_body(before) or _has_body(item)
            for comment in self.comments.before(item.span.start):
                parts += [HARD, HARD] if forced else self._gap(end, comment.span.start)
                parts.append(comment.text)
                end, forced = max(end, comment.span.end), False
            parts += [HARD, HARD] if forced else self._gap(end, item.span.start)
            parts.append(self._item(item))
            after = file.items[place + 1 :]
            limit = after[0].span.start if after else len(text)
            behind = self.comments.behind(item.span, limit)
            parts.append(remarks(behind))
            end = max([item.span.end, *(comment.span.end for comment in behind)])
            before = item
        for comment in self.comments.before(len(text) + 1):
            parts += self._gap(end, comment.span.start)
            parts.append(comment.text)
            end = max(end, comment.span.end)
        return sequence(*parts)

    def _gap(self, end: int, start: int) -> list[Doc]:
        return [HARD, HARD] if self.comments.has_blank(end, start) else [HARD]

    def _block(self, nodes: Sequence[_T], show: Callable[[_T], Doc], span: Span) -> Doc:
        """Return statements between braces of which the last ends at `span.end`."""
        limit = span.end - 1
        parts: list[Doc] = []
        end = 0
        for place, node in enumerate(nodes):
            for comment in self.comments.before(node.span.start):
                parts += self._gap(end, comment.span.start) if parts else []
                parts.append(comment.text)
                end = max(end, comment.span.end)
            parts += self._gap(end, node.span.start) if parts else []
            parts.append(show(node))
            after = nodes[place + 1].span.start if place + 1 < len(nodes) else limit
            behind = self.comments.behind(node.span, after)
            parts.append(remarks(behind))
            end = max([node.span.end, *(comment.span.end for comment in behind)])
        for comment in self.comments.before(limit):
            parts += self._gap(end, comment.span.start) if parts else []
            parts.append(comment.text)
            end = max(end, comment.span.end)
        if not parts:
            return "{}"
        return sequence("{", Indent(sequence(HARD, *parts)), HARD, "}")

    def _circuit_body(self, nodes: Sequence[syntax.CircuitStatement], span: Span) -> Doc:
        return self._block(nodes, self._circuit_statement, span)

    def _item(self, item: syntax.Item) -> Doc:
        expression = self.expressions.expression
        head: Doc
        match item:
            case syntax.ImportItem(path=path, names=names, span=span):
                quoted = strings.quote(path.value)
                if names is None:
                    return f"import {quoted}"
                shown = tuple(_ImportedName(name, alias) for name, alias in names)
                listed = self.expressions.listing("(", shown, _ImportedName.show, ")", span)
                return sequence(f"import {quoted} ", listed)
            case syntax.ModelItem(path=path):
                return f"model {strings.quote(path.value)}"
            case syntax.LetItem(name=name, value=value):
                return sequence(f"let {name.text} = ", expression(value))
            case syntax.GateItem(name=name, matrix=matrix):
                return sequence(f"gate {name.text} = ", expression(matrix))
            case syntax.BlockItem(name=name, parameters=parameters, body=body, span=span):
                head = self._head("block", name, parameters, span)
                return sequence(head, " ", self._block(body, self._statement, span))
            case syntax.LayerItem(name=name, parameters=parameters, body=statements, span=span):
                head = self._head("layer", name, parameters, span)
                return sequence(head, " ", self._circuit_body(statements, span))
            case syntax.AdapterItem(name=name, parameters=parameters, body=body, span=span):
                head = self._head("adapter", name, parameters, span)
                on = "" if item.target is None else f" on {item.target.text}"
                return sequence(head, on, " ", self._block(body, self._statement, span))
            case syntax.TargetItem(name=name, fields=fields, span=span):
                braces = Span(span.source, name.span.end, span.end)
                return sequence(
                    f"target {name.text} ", self.expressions.fields(fields, braces, ";")
                )
            case _:
                assert_never(item)

    def _head(
        self,
        keyword: str,
        name: syntax.Name,
        parameters: Sequence[syntax.Parameter],
        span: Span,
    ) -> Doc:
        end = name.span.end
        if parameters:
            end = self.comments.end_of_list(parameters[-1].span.end)
        listed = self.expressions.listing(
            "(", parameters, self._parameter, ")", Span(span.source, span.start, end)
        )
        return sequence(f"{keyword} {name.text}", listed)

    def _parameter(self, node: syntax.Parameter) -> Doc:
        parts: list[Doc] = [node.name.text]
        if node.type is not None:
            parts.append(f": {node.type.text}")
        if node.default is not None:
            parts += [" = ", self.expressions.expression(node.default)]
        return sequence(*parts)

    def _statement(self, node: syntax.Statement) -> Doc:
        expression = self.expressions.expression
        match node:
            case syntax.AttachStatement(patterns=patterns, layers=layers, overrides=overrides):
                listed: list[Doc] = []
                for pattern in patterns:
                    listed += [",", LINE] if listed else []
                    portable = isinstance(pattern, syntax.PortableName)
                    listed.append(pattern.value if portable else strings.quote(pattern.value))
                parts: list[Doc] = ["attach ", group(Indent(sequence(*listed)))]
                if layers is not None:
                    parts += [" layers ", expression(layers)]
                if overrides:
                    parts += [" with ", self.expressions.arguments(overrides, node.span)]
                return sequence(*parts)
            case syntax.ShapeStatement(in_features=inputs, out_features=outputs):
                return sequence("shape ", expression(inputs), " -> ", expression(outputs))
            case syntax.RequireStatement(condition=condition, message=message):
                shown = expression(condition)
                if message is None:
                    return sequence("require ", shown)
                text = strings.quote(message.value)
                return group("require ", shown, ",", Indent(sequence(LINE, text)))
            case syntax.BindStatement(name=name, value=value):
                return sequence(f"{name.text} = ", expression(value))
            case syntax.LoopStatement(variable=variable, range=values, body=steps, span=span):
                head = sequence(f"for {variable.text} in ", expression(values), " ")
                return sequence(head, self._block(steps, self._statement, span))
            case syntax.ControlStatement(condition=None):
                return "control"
            case syntax.ControlStatement(condition=condition):
                assert condition is not None
                return sequence("control if ", expression(condition))
            case syntax.TrainStatement(body=body, span=span):
                return sequence("train ", self._block(body, self._training_statement, span))
            case syntax.ResultStatement(kind=kind, value=value):
                return sequence(f"{kind} ", expression(value))
            case syntax.PrefixStatement(keys=keys, values=values):
                return group(
                    "prefix ", expression(keys), ",", Indent(sequence(LINE, expression(values)))
                )
            case _:
                assert_never(node)

    def _training_statement(self, node: syntax.TrainingStatement) -> Doc:
        match node:
            case syntax.RegulariseStatement(penalty=penalty):
                return sequence("regularise ", self.expressions.expression(penalty))
            case syntax.ProximalStatement(operator=operator):
                return sequence("proximal ", self.expressions.expression(operator))
            case _:
                assert_never(node)

    def _circuit_statement(self, node: syntax.CircuitStatement) -> Doc:
        expression = self.expressions.expression
        match node:
            case syntax.RepeatStatement(count=count, body=body, span=span):
                return sequence("repeat ", expression(count), " ", self._circuit_body(body, span))
            case syntax.ForStatement(variable=variable, range=values, body=body, span=span):
                head = sequence(f"for {variable.text} in ", expression(values), " ")
                return sequence(head, self._circuit_body(body, span))
            case syntax.AdjointStatement(body=body, span=span):
                return sequence("adjoint ", self._circuit_body(body, span))
            case syntax.IfStatement():
                return self._if(node)
            case syntax.EncodeStatement(encoding=encoding, wires=wires):
                return sequence("encode ", expression(encoding), self._wires(wires))
            case syntax.AnglesStatement(name=name, size=size, init=init):
                head = sequence(f"angles {name.text}[", expression(size), "]")
                return head if init is None else sequence(head, " init ", expression(init))
            case syntax.MeasureStatement(what=syntax.Name(text=text), wires=wires):
                return sequence(f"measure {text}", self._wires(wires))
            case syntax.MeasureStatement(what=what, wires=wires):
                assert not isinstance(what, syntax.Name)
                listed: list[Doc] = []
                for paulis in what:
                    listed += [",", LINE] if listed else []
                    listed.append(strings.quote(paulis.value))
                return sequence("measure ", group(Indent(sequence(*listed))), self._wires(wires))
            case syntax.ApplyStatement():
                return self._apply(node)
            case _:
                assert_never(node)

    def _if(self, node: syntax.IfStatement) -> Doc:
        head = sequence("if ", self.expressions.expression(node.condition), " ")
        yes = self._circuit_body(node.body.items, node.body.span)
        match node.otherwise:
            case None:
                return sequence(head, yes)
            case syntax.IfStatement():
                return sequence(head, yes, " else ", self._if(node.otherwise))
            case syntax.CircuitBody(items=items, span=span):
                return sequence(head, yes, " else ", self._circuit_body(items, span))
            case _:
                assert_never(node.otherwise)

    def _apply(self, node: syntax.ApplyStatement) -> Doc:
        expression = self.expressions.expression
        parts: list[Doc] = [node.name.text]
        if node.arguments is not None:
            end = node.name.span.end
            if node.arguments:
                end = self.comments.end_of_list(node.arguments[-1].span.end)
            span = Span(node.span.source, node.span.start, end)
            parts.append(self.expressions.arguments(node.arguments, span))
        if node.shared:
            parts.append(" shared")
        pattern = node.pattern
        if pattern is not None:
            parts.append(f" {pattern.kind.text}")
            if pattern.pairs is not None:
                parts += [" ", expression(pattern.pairs)]
            if pattern.half is not None:
                parts.append(f" {pattern.half.text}")
            if pattern.reversed:
                parts.append(" reversed")
            if pattern.step is not None:
                parts += [" step ", expression(pattern.step)]
        parts.append(self._wires(node.wires))
        return sequence(*parts)

    def _wires(self, wires: syntax.Expr | None) -> Doc:
        return "" if wires is None else sequence(" on ", self.expressions.expression(wires))


@dataclass(frozen=True, slots=True)
class _ImportedName:
    name: syntax.Name
    alias: syntax.Name | None

    @property
    def span(self) -> Span:
        return self.name.span if self.alias is None else self.name.span.to(self.alias.span)

    def show(self) -> Doc:
        return self.name.text if self.alias is None else f"{self.name.text} as {self.alias.text}"


def _has_body(item: syntax.Item) -> bool:
    return not isinstance(
        item, syntax.ImportItem | syntax.ModelItem | syntax.LetItem | syntax.GateItem
    )
