"""Adapters on the head, and loading over one that is merged, or of another plan or seed."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import get_peft_model
from safetensors.torch import load_file

import qcompile
import qcompile.peft
from qcompile.diagnostics import QCompileError
from qcompile.peft import QCompileConfig
from tests.peft.models import base, logits, train
from tests.peft.specs import LORA

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated")

HEAD = """qa 1
adapter head() {
    attach "lm_head"
    update linear(linear(x, to: 2), to: out_features, init: zero)
}
"""


def saved(folder: Path, **options: Any) -> Any:
    model = get_peft_model(base("llama"), QCompileConfig(spec=LORA, **options))
    train(model)
    model.save_pretrained(str(folder))
    return model


@pytest.mark.parametrize("options", [{"spec": HEAD}, {"spec": LORA, "target_modules": ["lm_head"]}])
def test_an_adapter_on_the_head_is_saved_without_the_head(
    tmp_path: Path, options: dict[str, Any]
) -> None:
    model = get_peft_model(base("llama"), QCompileConfig(**options))
    train(model)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        model.save_pretrained(str(tmp_path))
    keys = load_file(str(tmp_path / "adapter_model.safetensors"))
    assert keys and all(".qcompile_core." in key for key in keys)
    again = qcompile.peft.load(base("llama"), tmp_path)
    assert torch.equal(logits(again), logits(model))
    assert len(list(qcompile.load(tmp_path).parts())) == 1
    again.save_pretrained(str(tmp_path / "again"))
    assert load_file(str(tmp_path / "again" / "adapter_model.safetensors")).keys() == keys.keys()


def test_loading_over_a_merged_adapter_takes_it_out_first(tmp_path: Path) -> None:
    trained = saved(tmp_path)
    model = get_peft_model(base("llama"), QCompileConfig(spec=LORA))
    plain = logits(model)
    model.merge_adapter()
    model.load_adapter(str(tmp_path), adapter_name="default")
    assert torch.equal(logits(model), logits(trained))
    with model.disable_adapter():
        assert torch.equal(logits(model), plain)


def test_another_adapter_under_the_same_name_is_refused(tmp_path: Path) -> None:
    saved(tmp_path, parameters={"alpha": 3})
    model = get_peft_model(base("llama"), QCompileConfig(spec=LORA))
    train(model)
    before = logits(model)
    with pytest.raises(QCompileError, match="QA6220"):
        model.load_adapter(str(tmp_path), adapter_name="default")
    assert torch.equal(logits(model), before)
    model.load_adapter(str(tmp_path), adapter_name="other")


def test_the_same_adapter_of_another_seed_is_loaded(tmp_path: Path) -> None:
    trained = saved(tmp_path, seed=5)
    model = get_peft_model(base("llama"), QCompileConfig(spec=LORA))
    model.load_adapter(str(tmp_path), adapter_name="default")
    assert torch.equal(logits(model), logits(trained))
