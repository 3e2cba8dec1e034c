"""The language reference: every example elaborates, every table is the compiler's own."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from qcompile.grammar.reference import filled, tables
from qcompile.ir.gates import GATES
from qcompile.ir.registry import operations
from tests.grammar.elaborated import adapter, circuit, spec_of

PAGE = Path(__file__).parents[2] / "docs" / "language.md"
BLOCKS = re.findall(r"^```qa *(\w*)\n(.*?)^```$", PAGE.read_text("utf-8"), re.M | re.S)


def test_page_has_examples_of_every_kind() -> None:
    assert {kind for kind, _ in BLOCKS} == {"", "items", "adapter", "circuit"}


@pytest.mark.parametrize(("kind", "text"), BLOCKS, ids=[str(n) for n in range(len(BLOCKS))])
def test_example_elaborates(kind: str, text: str) -> None:
    match kind:
        case "":
            spec_of(text)
        case "items":
            spec_of(f"qa 1\n{text}")
        case "adapter":
            spec_of(adapter(text))
        case "circuit":
            spec_of(circuit(text))


def test_tables_are_those_of_the_compiler(pytestconfig: pytest.Config) -> None:
    text = PAGE.read_text("utf-8")
    if pytestconfig.getoption("--update-golden"):
        PAGE.write_text(filled(text), "utf-8")
        text = PAGE.read_text("utf-8")
    assert filled(text) == text, "run this test with --update-golden and review the page"
    assert all(f"<!-- table {name} -->" in text for name in tables())


def test_every_function_and_gate_is_on_the_page() -> None:
    text = PAGE.read_text("utf-8")
    assert [name for name in operations().built_in if f"`{name}(" not in text] == []
    missing = [name for name in GATES if f"| `{name}` |" not in text]
    assert missing == [], "run this file with --update-golden and review the page"
