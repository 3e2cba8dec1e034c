"""Offsets become lines and columns only through `Source`; an independent scan says which."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from qcompile.diagnostics import Source, Span

TEXT = st.text(alphabet="ab\n\t\r世", max_size=40)


@given(text=TEXT, data=st.data())
def test_line_and_column_agree_with_a_scan(text: str, data: st.DataObject) -> None:
    offset = data.draw(st.integers(0, len(text)))
    line = column = 1
    for character in text[:offset]:
        line, column = (line + 1, 1) if character == "\n" else (line, column + 1)
    assert Source("a.qa", text).line_column(offset) == (line, column)


@given(text=TEXT)
def test_line_texts_agree_with_split(text: str) -> None:
    source = Source("a.qa", text)
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    assert [source.line_text(number + 1) for number in range(len(lines))] == lines
    assert source.line_text(0) == source.line_text(len(lines) + 1) == ""


def test_offsets_outside_the_text_are_clamped() -> None:
    source = Source("a.qa", "ab\n")
    assert source.line_column(-5) == (1, 1)
    assert source.line_column(99) == (2, 1)


def test_spans_join_and_quote() -> None:
    source = Source("a.qa", "rank = bond\n")
    left, right = Span(source, 0, 4), Span(source, 7, 11)
    assert left.to(right) == right.to(left) == Span(source, 0, 11)
    assert (right.text, right.line, right.column) == ("bond", 1, 8)


def test_repr_leaves_the_text_out() -> None:
    assert "secret" not in repr(Span(Source("a.qa", "secret"), 0, 6))
