"""The example that trains through shots, in a small setting."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import Any

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "train_on_device.py"


def example() -> Any:
    spec = importlib.util.spec_from_file_location("train_on_device", EXAMPLE)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_loss_goes_down_and_the_work_is_what_was_predicted(
    capsys: pytest.CaptureFixture[str],
) -> None:
    losses = example().train("fake_manila", steps=12, shots=512, lines=4)
    assert losses[-1] < 0.8 * losses[0]
    counted = re.findall(
        r"^(\w+): ([\d,]+) \(predicted: ([\d,]+)\)$", capsys.readouterr().out, re.M
    )
    assert [name for name, _, _ in counted] == ["circuits", "shots", "jobs"]
    assert all(found == predicted for _, found, predicted in counted)
