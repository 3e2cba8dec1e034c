"""Programs before and after passes, as files that can be read: `programs/*.txt`.

A remark, a pipeline, an adapter in the language, `becomes`, the text of its program after it.
`pytest tests/passes/test_program_files.py --update-golden` writes these texts anew.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from qcompile.diagnostics.source import Source
from qcompile.driver.options import Options
from qcompile.ir.program import Program
from qcompile.ir.text import text_of
from qcompile.passes.base import Context, ProgramPass
from qcompile.passes.pipeline import Pipeline
from qcompile.passes.registry import PASSES
from qcompile.testing.reference import evaluate_program, random_tensors
from tests.compiled import compilation

FILES = sorted(Path(__file__).with_name("programs").glob("*.txt"))


def parts(path: Path) -> tuple[str, Pipeline, Program, str]:
    """(all up to the program after it, pipeline, program before it, text of the program after)."""
    head, _, after = path.read_text("utf-8").partition("becomes\n")
    remark, pipeline, _, source = head.split("\n", 3)
    assert remark.startswith("# ")
    lowered = compilation(Source("before.qa", source), Options(optimisation=0)).lowered
    (program,) = lowered.programs
    return f"{head}becomes\n", Pipeline.parse(pipeline), program, after


def carried(pipeline: Pipeline, program: Program) -> Program:
    for step in pipeline.passes:
        assert isinstance(step, ProgramPass)
        program = step.run(program, Context())
    return program


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_it_becomes_what_the_file_says(path: Path, pytestconfig: pytest.Config) -> None:
    head, pipeline, before, expected = parts(path)
    after = carried(pipeline, before)
    found = text_of(after)
    if pytestconfig.getoption("--update-golden"):
        path.write_text(head + found, encoding="utf-8")
        expected = found
    assert found == expected
    assert after != before, "a file shows what a pass does"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_both_programs_of_a_file_give_the_same_values(path: Path) -> None:
    _, pipeline, before, _ = parts(path)
    after = carried(pipeline, before)
    drawn = random_tensors(before, 5)
    named = {tensor.name: drawn[index] for index, tensor in enumerate(before.tensors)}
    kept = {index: named[tensor.name] for index, tensor in enumerate(after.tensors)}
    x = np.random.default_rng(3).normal(size=(4, before.in_features))
    found, expected = evaluate_program(after, x, kept), evaluate_program(before, x, drawn)
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_every_pass_on_programs_has_a_file() -> None:
    shown = {type(step) for path in FILES for step in parts(path)[1].passes}
    own = {PASSES[name] for name in PASSES.built_in}
    assert shown == {step for step in own if issubclass(step, ProgramPass)}
