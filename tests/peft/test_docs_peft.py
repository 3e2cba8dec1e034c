"""The how-to runs as it stands."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.adapter.models import llama, logits
from tests.trainers.runs import Tokens

ROOT = Path(__file__).resolve().parents[2]


# peft asks transformers under a name that transformers 6 will drop.
@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated")
@pytest.mark.filterwarnings("ignore:.*pin_memory")
def test_the_blocks_of_the_how_to_run_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    text = (ROOT / "docs" / "peft.md").read_text()
    blocks = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    assert len(blocks) == 7
    names: dict[str, Any] = {
        "base_model": llama(),
        "fresh_base_model": llama(),
        "dataset": Tokens(),
        "output": str(tmp_path),
    }
    for block in blocks:
        exec(compile(block, "docs/peft.md", "exec"), names)
    assert "trainable params" in capsys.readouterr().out
    assert torch.equal(logits(names["again"].eval()), logits(names["model"].eval()))
    assert (tmp_path / "lora" / "adapter_config.json").exists()
