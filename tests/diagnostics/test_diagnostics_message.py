"""Messages fill their templates from any values without failing."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from dataclasses import FrozenInstanceError

import pytest

from qcompile.diagnostics import Label, Message, Source, Span, did_you_mean
from qcompile.diagnostics.message import message
from qcompile.diagnostics.messages.names import UnknownName


@message(
    "QA2999",
    "`{name}` is {width:,} wide, not {allowed}",
    severity="warning",
    label="{width} here",
    help="use {ratio:.2f}",
    first_label="the first",
)
class TooWide(Message):
    """Lines.

    Erroneous:  one
                two
    """

    name: str
    width: int
    allowed: tuple[int, ...] = (2, 4)
    ratio: float = 0.5
    candidates: tuple[str, ...] = ("a", "b", "c")
    first: Span | None = None


def test_templates_are_filled() -> None:
    span = Span(Source("a.qa", "x"), 0, 1)
    diagnostic = TooWide(name="{x}", width=3, span=span).diagnostic()
    assert diagnostic.title == "`{x}` is 3 wide, not 2, 4"
    assert diagnostic.primary == Label(span, "3 here")
    assert diagnostic.helps == ("did you mean `a`, `b` or `c`?", "use 0.50")
    assert (diagnostic.code, diagnostic.severity) == ("QA2999", "warning")


def test_the_first_place_is_shown_where_it_is_known() -> None:
    span = Span(Source("a.qa", "x"), 0, 1)
    assert TooWide(name="x", width=3).diagnostic().secondary == ()
    shown = TooWide(name="x", width=3, first=span).diagnostic().secondary
    assert shown == (Label(span, "the first"),)


def test_a_message_is_a_frozen_value() -> None:
    found = UnknownName(name="x")
    assert found == UnknownName(name="x") != UnknownName(name="y")
    assert len({found, UnknownName(name="x")}) == 1
    assert copy.deepcopy(found) == found == pickle.loads(pickle.dumps(found))
    assert repr(found) == "UnknownName(span=None, name='x', candidates=(), declaration='')"
    with pytest.raises(FrozenInstanceError):
        found.name = "y"  # type: ignore[misc]
    with pytest.raises(TypeError, match="unexpected keyword argument 'nam'"):
        UnknownName(nam="x")  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="missing 1 required keyword-only argument: 'name'"):
        UnknownName()  # type: ignore[call-arg]


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
        "QA2999 (warning): `{name}` is {width:,} wide, not {allowed}\n"
        "\n"
        "Lines.\n"
        "\n"
        "Erroneous:  one\n"
        "            two\n"
    )


@pytest.mark.parametrize("flag", ["-O", "-OO"])
def test_without_docstrings_the_page_says_so(flag: str) -> None:
    script = (
        "from qcompile.diagnostics.messages.names import UnknownName\n"
        "UnknownName(name='x')\n"
        "print(UnknownName.page())"
    )
    done = subprocess.run(
        [sys.executable, flag, "-c", script], capture_output=True, text=True, check=True
    )
    title, _, explanation = done.stdout.partition("\n\n")
    assert title == "QA2001 (error): unknown name `{name}`"
    assert explanation.startswith("Python runs without docstrings (-OO)") == (flag == "-OO")
