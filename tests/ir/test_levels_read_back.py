"""Every level is written as text that is read back, by the command line and from values."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings

from qcompile.cli import main
from qcompile.diagnostics import Collector
from qcompile.driver.options import Options
from qcompile.grammar.files import read_source
from qcompile.grammar.frontend import load_spec
from qcompile.ir.codec import decode_json, readable_json
from qcompile.ir.compilation import LoweredSet, PlannedSet
from qcompile.ir.program import Program
from qcompile.ir.spec import Spec
from qcompile.testing.program_strategies import programs
from tests.compiled import compilation

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.qa"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_levels_of_the_examples(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = read_source(str(path))
    found = compilation(source, Options(optimisation=1))
    expected: dict[str, tuple[type[object], object]] = {
        "spec": (Spec, load_spec(source, (), Collector())),
        "program": (LoweredSet, found.lowered),
        "plan": (PlannedSet, found.planned),
    }
    for name, (kind, value) in expected.items():
        assert main([str(path), "-O1", "--emit", name, "--format", "json"]) == 0
        text = capsys.readouterr().out
        assert decode_json(kind, text) == value
        assert readable_json(value) == text
        assert max(map(len, text.splitlines())) < 200


@settings(max_examples=50)
@given(program=programs())
def test_programs(program: Program) -> None:
    assert decode_json(Program, readable_json(program)) == program


@pytest.mark.parametrize("levels", ["", "dot", "spec,plan", "qasm"])
def test_nothing_else_is_written_as_json(levels: str, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [f"--emit={levels}"] if levels else []
    assert main([str(EXAMPLES[0]), *arguments, "--format", "json"]) != 0
    assert "QA0052" in capsys.readouterr().err
