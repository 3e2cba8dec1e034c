"""Messages fill their templates from any values without failing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from qcompile.diagnostics import Label, Message, Severity, Source, Span, did_you_mean


@dataclass(frozen=True, slots=True, kw_only=True)
class TooWide(Message):
    code: ClassVar[str] = "QA2999"
    severity: ClassVar[Severity] = "warning"
    title: ClassVar[str] = "`{name}` is {width:,} wide, not {allowed}"
    label: ClassVar[str] = "{width} here"
    help: ClassVar[str | None] = "use {ratio:.2f}"
    explanation: ClassVar[str] = """
    Two lines,
      indented.
    """

    name: str
    width: int
    allowed: tuple[int, ...] = (2, 4)
    ratio: float = 0.5

    def helps(self) -> tuple[str, ...]:
        return did_you_mean(("a", "b", "c"))


def test_templates_are_filled() -> None:
    span = Span(Source("a.qa", "x"), 0, 1)
    diagnostic = TooWide(name="{x}", width=3, span=span).diagnostic()
    assert diagnostic.title == "`{x}` is 3 wide, not 2, 4"
    assert diagnostic.primary == Label(span, "3 here")
    assert diagnostic.helps == ("did you mean `a`, `b` or `c`?", "use 0.50")
    assert (diagnostic.code, diagnostic.severity) == ("QA2999", "warning")


def test_without_a_span_there_is_no_label() -> None:
    assert TooWide(name="a", width=3).diagnostic().primary is None


def test_huge_values_are_cut() -> None:
    huge = 1 << 20_000
    title = TooWide(name="y" * 10**6, width=huge, allowed=(1,) * 10**6).diagnostic().title
    assert len(title) < 500
    assert "2^20000 or more" in title
    assert "-2^20000 or more" in TooWide(name="y", width=-huge).diagnostic().title


def test_control_characters_in_values_are_escaped() -> None:
    assert TooWide(name="a\n\x1b", width=1).diagnostic().title.startswith("`a\\x0a\\x1b`")


def test_advice_needs_candidates() -> None:
    assert did_you_mean(()) == ()
    assert did_you_mean(("a",)) == ("did you mean `a`?",)
    assert did_you_mean(("a", "b")) == ("did you mean `a` or `b`?",)


def test_page() -> None:
    assert TooWide.page() == (
        "QA2999 (warning): `{name}` is {width:,} wide, not {allowed}\n\nTwo lines,\n  indented.\n"
    )
