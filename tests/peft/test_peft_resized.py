"""Resized embeddings are saved as modules_to_save, and loaded again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel, get_peft_model
from transformers import AutoModelForCausalLM

from qcompile.peft import QCompileConfig
from tests.peft.models import base, logits, train
from tests.peft.specs import LORA

pytestmark = [
    pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated"),
    pytest.mark.filterwarnings("ignore:Setting `save_embedding_layers` to `True`"),
]


def resized(folder: Path) -> Any:
    model: Any = AutoModelForCausalLM.from_pretrained(folder)
    torch.manual_seed(0)
    model.resize_token_embeddings(model.config.vocab_size + 3)
    return model


def test_resized_embeddings_in_modules_to_save_come_back(tmp_path: Path) -> None:
    base("llama").save_pretrained(tmp_path / "base")
    config = QCompileConfig(spec=LORA, modules_to_save=["embed_tokens", "lm_head"])
    model: Any = get_peft_model(resized(tmp_path / "base"), config)
    train(model)
    model.save_pretrained(str(tmp_path / "adapter"))
    again = PeftModel.from_pretrained(resized(tmp_path / "base"), str(tmp_path / "adapter"))
    assert torch.equal(logits(again), logits(model))
