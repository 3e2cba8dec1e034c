"""What texts mean, where nodes stand, and where statements end."""

from __future__ import annotations

import math
import textwrap
from importlib.resources import files

import pytest

from qcompile.diagnostics import Collector, Source
from qcompile.diagnostics.render_human import render_human
from qcompile.grammar import syntax
from qcompile.grammar.format import format_file
from qcompile.grammar.numbers import number_value
from qcompile.grammar.parser import parse
from qcompile.grammar.vocabulary import CONTEXTUAL, ITEM_WORDS, KEYWORDS, SIGNS, terminal


def parsed(text: str) -> syntax.File:
    collector = Collector()
    file = parse(Source("test.qa", text), collector)
    assert file is not None, render_human(collector.diagnostics)
    return file


def value_of(expression: str) -> syntax.Expr:
    (item,) = parsed(f"qa 1\nlet a = {expression}\n").items
    assert isinstance(item, syntax.LetItem)
    return item.value


def shown(node: syntax.Expr) -> str:
    """An expression with all its parentheses."""
    match node:
        case syntax.Binary(operator=operator, left=left, right=right):
            return f"({shown(left)} {operator} {shown(right)})"
        case syntax.Unary(operator=operator, operand=operand):
            return f"({operator} {shown(operand)})"
        case syntax.Conditional(condition=condition, yes=yes, no=no):
            return f"({shown(yes)} if {shown(condition)} else {shown(no)})"
        case syntax.Index(value=value, index=index):
            return f"{shown(value)}[{shown(index)}]"
        case _:
            return node.span.text


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("a + b * c", "(a + (b * c))"),
        ("a - b - c", "((a - b) - c)"),
        ("a ** b ** c", "(a ** (b ** c))"),
        ("-a ** b", "(- (a ** b))"),
        ("a ** -b", "(a ** (- b))"),
        ("a * -b", "(a * (- b))"),
        ("not a == b and c", "((not (a == b)) and c)"),
        ("a or b and c", "(a or (b and c))"),
        ("a if b else c if d else e", "(a if b else (c if d else e))"),
        ("-a[0] // b % c", "(((- a[0]) // b) % c)"),
        ("(a + b) * c", "((a + b) * c)"),
    ],
)
def test_precedence(text: str, meaning: str) -> None:
    assert shown(value_of(text)) == meaning


def test_spans_take_in_what_was_written() -> None:
    value = value_of("2 * (a + b)[0]")
    assert isinstance(value, syntax.Binary)
    assert isinstance(value.right, syntax.Index)
    assert value.span.text == "2 * (a + b)[0]"
    assert value.right.span.text == "(a + b)[0]"
    assert value.right.value.span.text == "(a + b)"


def statements(body: str) -> tuple[syntax.Statement, ...]:
    (item,) = parsed(f"qa 1\nadapter a() {{\n{body}\n}}\n").items
    assert isinstance(item, syntax.AdapterItem)
    return item.body


@pytest.mark.parametrize(
    "body",
    [
        "b = c\nd = e",
        "b = c; d = e",
        "b = c;\n;\n\nd = e;",
        "b =\n\nc\nd\n= e",
        "b = c # f\n# g\nd = e",
    ],
)
def test_separators(body: str) -> None:
    assert statements(body) == statements("b = c\nd = e")


@pytest.mark.parametrize(
    "body",
    [
        "b = f(\nc\n,\nd: 1\n)",
        "b = f(c,\nd: 1)",
        "b = f(c,\r\nd: 1)",
        "b = f(c, # why\nd: 1,)",
        "b = (f(c, d: 1))",
    ],
)
def test_lines_go_on_within_brackets(body: str) -> None:
    assert statements(body) == statements("b = f(c, d: 1)")


@pytest.mark.parametrize("operator", ["+", "*", "/", "//", "%", "**", "==", "<=", "and", "or"])
def test_lines_go_on_around_operators(operator: str) -> None:
    whole = statements(f"b = c {operator} d")
    assert statements(f"b = c {operator}\n\nd") == whole
    assert statements(f"b = c\n    {operator} d") == whole


def test_a_line_does_not_start_with_a_minus() -> None:
    collector = Collector()
    assert parse(Source("test.qa", "qa 1\nlet a = b\n- c\n"), collector) is None
    assert parsed("qa 1\nlet a = b -\nc\n") == parsed("qa 1\nlet a = b - c\n")


