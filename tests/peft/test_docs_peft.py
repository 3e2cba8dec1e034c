"""The how-to runs as it stands."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.adapter.models import TOKENS, llama, logits
from tests.trainers.runs import Tokens, tokenizer

ROOT = Path(__file__).resolve().parents[2]


# peft and trl ask transformers under names that transformers 6 will drop.
@pytest.mark.filterwarnings("ignore:.*gradient_checkpointing.* is deprecated:FutureWarning")
@pytest.mark.filterwarnings("ignore:.*pin_memory")
def test_the_blocks_of_the_how_to_run_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    text = (ROOT / "docs" / "peft.md").read_text()
    blocks = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    assert len(blocks) == 13
    base: Any = llama()
    base.save_pretrained(tmp_path / "base")
    names: dict[str, Any] = {
        "base_model": llama(),
        "calibrated_base": llama(),
        "fresh_base_model": llama(),
        "sft_base_model": llama(),
        "tokenizer": tokenizer(),
        "base_folder": str(tmp_path / "base"),
        "batch": {"input_ids": TOKENS, "labels": TOKENS},
        "dataset": Tokens(),
        "output": str(tmp_path),
    }
    for block in blocks:
        exec(compile(block, "docs/peft.md", "exec"), names)
    assert "trainable params" in capsys.readouterr().out
    assert torch.equal(logits(names["again"].eval()), logits(names["model"].eval()))
    for folder in ("lora", "sft/adapter", "small", "plain"):
        assert (tmp_path / folder / "adapter_config.json").exists()
    loaded, plain = names["loaded"], names["plain"]
    assert torch.equal(logits(loaded.eval()), logits(plain.eval()))
