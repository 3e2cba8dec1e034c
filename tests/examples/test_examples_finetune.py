"""The demonstration, small: from the command line to the picture."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import qcompile
from qcompile.cli import main

EXAMPLES = Path(__file__).parents[2] / "examples"
SCRIPT = EXAMPLES / "finetune.py"


def finetune(adapter: Path, output: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), "--quick", "--adapter", str(adapter)]
    return subprocess.run(
        [*command, "--output", str(output)],
        capture_output=True,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"},
    )


@pytest.mark.slow
def test_demonstration_from_end_to_end(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    adapter = tmp_path / "qtha.pt"
    source = str(EXAMPLES / "qtha.qa")
    assert main([source, "-D", "rank=2", "-o", str(adapter), "-q"]) == 0
    ran = finetune(adapter, tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert "pretrain the base: 100%" in ran.stderr and "qtha, rate" in ran.stderr
    for name in ("frozen base", "qtha"):
        assert re.search(f"^{name}: ['\"]If the object", ran.stdout, re.MULTILINE)

    figures = json.loads((tmp_path / "finetune.json").read_text())
    for name in ("qtha", "lora"):
        run = figures["adapters"][name]
        assert run["held_out"][0] == [0, figures["frozen"]], "an untrained adapter changes nothing"
        assert run["loss"] < figures["frozen"] - 0.03
        assert len(run["losses"]) == run["held_out"][-1][0]
    assert figures["reloaded"] == figures["adapters"]["qtha"]["loss"]

    picture = (tmp_path / "finetune.png").read_bytes()
    assert picture.startswith(b"\x89PNG") and len(picture) > 20_000

    trained = qcompile.load(tmp_path / "qtha-trained.pt").state_dict()
    start = qcompile.load(adapter).state_dict()
    assert trained.keys() == start.keys()
    assert any(not torch.equal(trained[name], start[name]) for name in start)


def test_unusable_adapter_is_one_message(tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.pt"
    damaged.write_bytes(b"no adapter")
    ran = finetune(damaged, tmp_path)
    assert ran.returncode == 1
    assert "QA50" in ran.stderr and "Traceback" not in ran.stderr
