"""The collector keeps everything once, in the order of the text, within its limit."""

from __future__ import annotations

import pytest

from qcompile.diagnostics import Collector, CompileError, Source, Span, UsageError
from qcompile.diagnostics.messages.internal import InternalError, NotShown

SOURCE = Source("a.qa", "x" * 1000)


def fault(offset: int | None, source: Source = SOURCE) -> InternalError:
    span = None if offset is None else Span(source, offset, offset + 1)
    return InternalError(kind="K", detail="d", span=span)


def starts(collector: Collector) -> list[int | None]:
    return [d.primary.span.start if d.primary else None for d in collector.diagnostics]


def test_empty() -> None:
    collector = Collector()
    collector.raise_if_errors()
    assert not collector.has_errors
    assert collector.diagnostics == ()


def test_order_of_the_text_and_no_repeats() -> None:
    other = Source("b.qa", "y" * 10)
    collector = Collector()
    for message in (fault(None), fault(9), fault(5, other), fault(3), fault(9), fault(1, other)):
        collector.add(message)
    assert starts(collector) == [3, 9, 1, 5, None]


def test_warnings_do_not_raise_and_do_not_crowd_out_errors() -> None:
    collector = Collector(limit=2)
    for count in range(5):
        collector.add(NotShown(count=count))
    collector.raise_if_errors()
    collector.add(fault(1))
    assert collector.has_errors
    assert [d.severity for d in collector.diagnostics].count("error") == 1


def test_a_flood_is_cut() -> None:
    collector = Collector()
    for offset in range(250):
        collector.add(fault(offset))
    assert len(collector.diagnostics) == 101
    assert collector.diagnostics[-1].title == "150 further diagnostics are not shown"


def test_a_flood_in_a_large_text_is_shown_without_delay() -> None:
    source = Source("a.qa", "\n" * 2_000_000)
    collector = Collector()
    for offset in range(1_999_000, 1_999_200):
        collector.add(fault(offset, source))
    last = collector.diagnostics[99].primary
    assert last is not None
    assert last.span.line == 1_999_100
    assert str(CompileError(*collector.diagnostics)).count(" --> ") == 100


def test_everything_is_raised_at_once() -> None:
    collector = Collector()
    collector.add(fault(7))
    collector.add(fault(2))
    with pytest.raises(CompileError) as caught:
        collector.raise_if_errors()
    assert caught.value.diagnostics == collector.diagnostics
    with pytest.raises(UsageError):
        collector.raise_if_errors(UsageError)
