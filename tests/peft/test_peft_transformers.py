"""transformers' own integration of peft, and the card that a saved adapter has."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import get_peft_model
from transformers import AutoModelForCausalLM

from qcompile.peft import QCompileConfig
from tests.peft.models import base, logits, train
from tests.peft.specs import ACTIVATED, LORA, SHARED, TWO

# peft asks transformers under a name that transformers 6 will drop.
pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated")


@pytest.mark.parametrize(
    "spec", [LORA, ACTIVATED, SHARED, TWO], ids=["lora", "act", "shared", "two"]
)
def test_adapters_are_added_saved_and_loaded(spec: str, tmp_path: Path) -> None:
    base("llama").save_pretrained(tmp_path / "base")
    model: Any = AutoModelForCausalLM.from_pretrained(tmp_path / "base")
    before = logits(model)
    model.add_adapter(QCompileConfig(spec=spec))
    assert torch.equal(logits(model), before)
    train(model)
    after = logits(model)
    assert not torch.equal(after, before)
    model.disable_adapters()
    assert torch.equal(logits(model), before)
    model.enable_adapters()
    model.save_pretrained(tmp_path / "adapter")
    again = AutoModelForCausalLM.from_pretrained(tmp_path / "base")
    again.load_adapter(str(tmp_path / "adapter"))
    assert torch.equal(logits(again), after)
    assert not any(p.requires_grad for n, p in again.named_parameters() if "qcompile" in n)
    # The folder alone leads to its base.
    alone = AutoModelForCausalLM.from_pretrained(tmp_path / "adapter")
    assert torch.equal(logits(alone), after)

    with pytest.warns(UserWarning, match="Already found a `peft_config`"):
        again.load_adapter(str(tmp_path / "adapter"), "other", is_trainable=True)
    again.set_adapter("other")
    assert torch.equal(logits(again), after)
    again.delete_adapter(["default", "other"])
    assert not any("qcompile_core" in key for key in again.state_dict())
    assert torch.equal(logits(again), before)


def test_the_card_says_how_to_load(tmp_path: Path) -> None:
    base("llama").save_pretrained(tmp_path / "base")
    bare = AutoModelForCausalLM.from_pretrained(tmp_path / "base")
    model: Any = get_peft_model(bare, QCompileConfig(spec=LORA, task_type="CAUSAL_LM"))
    train(model)
    for _ in range(2):
        model.save_pretrained(tmp_path / "adapter")
    card = (tmp_path / "adapter" / "README.md").read_text("utf-8")
    assert card.count("import qcompile.peft") == 1
    assert "KeyError: 'QCOMPILE'" in card and "library_name: peft" in card
    (code,) = re.findall(r"```python\n(.*?)```", card, re.S)
    names: dict[str, Any] = {}
    exec(code.replace("path/to/this/folder", str(tmp_path / "adapter")), names)
    assert torch.equal(logits(names["model"]), logits(model))


def test_a_card_of_another_form_is_kept(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("---\nlibrary_name: peft\n---\n\n# Mine\n")
    get_peft_model(base("llama"), QCompileConfig(spec=LORA)).save_pretrained(str(tmp_path))
    card = (tmp_path / "README.md").read_text("utf-8")
    assert "# Mine" in card and card.count("import qcompile.peft") == 1