def test_lines_of_a_circuit_within_parentheses_separate() -> None:
    body = "b = f(circuit(2 qubits) {\nry\nmeasure z\n},\nto: 3)"
    assert statements(body) == statements("b = f(circuit(2 qubits) { ry; measure z }, to: 3)")


@pytest.mark.parametrize("word", sorted(CONTEXTUAL | ITEM_WORDS))
def test_contextual_words_are_names_elsewhere(word: str) -> None:
    text = f"""
    qa 1
    let {word} = 1
    block {word}({word}, x: int = {word}) {{ return {word}({word}: {word})[{word}] }}
    adapter {word}({word}: int) on {word} {{
        {word} = circuit({word} qubits) {{ {word} on {word}; {word}(1) shared; encode {word}(1) }}
        attach "a" layers {word}..{word} with ({word}: 1)
    }}
    target {word} {{ {word}: 1 }}
    """
    assert len(parsed(textwrap.dedent(text)).items) == 4


@pytest.mark.parametrize(
    ("text", "reversed_", "step", "wires"),
    [
        ("cx ring", False, None, None),
        ("cx ring reversed", True, None, None),
        ("cx ring step 2 on 0..4", False, "2", "0..4"),
        ("cx pairs [(0, 2)] reversed step n", True, "n", None),
    ],
)
def test_patterns(text: str, reversed_: bool, step: str | None, wires: str | None) -> None:
    (item,) = parsed(f"qa 1\nlayer a() {{ {text} }}\n").items
    assert isinstance(item, syntax.LayerItem)
    (statement,) = item.body
    assert isinstance(statement, syntax.ApplyStatement)
    assert statement.pattern is not None
    assert statement.pattern.reversed == reversed_
    assert (None if statement.pattern.step is None else statement.pattern.step.span.text) == step
    assert (None if statement.wires is None else statement.wires.span.text) == wires


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("8", 8),
        ("100_000", 100_000),
        ("0.5", 0.5),
        ("1e-3", 1e-3),
        ("2pct", 0.02),
        ("0.1pct", 0.001),
        ("3ppm", 3e-6),
        ("90deg", math.pi / 2),
        ("2rad", 2.0),
        ("68ns", 68e-9),
        ("1.5us", 1.5e-6),
        ("3ms", 3e-3),
        ("2s", 2.0),
    ],
)
def test_numbers(text: str, value: float) -> None:
    node = value_of(text)
    assert isinstance(node, syntax.NumberLiteral)
    assert node.text == text
    assert number_value(text) == value
    assert isinstance(number_value(text), int) == text.replace("_", "").isdigit()


def test_strings() -> None:
    node = value_of(r'"a\"b\\c\n\t # é"')
    assert isinstance(node, syntax.StringLiteral)
    assert node.value == 'a"b\\c\n\t # é'


def test_a_byte_order_mark_says_nothing() -> None:
    text = "qa 1\nlet a = 1\n"
    assert parsed(f"\ufeff{text}").items == parsed(text).items
    assert format_file(parsed(f"\ufeff{text}")) == format_file(parsed(text))
    collector = Collector()
    assert parse(Source("test.qa", "\ufeff"), collector) is None
    assert [item.code for item in collector.diagnostics] == ["QA1015"]


def test_comments_are_kept_with_their_places() -> None:
    file = parsed('# one\nqa 1 # two  \r\nlet a = "# no" #three\n')
    assert [comment.text for comment in file.comments] == ["# one", "# two", "#three"]
    assert [comment.span.text for comment in file.comments] == ["# one", "# two", "#three"]


def test_the_vocabulary_agrees_with_the_grammar() -> None:
    from lark import Lark
    from lark.lexer import PatternStr

    text = files("qcompile.grammar").joinpath("adapter.lark").read_text(encoding="utf-8")
    words = {}
    for definition in Lark(text, parser="lalr", maybe_placeholders=True).terminals:
        assert isinstance(definition.pattern, PatternStr)
        words[definition.pattern.value] = definition.name
    ours = SIGNS | {word: terminal(word) for word in KEYWORDS | CONTEXTUAL}
    ours |= {word: word.upper() for word in ITEM_WORDS}
    assert words == ours


def test_a_caller_may_have_errors_of_other_files() -> None:
    collector = Collector()
    assert parse(Source("bad.qa", ""), collector) is None
    assert parse(Source("good.qa", "qa 1\n"), collector) is not None
