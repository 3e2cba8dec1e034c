"""Circuits before and after passes, as files that can be read: `circuits/*.txt`.

A remark, a pipeline, the circuit before it, `becomes`, the circuit after it.
`pytest tests/passes/test_circuit_files.py --update-golden` writes the circuits after it anew.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from qcompile.ir.circuit import Circuit
from qcompile.ir.circuit_text import circuit_from_text, circuit_text
from qcompile.passes.base import CircuitPass, Context
from qcompile.passes.pipeline import Pipeline
from qcompile.passes.registry import PASSES
from qcompile.testing.circuit_strategies import sample_inputs
from qcompile.testing.dense_oracle import dense_outputs

FILES = sorted(Path(__file__).with_name("circuits").glob("*.txt"))


def parts(path: Path) -> tuple[str, Pipeline, Circuit, str]:
    """(all up to the circuit after it, pipeline, circuit before it, text of the circuit after)."""
    head, _, after = path.read_text("utf-8").partition("becomes\n")
    remark, pipeline, _, before = head.split("\n", 3)
    assert remark.startswith("# ")
    return f"{head}becomes\n", Pipeline.parse(pipeline), circuit_from_text(before), after


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_it_becomes_what_the_file_says(path: Path, pytestconfig: pytest.Config) -> None:
    head, pipeline, before, expected = parts(path)
    circuit = before
    for step in pipeline.passes:
        assert isinstance(step, CircuitPass)
        circuit = step.run(circuit, Context())
    found = circuit_text(circuit)
    if pytestconfig.getoption("--update-golden"):
        path.write_text(head + found, encoding="utf-8")
        expected = found
    assert found == expected
    assert circuit != before, "a file shows what a pass does"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_both_circuits_of_a_file_give_the_same_values(path: Path) -> None:
    _, _, before, text = parts(path)
    after = circuit_from_text(text)
    data, angles = sample_inputs(before, 11)
    np.testing.assert_allclose(
        dense_outputs(after, data, angles), dense_outputs(before, data, angles), atol=1e-12
    )


def test_every_pass_on_circuits_has_a_file() -> None:
    shown = {type(step) for path in FILES for step in parts(path)[1].passes}
    own = {PASSES[name] for name in PASSES.built_in}
    assert shown == {step for step in own if issubclass(step, CircuitPass)}
