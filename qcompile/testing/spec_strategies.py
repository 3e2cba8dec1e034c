"""Texts of the language: any valid syntax, faulty mutations of it, and adapters that compile."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar

from hypothesis import strategies as st

from qcompile.diagnostics.source import Source, Span
from qcompile.grammar import syntax
from qcompile.grammar.format import format_file
from qcompile.grammar.numbers import UNITS
from qcompile.grammar.vocabulary import CONTEXTUAL, KEYWORDS, RESERVED, SIGNS, TYPES
from qcompile.ir.portable import all_portables
from qcompile.testing.adapter_strategies import valid_adapters

__all__ = ["files", "mutated_texts", "noise", "texts", "valid_adapters"]

_T = TypeVar("_T")
_SOURCE = Source("<generated>", "")
_AT = Span(_SOURCE, 0, 0)
_WORDS = tuple(sorted(KEYWORDS | CONTEXTUAL | RESERVED))
_ODDITIES = ("plain", "plain", "plain", "comment", "before", "blank", "odd", "split", "open")
_SNIPPETS = (
    *_WORDS,
    *SIGNS,
    "\n", ";", " ", "\t", "\r\n", "#", '"', "'", "\\", "ry", "x", "0", ".5", "1e999", "3pct", "2x",
    "&&", "^", "!", "@", "θ", "“", "\u00a0", "\ufeff", "\x00", "\ud800", "é",
)  # fmt: skip


@cache
def names(*, contextual: bool = True) -> st.SearchStrategy[syntax.Name]:
    """Names, among them some that are words of the language elsewhere."""
    plain = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,7}", fullmatch=True)
    usual = st.sampled_from(("x", "h", "rank", "ry", "cz", "ring", "in_features", "to", "zero"))
    texts = st.one_of(usual, plain)
    if contextual:
        texts = st.one_of(texts, st.sampled_from(sorted(CONTEXTUAL)))
    taken = KEYWORDS | RESERVED if contextual else KEYWORDS | RESERVED | CONTEXTUAL
    return texts.filter(lambda text: text not in taken).map(
        lambda text: syntax.Name(text=text, span=_AT)
    )


@cache
def numbers() -> st.SearchStrategy[syntax.NumberLiteral]:
    whole = st.integers(0, 10**6).map(str)
    other = st.sampled_from(("0.5", "1e-3", "2.5E+4", "100_000", "3.141_592", "0"))
    quantity = st.tuples(st.one_of(whole, st.just("0.1")), st.sampled_from(sorted(UNITS)))
    texts = st.one_of(whole, other, quantity.map("".join))
    return texts.map(lambda text: syntax.NumberLiteral(text=text, span=_AT))


@cache
def strings() -> st.SearchStrategy[syntax.StringLiteral]:
    printable = st.characters(exclude_categories=("Cs", "Cc"))
    usual = st.sampled_from(("*.{q,v}_proj", "Z0 Z1", "fake_torino", "a # b", "", 'tab\t\n\\"'))
    texts = st.one_of(usual, st.text(printable, max_size=12))
    return texts.map(lambda text: syntax.StringLiteral(value=text, span=_AT))


def _tuples(of: st.SearchStrategy[_T], most: int = 3) -> st.SearchStrategy[tuple[_T, ...]]:
    return st.lists(of, max_size=most).map(tuple)


def _optional(of: st.SearchStrategy[_T]) -> st.SearchStrategy[_T | None]:
    return st.one_of(st.none(), of)


def _build(node: Callable[..., _T], **parts: st.SearchStrategy[Any]) -> st.SearchStrategy[_T]:
    return st.fixed_dictionaries(parts).map(lambda values: node(span=_AT, **values))


@cache
def _leaves() -> st.SearchStrategy[syntax.Expr]:
    booleans = _build(syntax.BoolLiteral, value=st.booleans())
    return st.one_of(names(), numbers(), strings(), booleans)


def _grown(inner: st.SearchStrategy[syntax.Expr]) -> st.SearchStrategy[syntax.Expr]:
    operators = ("+", "-", "*", "/", "//", "%", "**", "==", "!=", "<", "<=", ">", ">=", "and", "or")
    return st.one_of(
        _build(syntax.Unary, operator=st.sampled_from(("-", "not")), operand=inner),
        _build(syntax.Binary, operator=st.sampled_from(operators), left=inner, right=inner),
        _build(syntax.Conditional, condition=inner, yes=inner, no=inner),
        _build(syntax.Call, function=names(), arguments=_tuples(_arguments(inner), 4)),
        _build(syntax.Index, value=inner, index=inner),
        _build(syntax.SliceExpr, value=inner, start=_optional(inner), stop=_optional(inner)),
        _build(syntax.ListExpr, items=_tuples(inner)),
        _build(syntax.PairExpr, first=inner, second=inner),
        _circuits(inner),
        _build(
            syntax.UnitaryExpr,
            arguments=_tuples(_arguments(inner)),
            body=_tuples(circuit_statements()),
        ),
    )


def _arguments(
    inner: st.SearchStrategy[syntax.Expr], *, named: bool = False
) -> st.SearchStrategy[syntax.Argument]:
    return _build(syntax.Argument, name=names() if named else _optional(names()), value=inner)


def _circuits(inner: st.SearchStrategy[syntax.Expr]) -> st.SearchStrategy[syntax.CircuitExpr]:
    return _build(
        syntax.CircuitExpr,
        qubits=inner,
        arguments=_tuples(_arguments(inner, named=True), 2),
        body=_tuples(circuit_statements()),
    )


@cache
def expressions() -> st.SearchStrategy[syntax.Expr]:
    """Expressions of every kind but ranges and records."""
    return st.recursive(_leaves(), _grown, max_leaves=6)


@cache
def _scalars() -> st.SearchStrategy[syntax.Expr]:
    leaves = st.one_of(names(), numbers())
    return st.one_of(
        leaves,
        _build(syntax.Binary, operator=st.sampled_from(("+", "*", "-")), left=leaves, right=leaves),
    )


@cache
def _ranges() -> st.SearchStrategy[syntax.RangeExpr]:
    return _build(syntax.RangeExpr, start=_scalars(), stop=_scalars())


@cache
def _wires() -> st.SearchStrategy[syntax.Expr | None]:
    pair = _build(syntax.PairExpr, first=_scalars(), second=_scalars())
    listed = _build(syntax.ListExpr, items=_tuples(_scalars()))
    return _optional(st.one_of(_scalars(), listed, pair, _ranges()))


def _halves() -> st.SearchStrategy[syntax.Name]:
    return st.sampled_from(("even", "odd")).map(lambda text: syntax.Name(text=text, span=_AT))


@cache
def _patterns() -> st.SearchStrategy[syntax.PatternClause]:
    pair = _build(syntax.PairExpr, first=_scalars(), second=_scalars())
    steps = _optional(_scalars())
    return st.one_of(
        _build(
            syntax.PatternClause,
            kind=names(contextual=False),
            pairs=st.none(),
            half=_optional(_halves()),
            reversed=st.booleans(),
            step=steps,
        ),
        _build(
            syntax.PatternClause,
            kind=st.just(syntax.Name(text="pairs", span=_AT)),
            pairs=_build(syntax.ListExpr, items=_tuples(pair)),
            half=st.none(),
            reversed=st.booleans(),
            step=steps,
        ),
    )


@cache
def circuit_statements(depth: int = 1) -> st.SearchStrategy[syntax.CircuitStatement]:
    """Statements of circuits and layers."""
    scalars = _scalars()
    call = _build(syntax.Call, function=names(), arguments=_tuples(_arguments(scalars)))
    kinds: list[st.SearchStrategy[syntax.CircuitStatement]] = [
        _build(
            syntax.ApplyStatement,
            name=names(),
            arguments=_optional(_tuples(_arguments(scalars))),
            shared=st.booleans(),
            pattern=_optional(_patterns()),
            wires=_wires(),
        ),
        _build(syntax.EncodeStatement, encoding=call, wires=_wires()),
        _build(syntax.AnglesStatement, name=names(), size=scalars, init=_optional(scalars)),
        _build(
            syntax.MeasureStatement,
            what=st.one_of(
                names(contextual=False), st.lists(strings(), min_size=1, max_size=3).map(tuple)
            ),
            wires=_wires(),
        ),
    ]
    if depth:
        body = _tuples(circuit_statements(depth - 1))
        kinds += [
            _build(syntax.RepeatStatement, count=scalars, body=body),
            _build(syntax.ForStatement, variable=names(), range=_ranges(), body=body),
            _build(syntax.AdjointStatement, body=body),
            _choices(body, 2),
        ]
    return st.one_of(kinds)


def _choices(
    body: st.SearchStrategy[tuple[syntax.CircuitStatement, ...]], depth: int
) -> st.SearchStrategy[syntax.IfStatement]:
    scalars = _scalars()
    chosen = _build(syntax.Conditional, condition=scalars, yes=scalars, no=scalars)
    conditions = st.one_of(scalars, chosen)
    inside = _build(syntax.CircuitBody, items=body)
    others: st.SearchStrategy[syntax.CircuitBody | syntax.IfStatement | None]
    others = st.one_of(st.none(), inside)
    if depth:
        others = st.one_of(others, _choices(body, depth - 1))
    return _build(syntax.IfStatement, condition=conditions, body=inside, otherwise=others)


@cache
def _steps(depth: int = 1) -> st.SearchStrategy[syntax.Step]:
    kinds: list[st.SearchStrategy[syntax.Step]] = [
        _build(syntax.BindStatement, name=names(), value=expressions()),
        _build(syntax.RequireStatement, condition=expressions(), message=_optional(strings())),
    ]
    if depth:
        body = _tuples(_steps(depth - 1))
        kinds.append(_build(syntax.LoopStatement, variable=names(), range=_ranges(), body=body))
    return st.one_of(kinds)


@cache
def _statements(*, block: bool) -> st.SearchStrategy[syntax.Statement]:
    results = ("return",) if block else ("update", "replace")
    both: list[st.SearchStrategy[syntax.Statement]] = [
        _steps(),
        _build(syntax.ResultStatement, kind=st.sampled_from(results), value=expressions()),
    ]
    if not block:
        both += [
            _build(
                syntax.AttachStatement,
                patterns=st.lists(st.one_of(strings(), _portables()), min_size=1, max_size=3).map(
                    tuple
                ),
                layers=_optional(_ranges()),
                overrides=_tuples(_arguments(_scalars(), named=True), 2),
            ),
            _build(syntax.ShapeStatement, in_features=_scalars(), out_features=_scalars()),
            _build(syntax.ControlStatement, condition=_optional(expressions())),
            _build(syntax.TrainStatement, body=_tuples(_training())),
            _build(syntax.PrefixStatement, keys=expressions(), values=expressions()),
        ]
    return st.one_of(both)


@cache
def _portables() -> st.SearchStrategy[syntax.PortableName]:
    return _build(syntax.PortableName, value=st.sampled_from(all_portables()))


@cache
def _training() -> st.SearchStrategy[syntax.TrainingStatement]:
    return st.one_of(
        _build(syntax.RegulariseStatement, penalty=expressions()),
        _build(syntax.ProximalStatement, operator=expressions()),
    )


@cache
def _parameters() -> st.SearchStrategy[tuple[syntax.Parameter, ...]]:
    types = st.sampled_from(TYPES).map(lambda text: syntax.Name(text=text, span=_AT))
    typed = _build(syntax.Parameter, name=names(), type=types, default=_optional(expressions()))
    value = _build(syntax.Parameter, name=names(), type=st.none(), default=st.none())
    return _tuples(st.one_of(typed, value))


@cache
def _fields(depth: int = 1) -> st.SearchStrategy[tuple[syntax.Field, ...]]:
    values = expressions()
    if depth:
        values = st.one_of(values, _build(syntax.RecordExpr, fields=_fields(depth - 1)))
    return _tuples(_build(syntax.Field, name=names(), value=values))


@cache
def items() -> st.SearchStrategy[syntax.Item]:
    """Items of a file, imports and model lines among them; nothing is looked up."""
    imported = st.tuples(names(), _optional(names()))
    return st.one_of(
        _build(syntax.LetItem, name=names(), value=expressions()),
        _build(syntax.GateItem, name=names(), matrix=expressions()),
        _build(
            syntax.ImportItem,
            path=strings(),
            names=_optional(st.lists(imported, min_size=1, max_size=3).map(tuple)),
        ),
        _build(syntax.ModelItem, path=strings()),
        _build(
            syntax.BlockItem,
            name=names(),
            parameters=_parameters(),
            body=_tuples(_statements(block=True)),
        ),
        _build(
            syntax.LayerItem,
            name=names(),
            parameters=_parameters(),
            body=_tuples(circuit_statements()),
        ),
        _build(
            syntax.AdapterItem,
            name=names(),
            parameters=_parameters(),
            target=_optional(names()),
            body=_tuples(_statements(block=False)),
        ),
        _build(syntax.TargetItem, name=names(), fields=_fields()),
    )


@cache
def files() -> st.SearchStrategy[syntax.File]:
    """Files that parse; names and sizes in them mean nothing."""
    return _tuples(items()).map(
        lambda found: syntax.File(version=1, items=found, comments=(), source=_SOURCE, span=_AT)
    )


@st.composite
def texts(draw: st.DrawFn) -> str:
    """Texts that parse, with comments, empty lines and odd spacing."""
    text = format_file(draw(files()))
    lines: list[str] = []
    for line in text.split("\n"):
        kind = draw(st.sampled_from(_ODDITIES))
        if kind == "before":
            lines.append("  # a remark")
        elif kind == "blank":
            lines += ["", ""]
        if kind == "comment":
            line += "   # \u2192 trailing"
        elif kind == "split" and '"' not in line:
            line = line.replace(", ", ",  # why\n").replace(" + ", " +# plus\n")
        elif kind == "open" and '"' not in line:
            # Behind an opening bracket a line may end.
            for bracket in "([":
                line = line.replace(bracket, f"{bracket}  # open\n")
        elif kind == "odd":
            line = "\t" + line + "  "
        lines.append(line)
    return draw(st.sampled_from(("\n", "\r\n"))).join(lines)


@cache
def noise() -> st.SearchStrategy[str]:
    """Any text: of words and signs of the language, or of any characters."""
    return st.one_of(
        st.lists(st.sampled_from(_SNIPPETS), max_size=40).map(" ".join),
        st.lists(st.sampled_from(_SNIPPETS), max_size=40).map("".join),
        st.text(max_size=60),
    )


@st.composite
def mutated_texts(draw: st.DrawFn) -> str:
    """Texts in which a few pieces were deleted, doubled, exchanged or replaced."""
    text = draw(st.one_of(files().map(format_file), valid_adapters()))
    for _ in range(draw(st.integers(1, 4))):
        pieces = text.split(" ") if draw(st.booleans()) else list(text)
        if not pieces:
            break
        place = draw(st.integers(0, len(pieces) - 1))
        other = draw(st.integers(0, len(pieces) - 1))
        match draw(st.sampled_from(("delete", "double", "exchange", "replace", "insert", "cut"))):
            case "delete":
                del pieces[place]
            case "double":
                pieces.insert(place, pieces[place])
            case "exchange":
                pieces[place], pieces[other] = pieces[other], pieces[place]
            case "replace":
                pieces[place] = draw(st.sampled_from(_SNIPPETS))
            case "insert":
                pieces.insert(place, draw(st.sampled_from(_SNIPPETS)))
            case _:
                del pieces[min(place, other) : max(place, other)]
        text = (" " if len(pieces) and " " in text and len(pieces) < len(text) else "").join(pieces)
    return text
