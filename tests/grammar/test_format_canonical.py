"""The canonical form of texts, written out."""

from __future__ import annotations

import textwrap

import pytest

from qcompile.diagnostics import Collector, Source
from qcompile.grammar.format import format_file
from qcompile.grammar.parser import parse


def formatted(text: str) -> str:
    file = parse(Source("test.qa", text), Collector())
    assert file is not None
    return format_file(file)


def dedented(text: str) -> str:
    return textwrap.dedent(text).lstrip("\n")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a+b *c", "a + b * c"),
        ("((a))", "a"),
        ("(a*b)+c", "a * b + c"),
        ("a*(b+c)", "a * (b + c)"),
        ("a-(b-c)", "a - (b - c)"),
        ("(a-b)-c", "a - b - c"),
        ("(a**b)**c", "(a ** b) ** c"),
        ("a**(b**c)", "a ** b ** c"),
        ("(-a)**2", "(-a) ** 2"),
        ("-(a**2)", "-a ** 2"),
        ("not (a == b)", "not a == b"),
        ("(not a) == b", "(not a) == b"),
        ("(a if b else c) + d", "(a if b else c) + d"),
        ("a if b else (c if d else e)", "a if b else c if d else e"),
        ("(a + b)[ 0 : ]", "(a + b)[0:]"),
        ("f ( a , b : [ ( 0,1 ) , ] )", "f(a, b: [(0, 1)])"),
        ('"a\\tb"', '"a\\tb"'),
    ],
)
def test_expressions(before: str, after: str) -> None:
    assert formatted(f"qa 1\nlet x = {before}\n") == f"qa 1\n\nlet x = {after}\n"


def test_one_statement_a_line_and_one_empty_line_at_most() -> None:
    text = 'qa 1\nlayer a() { ry; cz line }\n\n\n\nlet b = 1\nlet c = 2\nmodel "d"'
    assert formatted(text) == dedented("""
        qa 1

        layer a() {
            ry
            cz line
        }

        let b = 1
        let c = 2
        model "d"
        """)


def test_long_lists_stand_one_item_a_line() -> None:
    argument = ", ".join(f"argument_{number}: {number}" for number in range(8))
    assert formatted(f"qa 1\nlet x = f({argument})\n") == (
        "qa 1\n\nlet x = f(\n"
        + "".join(f"    argument_{number}: {number},\n" for number in range(8))
        + ")\n"
    )


def test_targets_stay_on_a_line_if_they_were_and_fit() -> None:
    assert formatted("qa 1\n\ntarget t {a:1;b:{c:2,d:3}}\n") == (
        "qa 1\n\ntarget t { a: 1; b: { c: 2, d: 3 } }\n"
    )
    assert formatted("qa 1\n\ntarget t {\na:1;b:{c:2,d:3}}\n") == (
        "qa 1\n\ntarget t {\n    a: 1\n    b: { c: 2, d: 3 }\n}\n"
    )


def test_lines_fit_where_they_can() -> None:
    terms = " + ".join(f"some_value_{number}" for number in range(20))
    text = formatted(f"qa 1\nlet x = {terms}\n")
    assert all(len(line) <= 100 for line in text.splitlines())
    assert len(text.splitlines()) == 6


def test_comments_stay_where_they_belong() -> None:
    before = dedented("""
        # top
        qa 1 # version
        import "x.qa" (a, # why
           b)
        adapter q(rank:int=8, # the rank
           # behind
           ) { # open
            h = f(x) +  # inside
               2
            q = circuit(2 qubits) { ry # gate
              # last
            }
            # dangling
        }
        target t { # all
          a: 1 # one
        }
        # end
        """)
    assert formatted(before) == dedented("""
        # top
        qa 1  # version

        import "x.qa" (
            a,  # why
            b,
        )

        adapter q(
            rank: int = 8,  # the rank
            # behind
        ) {
            # open
            h = f(x) + 2  # inside
            q = circuit(2 qubits) {
                ry  # gate
                # last
            }
            # dangling
        }

        target t {
            # all
            a: 1  # one
        }
        # end
        """)
