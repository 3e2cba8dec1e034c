"""Plans after the passes on them, as files that can be read: `plans/*.txt`.

A remark, a pipeline, an adapter in the language, `becomes`, what the passes have changed in its
plan: lines that went with `-`, lines that came with `+`.
`pytest tests/passes/test_plan_files.py --update-golden` writes these lines anew.
"""

from __future__ import annotations

from difflib import unified_diff
from pathlib import Path

import numpy as np
import pytest

from qcompile.diagnostics.source import Source
from qcompile.driver.options import Options
from qcompile.ir.plan import Plan
from qcompile.ir.program import Program
from qcompile.ir.text import text_of
from qcompile.passes.base import Context, PlanPass
from qcompile.passes.pipeline import Pipeline, run_pipeline
from qcompile.passes.registry import PASSES
from qcompile.testing.reference import evaluate_program, random_tensors
from qcompile.testing.reference_plan import evaluate_plan
from tests.compiled import compilation

FILES = sorted(Path(__file__).with_name("plans").glob("*.txt"))


def parts(path: Path) -> tuple[str, Pipeline, Program, str]:
    """(all up to the lines, pipeline, the program of the adapter, the lines)."""
    head, _, after = path.read_text("utf-8").partition("becomes\n")
    remark, pipeline, _, source = head.split("\n", 3)
    assert remark.startswith("# ")
    lowered = compilation(Source("before.qa", source), Options(optimisation=0)).lowered
    (program,) = lowered.programs
    return f"{head}becomes\n", Pipeline.parse(pipeline), program, after


def plans(pipeline: Pipeline, program: Program) -> tuple[Plan, Plan]:
    """Before and after the passes; both from networks of what is linear."""
    assert all(isinstance(step, PlanPass) for step in pipeline.passes)
    before = Pipeline.parse("group-networks")
    both = Pipeline((*before.passes, *pipeline.passes))
    return run_pipeline(program, before, Context()), run_pipeline(program, both, Context())


def changed(before: Plan, after: Plan) -> str:
    first, second = (text_of(plan).splitlines(keepends=True) for plan in (before, after))
    found = list(unified_diff(first, second, n=0))[2:]
    return "".join(line for line in found if not line.startswith("@@"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_it_becomes_what_the_file_says(path: Path, pytestconfig: pytest.Config) -> None:
    head, pipeline, program, expected = parts(path)
    found = changed(*plans(pipeline, program))
    if pytestconfig.getoption("--update-golden"):
        path.write_text(head + found, encoding="utf-8")
        expected = found
    assert found == expected
    assert found, "a file shows what a pass does"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_both_plans_of_a_file_give_the_values_of_the_program(path: Path) -> None:
    _, pipeline, program, _ = parts(path)
    x = np.random.default_rng(3).normal(size=(4, program.in_features))
    drawn = random_tensors(program, 5)
    expected = evaluate_program(program, x, drawn)
    named = {program.tensors[index].name: value for index, value in drawn.items()}
    for plan in plans(pipeline, program):
        tensors = {index: named[tensor.name] for index, tensor in enumerate(plan.tensors)}
        np.testing.assert_allclose(evaluate_plan(plan, x, tensors), expected, atol=1e-12)


def test_every_pass_on_plans_has_a_file() -> None:
    shown = {type(step) for path in FILES for step in parts(path)[1].passes}
    own = {PASSES[name] for name in PASSES.built_in}
    assert shown == {step for step in own if issubclass(step, PlanPass)}
