"""Adapters on a language model's head: ties to the embeddings, and the size of the vocabulary."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from peft import get_peft_model

import qcompile
from qcompile.diagnostics import QCompileError
from qcompile.diagnostics.errors import QCompileWarning
from qcompile.peft import QCompileConfig
from tests.adapter.models import TOKENS
from tests.peft.models import TINY_LLAMA

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated")

HEAD = """qa 1
adapter top() {
    attach "lm_head"
    update linear(linear(x, to: 2), to: out_features)
}
"""


def model_with_adapter(kind: str, *, tied: bool) -> tuple[Any, Any]:
    """(the base, what is called)."""
    auto: Any = transformers.AutoModelForCausalLM
    config = transformers.AutoConfig.from_pretrained(TINY_LLAMA)
    config.tie_word_embeddings = tied
    torch.manual_seed(0)
    model = auto.from_config(config).eval()
    if kind == "attach":
        qcompile.attach(model, qcompile.compile(HEAD, model=model))
        return model, model
    return model, get_peft_model(model, QCompileConfig(spec=HEAD)).eval()


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("kind", ["attach", "peft"])
def test_ties_are_kept(kind: str, tied: bool) -> None:
    base, model = model_with_adapter(kind, tied=tied)
    with torch.no_grad():
        before = model(input_ids=TOKENS).logits
        base.tie_weights()
        assert torch.equal(model(input_ids=TOKENS).logits, before)
    head = base.get_output_embeddings()
    assert (head.base_layer.weight is base.get_input_embeddings().weight) == tied
    assert "weight" not in head._parameters


def test_a_tied_model_with_an_adapter_on_its_head_is_saved(tmp_path: Path) -> None:
    base, _ = model_with_adapter("attach", tied=True)
    with pytest.warns(QCompileWarning, match="QA6059"):
        base.save_pretrained(str(tmp_path))
    again: Any = transformers.AutoModelForCausalLM.from_pretrained(str(tmp_path))
    assert torch.equal(again.get_input_embeddings().weight, base.get_input_embeddings().weight)
    assert again.get_output_embeddings().weight is again.get_input_embeddings().weight


@pytest.mark.parametrize("kind", ["attach", "peft"])
def test_the_vocabulary_stays_while_an_adapter_is_on_the_head(kind: str) -> None:
    base, model = model_with_adapter(kind, tied=False)
    before = {name: tensor.clone() for name, tensor in base.state_dict().items()}
    for caller in (base, model):
        with pytest.raises(QCompileError, match="QA6017"):
            caller.resize_token_embeddings(80)
    assert base.config.vocab_size == before["model.embed_tokens.weight"].shape[0]
    assert all(torch.equal(base.state_dict()[name], tensor) for name, tensor in before.items())
    if kind == "attach":
        qcompile.detach(base)
    else:
        base = model.unload()
    base.resize_token_embeddings(80)
    assert base.get_output_embeddings().weight.shape[0] == 80


def test_other_vocabularies_may_be_resized() -> None:
    base, _ = model_with_adapter("attach", tied=False)
    qcompile.detach(base)
    text = HEAD.replace("lm_head", "*.q_proj")
    qcompile.attach(base, qcompile.compile(text, model=base))
    base.resize_token_embeddings(80)
    assert base.get_output_embeddings().weight.shape[0] == 80
