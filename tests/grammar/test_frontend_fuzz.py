"""No text whatsoever makes the parser do anything but parse or report."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from qcompile.diagnostics import Collector, Source, UsageError
from qcompile.diagnostics.render_human import render_human
from qcompile.grammar.files import source_from_bytes
from qcompile.grammar.format import format_file
from qcompile.grammar.frontend import load_spec
from qcompile.grammar.parser import parse
from qcompile.grammar.syntax import File
from qcompile.passes.lowering import lower
from qcompile.testing.spec_strategies import files, mutated_texts, noise, texts, valid_adapters


def parse_or_report(text: str) -> File | None:
    """Parse, print what was reported, and hold the parser to its contract."""
    collector = Collector()
    file = parse(Source("fuzz.qa", text), collector)
    assert (file is None) == collector.has_errors
    for diagnostic in collector.diagnostics:
        assert diagnostic.primary is not None
        span = diagnostic.primary.span
        assert 0 <= span.start <= span.end <= len(text)
    assert (render_human(collector.diagnostics) == "") == (file is not None)
    return file


def parse_whole(text: str) -> File:
    collector = Collector()
    file = parse(Source("generated.qa", text), collector)
    assert file is not None, f"{text}\n{render_human(collector.diagnostics)}"
    return file


@given(files())
@settings(max_examples=300)
def test_parsing_undoes_formatting(file: File) -> None:
    text = format_file(file)
    assert parse_whole(text) == file
    assert format_file(parse_whole(text)) == text


@given(texts())
@example("qa 1\nlet x = a + # one\n b - # two\n c # three\n\nblock x() {}\n")
@example("qa 1\nblock x() {\n require (unitary() {\n  x\n },  # why\nunitary() {})\n x = []\n}\n")
@example("qa 1\nblock x() {\n x = (a,  # why\n unitary( # one\n ) { # two\n })\n}\n")
@example("qa 1\nlet x = f(a + # one\n b - # two\n c # three\n, # four\n)\n\n\nlet b = 1\n")
@settings(max_examples=200)
def test_formatting_keeps_the_meaning_and_every_comment(text: str) -> None:
    file = parse_whole(text)
    formatted = format_file(file)
    again = parse_whole(formatted)
    assert again == file
    assert [it.text for it in again.comments] == [it.text for it in file.comments]
    assert format_file(again) == formatted


@given(valid_adapters())
@settings(max_examples=100)
def test_valid_adapters_elaborate_and_lower(text: str) -> None:
    collector = Collector()
    spec = load_spec(Source("generated.qa", text), (), collector)
    collector.raise_if_errors()
    assert spec is not None
    assert lower(spec, model=None, devices={}, collector=collector) is not None
    collector.raise_if_errors()


def elaborate_or_report(text: str) -> None:
    """Elaborate without any file to import, and lower what elaborates."""

    def read(path: str) -> Source:
        return source_from_bytes(path, b"qa 1\nlayer brick() { ry }\n")

    collector = Collector()
    spec = load_spec(Source("fuzz.qa", text), (), collector, read=read)
    assert (spec is None) == collector.has_errors
    if spec is not None:
        lower(spec, model=None, devices={}, collector=collector)
    render_human(collector.diagnostics)


@given(files())
@settings(max_examples=150)
def test_meaningless_files_elaborate_or_report(file: File) -> None:
    elaborate_or_report(format_file(file))


@given(mutated_texts())
@settings(max_examples=150)
def test_mutated_texts_elaborate_or_report(text: str) -> None:
    elaborate_or_report(text)


@given(mutated_texts())
@settings(max_examples=300)
def test_mutated_texts(text: str) -> None:
    file = parse_or_report(text)
    if file is not None:
        assert parse_whole(format_file(file)) == file


@given(noise())
@example("qa 1\n{")
@example("qa 1\n}\n}")
@example("qa 1;;;;\n;")
@example("qa\n1")
@example("qa 1 2 3")
@example("qa 1\nadapter a() { q = circuit(1 qubits) { ] } )")
@example("qa 1\ntarget t { a: { b: { c: 1 }, ; } }")
@example("qa 1\nlet a = [1, 2\nlet b = 3")
@settings(max_examples=300)
def test_noise(text: str) -> None:
    parse_or_report(text)
    parse_or_report("qa 1\n" + text)
    parse_or_report("qa 1\nadapter a() {\n    q = circuit(2 qubits) {\n" + text + "\n    }\n}\n")


@given(st.binary(max_size=200))
@settings(max_examples=200)
def test_bytes(data: bytes) -> None:
    codes = []
    try:
        parse_or_report(source_from_bytes("fuzz.qa", b"qa 1\n" + data).text)
    except UsageError as error:
        codes = [it.code for it in error.diagnostics]
    assert codes in ([], ["QA0003"])


HOSTILE = {
    "parentheses": "(" * 500_000,
    "closers": ")" * 150_000,
    "mixed brackets": "([{" * 60_000,
    "crossed brackets": "(]" * 90_000,
    "minus": "-" * 190_000,
    "not": "not " * 190_000,
    "powers": "2 ** " * 90_000,
    "sum": "1 + " * 90_000 + "1",
    "conditionals": "1 if 1 else " * 40_000 + "1",
    "indices": "a" + "[0]" * 60_000,
    "list": "[" + "1, " * 90_000 + "1]",
    "one name": "a" * 1_000_000,
    "one number": "9" * 1_000_000,
    "one string": '"' + "\\q" * 500_000,
    "control characters": '"' + "\x01" * 1_000_000 + '"',
    "unknown characters": "@ " * 500_000,
    "line breaks": "\n" * 1_000_000,
    "semicolons": ";" * 1_000_000,
    "comments": "#\n" * 500_000,
    "unclosed lines": "f(a\n" * 40_000,
    "faulty lines": "let\n" * 90_000,
    "faulty names": "let é = 1\n" * 40_000,
    "blocks": "adapter a() {\n" * 30_000,
    "repeats": "repeat 2 {" * 30_000,
    "dots": "." * 1_000_000,
    "large": "é" * 2_000_000,
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.timeout(150)
def test_hostile_texts_are_refused_without_ado(name: str) -> None:
    text = HOSTILE[name]
    parse_or_report(text)
    # A quarter is still hundreds of times deeper than Python recurses.
    parse_or_report("qa 1\nadapter a() {\nb = " + text[: len(text) // 4])
