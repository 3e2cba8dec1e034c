"""Decoders, encoders with a head, encoder-decoders: trained, saved, loaded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import peft
import pytest
import torch
import transformers
from peft import PeftModel, TaskType, get_peft_model
from torch import nn

from qcompile.peft import QCompileConfig, QCompileLayer
from tests.adapter.models import gpt2, llama, t5
from tests.peft.specs import ACTIVATED, LORA

# peft asks transformers under a name that transformers 6 will drop.
pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated")

SIZES = {
    "vocab_size": 64,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "max_position_embeddings": 64,
    "pad_token_id": 0,
}
IDS = torch.tensor([[5, 9, 22, 44, 17, 8], [11, 12, 13, 60, 5, 6]])
TEXT = {"input_ids": IDS, "labels": IDS}
CLASSES = {"input_ids": IDS, "labels": torch.tensor([0, 2])}
TAGS = {"input_ids": IDS, "labels": IDS % 3}
SPANS = {"input_ids": IDS, "start_positions": IDS[:, 0] % 6, "end_positions": IDS[:, 1] % 6}


def classifier(family: str, head: str) -> Callable[[], Any]:
    def make() -> Any:
        torch.manual_seed(0)
        labels = 2 if head == "QuestionAnswering" else 3
        config = getattr(transformers, f"{family}Config")(**SIZES, num_labels=labels)
        return getattr(transformers, f"{family}For{head}")(config).eval()

    return make


@dataclass(frozen=True, kw_only=True)
class Kind:
    make: Callable[[], Any]
    task: TaskType
    targets: list[str]
    batch: dict[str, torch.Tensor]
    head: str | None = None
    """What peft saves in full by itself, as it starts anew for each task."""
    auto: str
    layers: int = 2


KINDS = {
    "llama": Kind(
        make=llama,
        task=TaskType.CAUSAL_LM,
        targets=["down_proj"],
        batch=TEXT,
        auto="CausalLM",
    ),
    "llama-classes": Kind(
        make=classifier("Llama", "SequenceClassification"),
        task=TaskType.SEQ_CLS,
        targets=["q_proj"],
        batch=CLASSES,
        head="score",
        auto="SequenceClassification",
    ),
    "gpt2": Kind(
        make=gpt2,
        task=TaskType.CAUSAL_LM,
        targets=["c_attn", "mlp.c_proj"],
        batch=TEXT,
        auto="CausalLM",
        layers=4,
    ),
    "bert-classes": Kind(
        make=classifier("Bert", "SequenceClassification"),
        task=TaskType.SEQ_CLS,
        targets=["query", "value"],
        batch=CLASSES,
        head="classifier",
        auto="SequenceClassification",
        layers=4,
    ),
    "bert-tags": Kind(
        make=classifier("Bert", "TokenClassification"),
        task=TaskType.TOKEN_CLS,
        targets=["query"],
        batch=TAGS,
        head="classifier",
        auto="TokenClassification",
    ),
    "bert-spans": Kind(
        make=classifier("Bert", "QuestionAnswering"),
        task=TaskType.QUESTION_ANS,
        targets=["query"],
        batch=SPANS,
        head="qa_outputs",
        auto="QuestionAnswering",
    ),
    "roberta-classes": Kind(
        make=classifier("Roberta", "SequenceClassification"),
        task=TaskType.SEQ_CLS,
        targets=["query"],
        batch=CLASSES,
        head="classifier",
        auto="SequenceClassification",
    ),
    "t5": Kind(
        make=t5,
        task=TaskType.SEQ_2_SEQ_LM,
        targets=["q", "wo"],
        batch=TEXT,
        auto="Seq2SeqLM",
        layers=10,
    ),
}


def run(model: nn.Module, kind: Kind) -> tuple[torch.Tensor, ...]:
    with torch.no_grad():
        found = model.eval()(**kind.batch)
    if "start_logits" in found:
        return found.start_logits, found.end_logits
    return (found.logits,)


def train(model: nn.Module, kind: Kind) -> None:
    model.train()
    chosen = [p for p in model.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(chosen, lr=0.05, weight_decay=0.0)
    for _ in range(3):
        optimiser.zero_grad()
        model(**kind.batch).loss.backward()
        optimiser.step()


@pytest.mark.parametrize("spec", [LORA, ACTIVATED], ids=["linear", "activated"])
@pytest.mark.parametrize("name", KINDS)
def test_every_kind_of_model_is_trained_saved_and_loaded(
    name: str, spec: str, tmp_path: Path
) -> None:
    kind = KINDS[name]
    base = kind.make()
    base.save_pretrained(tmp_path / "base")
    base = type(base).from_pretrained(tmp_path / "base")
    before = run(base, kind)
    config = QCompileConfig(spec=spec, target_modules=kind.targets, task_type=kind.task)
    model: Any = get_peft_model(base, config)
    assert type(model) is getattr(peft, f"PeftModelFor{kind.auto}")
    assert all(map(torch.equal, run(model, kind), before))
    layers = [m for m in model.modules() if isinstance(m, QCompileLayer)]
    assert len(layers) == kind.layers
    start = {k: v.clone() for k, v in model.state_dict().items()}
    train(model, kind)
    changed = {k for k, v in model.state_dict().items() if not torch.equal(v, start[k])}
    assert changed == {n for n, p in model.named_parameters() if p.requires_grad}
    heads = {k for k in changed if "modules_to_save.default" in k}
    assert changed - heads == {k for k in start if "qcompile_core.default" in k}
    assert (kind.head is not None) is bool(heads)
    assert all(f".{kind.head}." in k for k in heads)
    after = run(model, kind)
    with model.disable_adapter():
        assert all(map(torch.equal, run(model, kind), before))

    model.save_pretrained(tmp_path / "adapter")
    other = type(base).from_pretrained(tmp_path / "base")
    for key, value in other.named_parameters():
        if kind.head is not None and kind.head in key:
            value.data.zero_()  # The saved head is what counts.
    for again in (
        PeftModel.from_pretrained(other, tmp_path / "adapter"),
        getattr(peft, f"AutoPeftModelFor{kind.auto}").from_pretrained(
            tmp_path / "adapter", **({"num_labels": base.num_labels} if kind.head else {})
        ),
    ):
        assert all(map(torch.equal, run(again, kind), after))
    if spec == LORA:
        merged = model.merge_and_unload()
        assert same_keys(merged, type(base).from_pretrained(tmp_path / "base"))
        for left, right in zip(run(merged, kind), after, strict=True):
            torch.testing.assert_close(left, right, rtol=1e-4, atol=1e-4)


def same_keys(left: nn.Module, right: nn.Module) -> bool:
    return list(left.state_dict()) == list(right.state_dict())
