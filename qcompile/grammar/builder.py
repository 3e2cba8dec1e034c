"""Makes syntax nodes of what the grammar's rules matched: one method a rule.

Every method takes the children of its rule, with a None for each optional symbol that is absent,
signs and keywords included; so positions are fixed, and items of lists are two apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, cast

from qcompile.diagnostics.source import Span
from qcompile.grammar import syntax
from qcompile.grammar.lexeme import Lexeme

Children = Sequence[Any]


@dataclass(frozen=True, slots=True)
class _Group:
    """What stands between brackets, or in a row."""

    items: tuple[Any, ...]
    span: Span


def _span(children: Children) -> Span:
    """Return the span from the first child to the last that is present."""
    first = next(child for child in children if child is not None)
    last = next(child for child in reversed(children) if child is not None)
    return Span(first.span.source, first.span.start, last.span.end)


def _bracketed(children: Children) -> _Group:
    return _Group(tuple(children[1:-1:2]), _span(children))


def _circuit_body(group: _Group) -> syntax.CircuitBody:
    return syntax.CircuitBody(items=group.items, span=group.span)


def _in_row(children: Children) -> _Group:
    return _Group(tuple(children[::2]), _span(children))


def _string(lexeme: Lexeme) -> syntax.StringLiteral:
    return syntax.StringLiteral(value=lexeme.text, span=lexeme.span)


class Builder:
    """Callbacks of the parser, by the names of the rules."""

    def start(self, children: Children) -> tuple[syntax.Item, ...]:
        return tuple(children[2::2])

    def version(self, children: Children) -> Lexeme:
        return cast(Lexeme, children[1])

    # Items

    def import_item(self, children: Children) -> syntax.ImportItem:
        _, path, names = children
        return syntax.ImportItem(
            path=_string(path),
            names=None if names is None else names.items,
            span=_span(children),
        )

    import_names = staticmethod(_bracketed)

    def import_name(self, children: Children) -> tuple[syntax.Name, syntax.Name | None]:
        name, _, alias = children
        return name, alias

    def model_item(self, children: Children) -> syntax.ModelItem:
        return syntax.ModelItem(path=_string(children[1]), span=_span(children))

    def let_item(self, children: Children) -> syntax.LetItem:
        _, name, _, value = children
        return syntax.LetItem(name=name, value=value, span=_span(children))

    def block_item(self, children: Children) -> syntax.BlockItem:
        _, name, parameters, body = children
        return syntax.BlockItem(
            name=name, parameters=parameters.items, body=body.items, span=_span(children)
        )

    def gate_item(self, children: Children) -> syntax.GateItem:
        _, name, _, matrix = children
        return syntax.GateItem(name=name, matrix=matrix, span=_span(children))

    def layer_item(self, children: Children) -> syntax.LayerItem:
        _, name, parameters, body = children
        return syntax.LayerItem(
            name=name, parameters=parameters.items, body=body.items, span=_span(children)
        )

    def adapter_item(self, children: Children) -> syntax.AdapterItem:
        _, name, parameters, _, target, body = children
        return syntax.AdapterItem(
            name=name,
            parameters=parameters.items,
            target=target,
            body=body.items,
            span=_span(children),
        )

    def target_item(self, children: Children) -> syntax.TargetItem:
        _, name, fields = children
        return syntax.TargetItem(name=name, fields=fields.items, span=_span(children))

    parameters = staticmethod(_bracketed)

    def parameter(self, children: Children) -> syntax.Parameter:
        name, _, kind, _, default = children
        return syntax.Parameter(name=name, type=kind, default=default, span=_span(children))

    fields = staticmethod(_bracketed)

    def field(self, children: Children) -> syntax.Field:
        name, _, value = children
        return syntax.Field(name=name, value=value, span=_span(children))

    def record(self, children: Children) -> syntax.RecordExpr:
        return syntax.RecordExpr(fields=children[0].items, span=children[0].span)

    # Statements of adapters and blocks

    adapter_body = staticmethod(_bracketed)
    block_body = staticmethod(_bracketed)

    def attach(self, children: Children) -> syntax.AttachStatement:
        _, patterns, _, layers, _, overrides = children
        return syntax.AttachStatement(
            patterns=patterns.items,
            layers=layers,
            overrides=() if overrides is None else overrides.items,
            span=_span(children),
        )

    def shape(self, children: Children) -> syntax.ShapeStatement:
        _, inputs, _, outputs = children
        return syntax.ShapeStatement(in_features=inputs, out_features=outputs, span=_span(children))

    def require(self, children: Children) -> syntax.RequireStatement:
        _, condition, _, message = children
        return syntax.RequireStatement(
            condition=condition,
            message=None if message is None else _string(message),
            span=_span(children),
        )

    def bind(self, children: Children) -> syntax.BindStatement:
        name, _, value = children
        return syntax.BindStatement(name=name, value=value, span=_span(children))

    def each(self, children: Children) -> syntax.LoopStatement:
        _, variable, _, values, body = children
        return syntax.LoopStatement(
            variable=variable, range=values, body=body.items, span=_span(children)
        )

    each_body = staticmethod(_bracketed)

    def control(self, children: Children) -> syntax.ControlStatement:
        return syntax.ControlStatement(condition=children[2], span=_span(children))

    def train(self, children: Children) -> syntax.TrainStatement:
        return syntax.TrainStatement(body=children[1].items, span=_span(children))

    train_body = staticmethod(_bracketed)

    def regularise(self, children: Children) -> syntax.RegulariseStatement:
        return syntax.RegulariseStatement(penalty=children[1], span=_span(children))

    def proximal(self, children: Children) -> syntax.ProximalStatement:
        return syntax.ProximalStatement(operator=children[1], span=_span(children))

    def result(self, children: Children) -> syntax.ResultStatement:
        keyword, value = children
        kind = cast(Literal["update", "replace", "return"], keyword.text)
        return syntax.ResultStatement(kind=kind, value=value, span=_span(children))

    def prefix(self, children: Children) -> syntax.PrefixStatement:
        _, keys, _, values = children
        return syntax.PrefixStatement(keys=keys, values=values, span=_span(children))

    # Statements of circuits

    circuit_body = staticmethod(_bracketed)

    def repeat(self, children: Children) -> syntax.RepeatStatement:
        _, count, body = children
        return syntax.RepeatStatement(count=count, body=body.items, span=_span(children))

    def loop(self, children: Children) -> syntax.ForStatement:
        _, variable, _, values, body = children
        return syntax.ForStatement(
            variable=variable, range=values, body=body.items, span=_span(children)
        )

    def adjoint(self, children: Children) -> syntax.AdjointStatement:
        return syntax.AdjointStatement(body=children[1].items, span=_span(children))

    def choice(self, children: Children) -> syntax.IfStatement:
        _, condition, body, _, otherwise = children
        return syntax.IfStatement(
            condition=condition,
            body=_circuit_body(body),
            otherwise=_circuit_body(otherwise) if isinstance(otherwise, _Group) else otherwise,
            span=_span(children),
        )

    def encode(self, children: Children) -> syntax.EncodeStatement:
        _, encoding, _, wires = children
        return syntax.EncodeStatement(encoding=encoding, wires=wires, span=_span(children))

    def angles(self, children: Children) -> syntax.AnglesStatement:
        _, name, _, size, _, _, init = children
        return syntax.AnglesStatement(name=name, size=size, init=init, span=_span(children))

    def measure(self, children: Children) -> syntax.MeasureStatement:
        _, what, _, wires = children
        if isinstance(what, Lexeme):
            what = syntax.Name(text=what.text, span=what.span)
        else:
            what = what.items
        return syntax.MeasureStatement(what=what, wires=wires, span=_span(children))

    def apply(self, children: Children) -> syntax.ApplyStatement:
        name, arguments, shared, pattern, _, wires = children
        return syntax.ApplyStatement(
            name=name,
            arguments=None if arguments is None else arguments.items,
            shared=shared is not None,
            pattern=pattern,
            wires=wires,
            span=_span(children),
        )

    def pattern(self, children: Children) -> syntax.PatternClause:
        kind, half, backwards, _, step = children
        return syntax.PatternClause(
            kind=syntax.Name(text=kind.text, span=kind.span),
            pairs=None,
            half=None if half is None else syntax.Name(text=half.text, span=half.span),
            reversed=backwards is not None,
            step=step,
            span=_span(children),
        )

    def pairs(self, children: Children) -> syntax.PatternClause:
        kind, listed, backwards, _, step = children
        return syntax.PatternClause(
            kind=syntax.Name(text=kind.text, span=kind.span),
            pairs=listed,
            half=None,
            reversed=backwards is not None,
            step=step,
            span=_span(children),
        )

    def range(self, children: Children) -> syntax.RangeExpr:
        start, _, stop = children
        return syntax.RangeExpr(start=start, stop=stop, span=_span(children))

    def strings(self, children: Children) -> _Group:
        return _Group(tuple(_string(lexeme) for lexeme in children[::2]), _span(children))

    def patterns(self, children: Children) -> _Group:
        found = tuple(
            _string(child) if isinstance(child, Lexeme) else child for child in children[::2]
        )
        return _Group(found, _span(children))

    def portable(self, children: Children) -> syntax.PortableName:
        text = "".join(child.text for child in children if child is not None)
        return syntax.PortableName(value=text, span=_span(children))

    arguments = staticmethod(_bracketed)

    def argument(self, children: Children) -> syntax.Argument:
        name, _, value = children
        return syntax.Argument(name=name, value=value, span=_span(children))

    # Expressions

    def conditional(self, children: Children) -> syntax.Conditional:
        yes, _, condition, _, no = children
        return syntax.Conditional(condition=condition, yes=yes, no=no, span=_span(children))

    def binary(self, children: Children) -> syntax.Binary:
        left, operator, right = children
        return syntax.Binary(operator=operator.text, left=left, right=right, span=_span(children))

    def unary(self, children: Children) -> syntax.Unary:
        sign, operand = children
        operator = cast(Literal["-", "not"], sign.text)
        return syntax.Unary(operator=operator, operand=operand, span=_span(children))

    def index(self, children: Children) -> syntax.Index:
        value, _, place, _ = children
        return syntax.Index(value=value, index=place, span=_span(children))

    def slice(self, children: Children) -> syntax.SliceExpr:
        value, _, start, _, stop, _ = children
        return syntax.SliceExpr(value=value, start=start, stop=stop, span=_span(children))

    def number(self, children: Children) -> syntax.NumberLiteral:
        return syntax.NumberLiteral(text=children[0].text, span=children[0].span)

    def string(self, children: Children) -> syntax.StringLiteral:
        return _string(children[0])

    def boolean(self, children: Children) -> syntax.BoolLiteral:
        return syntax.BoolLiteral(value=children[0].text == "true", span=children[0].span)

    def call(self, children: Children) -> syntax.Call:
        function, arguments = children
        return syntax.Call(function=function, arguments=arguments.items, span=_span(children))

    def circuit(self, children: Children) -> syntax.CircuitExpr:
        end = next(
            place
            for place, it in enumerate(children)
            if isinstance(it, Lexeme) and it.type == "RPAR"
        )
        arguments = tuple(it for it in children[4:end] if isinstance(it, syntax.Argument))
        return syntax.CircuitExpr(
            qubits=children[2],
            arguments=arguments,
            body=children[-1].items,
            span=_span(children),
        )

    def unitary(self, children: Children) -> syntax.UnitaryExpr:
        _, arguments, body = children
        return syntax.UnitaryExpr(arguments=arguments.items, body=body.items, span=_span(children))

    def list(self, children: Children) -> syntax.ListExpr:
        group = _bracketed(children)
        return syntax.ListExpr(items=group.items, span=group.span)

    def parenthesised(self, children: Children) -> syntax.Expr:
        # The span takes in the parentheses, so that spans of larger expressions do.
        return cast(syntax.Expr, replace(children[1], span=_span(children)))

    def pair(self, children: Children) -> syntax.PairExpr:
        return syntax.PairExpr(first=children[1], second=children[3], span=_span(children))

    def name(self, children: Children) -> syntax.Name:
        return syntax.Name(text=children[0].text, span=children[0].span)
