"""Globs over module names."""

from __future__ import annotations

import fnmatch
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qcompile.ir.globs import GlobError, parse_glob

NAME = "model.layers.12.self_attn.q_proj"


@pytest.mark.parametrize(
    "pattern",
    [
        "*",
        "*.q_proj",
        "*.self_attn.{q,v}_proj",
        "model.layers.1[0-9].*",
        "model.layers.??.self_attn.[pq]_proj",
        "*.{mlp.{up,down},self_attn.{q,k}}_proj",
        "**.q_proj",
        "*[!v]_proj",
        "*{,_x}",
        NAME,
    ],
)
def test_matches(pattern: str) -> None:
    assert parse_glob(pattern).matches(NAME)


@pytest.mark.parametrize(
    "pattern", ["q_proj", "*.v_proj", "model", "*.{k,v}_proj", "?", "*[!q]_proj", "*.q_proj?"]
)
def test_matches_not(pattern: str) -> None:
    assert not parse_glob(pattern).matches(NAME)


@pytest.mark.parametrize(
    ("pattern", "offset", "reason"),
    [
        ("", 0, "empty"),
        ("*.{q,v", 2, "never closed"),
        ("*.q,v}_proj", 5, "closes nothing"),
        ("a[bc", 1, "never closed"),
        ("a[]", 1, "empty"),
        ("a[!]", 1, "empty"),
        ("ab]", 2, "closes nothing"),
        ("{a,{b,c}", 0, "never closed"),
        ("{" * 40 + "}" * 40, 16, "deeply"),
        ("{a,b}" * 9, 40, "alternatives"),
        ("x" * 2000, 1024, "longer"),
    ],
)
def test_malformed_patterns_say_where(pattern: str, offset: int, reason: str) -> None:
    with pytest.raises(GlobError, match=reason) as caught:
        parse_glob(pattern)
    assert caught.value.offset == offset


@given(st.text(alphabet="ab*?.", min_size=1, max_size=8), st.text(alphabet="ab.", max_size=10))
def test_agrees_with_fnmatch_without_braces(pattern: str, name: str) -> None:
    assert parse_glob(pattern).matches(name) == fnmatch.fnmatchcase(name, pattern)


@given(
    st.lists(st.lists(st.sampled_from(["a", "b", "ab", "*"]), min_size=1, max_size=3), max_size=3),
    st.text(alphabet="ab", max_size=6),
)
def test_braces_are_the_union_of_their_alternatives(choices: list[list[str]], name: str) -> None:
    pattern = "x" + "".join("{" + ",".join(items) + "}" for items in choices)
    expected = any(
        fnmatch.fnmatchcase("x" + name, "x" + "".join(chosen))
        for chosen in itertools.product(*choices)
    )
    assert parse_glob(pattern).matches("x" + name) == expected


@given(st.text(max_size=30))
def test_any_text_is_a_pattern_or_a_located_error(text: str) -> None:
    offset = 0
    try:
        parse_glob(text).matches(NAME)
    except GlobError as error:
        offset = error.offset
    assert 0 <= offset <= max(len(text), 1)


def test_many_stars_do_not_backtrack_exponentially() -> None:
    # An exponential matcher would not return here in any lifetime.
    assert not parse_glob("*a" * 200 + "b").matches("a" * 2000)
