"""The tables of the parser are those of the grammar."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from qcompile.grammar import lalr


def test_tables_are_those_of_the_grammar(request: pytest.FixtureRequest) -> None:
    """`pytest tests/grammar --update-golden` writes them after a change of the grammar."""
    made = lalr.make(lalr.GRAMMAR.read_text(encoding="utf-8"))
    if request.config.getoption("--update-golden"):
        lalr.TABLES.write_text(lalr.text(made), encoding="utf-8")
    assert lalr.TABLES.read_text(encoding="utf-8") == lalr.text(made)


@pytest.mark.parametrize("kept", ["current", "stale", "none"])
def test_lark_is_needed_where_the_tables_are_not_current(tmp_path: Path, kept: str) -> None:
    tables = tmp_path / "tables.json"
    if kept != "none":
        old = lalr.TABLES.read_text(encoding="utf-8")
        tables.write_text(old if kept == "current" else f"[0{old[old.index(',') :]}")
    program = (
        "import sys, pathlib\n"
        "from qcompile.diagnostics import Collector, Source\n"
        "from qcompile.grammar import lalr, parser\n"
        f"lalr.TABLES = pathlib.Path({str(tables)!r})\n"
        "assert 'lark' not in sys.modules\n"
        "assert parser.parse(Source('a', 'qa 1\\nlet a = 1'), Collector()) is not None\n"
        f"assert ('lark' in sys.modules) == {kept != 'current'}\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
