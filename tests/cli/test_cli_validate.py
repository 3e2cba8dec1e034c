"""`--validate` simulates the noise of a device for the candidates of a circuit."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import CIRCUIT, Run

TARGET = """
target few { device: "fake_manila"; optimise: gates }
"""


@pytest.mark.parametrize(("how", "level"), [("", "0"), ("show", "0"), ("choose", "1")])
def test_simulated_errors_stand_in_the_report(run: Run, how: str, level: str) -> None:
    Path("on.qa").write_text(CIRCUIT + TARGET)
    options = ["--validate", how] if how else []
    found = run("report", "on.qa", "--target=few", "-O", level, *options, "--format", "json")
    assert found.code == 0, found.err
    (circuit,) = json.loads(found.out)["modules"][0]["circuits"]
    errors = [routing["simulated"] for routing in circuit["routings"]]
    assert all(error is None for error in errors) == (how == "")
    if how:
        assert 0.0 < min(error for error in errors if error is not None) < 0.2
    shown = run("report", "on.qa", "--target=few", "-O", level, *options)
    assert ("simulated:" in shown.out) == (how != "")


def test_other_words_are_refused(run: Run) -> None:
    found = run("report", "wave.qa", "--validate", "shwo")
    assert found.code != 0
    assert "`show`" in found.err
