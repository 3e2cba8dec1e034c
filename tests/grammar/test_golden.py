"""Every pair of a `.qa` and an `.err` file under `golden`, and a pair for every code.

`pytest tests/grammar/test_golden.py --update-golden` writes the `.err` files anew.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from qcompile.diagnostics.catalog import all_messages
from tests.grammar.frontend import GOLDEN, frontend_errors

REVIEWED = Path(__file__).parents[1] / "messages" / "golden"
"""One text for each code that no source alone brings about, by the name of the code."""


def _programs() -> list[Path]:
    """All programs but those that are there to be imported: `_name.qa`."""
    return sorted(path for path in GOLDEN.rglob("*.qa") if not path.name.startswith("_"))


@pytest.mark.parametrize(
    "program", _programs(), ids=lambda path: path.relative_to(GOLDEN).as_posix()
)
def test_diagnostics_are_as_expected(program: Path, pytestconfig: pytest.Config) -> None:
    expectation = program.with_suffix(".err")
    found = frontend_errors(program)
    if pytestconfig.getoption("--update-golden"):
        expectation.write_text(found, encoding="utf-8")
    assert expectation.exists(), "no .err file: run with --update-golden and review it"
    assert found == expectation.read_text(encoding="utf-8")
    assert found, "a pair shows at least one diagnostic"


def test_every_code_is_shown_by_a_reviewed_text() -> None:
    shown = {path.stem for path in REVIEWED.glob("QA*.txt")}
    for expectation in GOLDEN.rglob("*.err"):
        shown |= set(re.findall(r"^(?:error|warning)\[(QA\d+)\]", expectation.read_text(), re.M))
    missing = sorted(set(all_messages()) - shown)
    assert not missing, f"without a pair: {', '.join(missing)}"
    assert shown <= set(all_messages())


def test_no_expectation_without_its_program() -> None:
    orphans = [path for path in GOLDEN.rglob("*.err") if not path.with_suffix(".qa").exists()]
    assert orphans == []
