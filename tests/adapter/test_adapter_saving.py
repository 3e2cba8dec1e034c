"""`save_pretrained` of a model with attached adapters: the base for `from_pretrained`, and all of
it for whoever has the same adapters attached."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from torch import nn

import qcompile
from qcompile.diagnostics.errors import QCompileWarning
from tests.adapter.models import compiled, llama, logits, low_rank, same, snapshot, trained


def adapted() -> nn.Module:
    model = llama()
    adapter = trained(compiled(model, ("q_proj", "lm_head"), low_rank))
    return qcompile.attach(model, adapter, name="a")


def save(model: Any, folder: Path, **options: Any) -> None:
    with pytest.warns(QCompileWarning, match="QA6059"):
        model.save_pretrained(str(folder), **options)


def load(folder: Path) -> nn.Module:
    kind: Any = transformers.LlamaForCausalLM
    found: nn.Module = kind.from_pretrained(str(folder)).eval()
    return found


@pytest.mark.parametrize("given", [False, True])
def test_the_base_and_the_adapter_make_the_model_again(given: bool, tmp_path: Path) -> None:
    model = adapted()
    save(model, tmp_path, **({"state_dict": model.state_dict()} if given else {}))
    again = load(tmp_path)
    assert same(snapshot(again), snapshot(llama()))
    qcompile.attached(model, "a").save(tmp_path / "a.pt")
    assert torch.equal(logits(qcompile.attach(again, tmp_path / "a.pt")), logits(model))


def test_a_model_with_the_same_adapters_reads_all_of_it(tmp_path: Path) -> None:
    from safetensors.torch import load_file

    model = adapted()
    save(model, tmp_path)
    other = llama()
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.fill_(1)
    qcompile.attach(other, compiled(other, ("q_proj", "lm_head"), low_rank), name="a")
    other.load_state_dict(load_file(tmp_path / "model.safetensors"))
    assert torch.equal(logits(other), logits(model))
    # As before, and the state of a base alone.
    other.load_state_dict(model.state_dict())
    missing, unexpected = other.load_state_dict(llama().state_dict(), strict=False)
    assert unexpected == [] and all(".adapters." in name for name in missing)


def test_copies_save_themselves_and_detached_models_as_ever(tmp_path: Path) -> None:
    model: Any = adapted()
    twin: Any = copy.deepcopy(model)
    with torch.no_grad():
        twin.model.embed_tokens.weight.add_(1)
    save(twin, tmp_path / "twin")
    found = load(tmp_path / "twin").get_parameter("model.embed_tokens.weight")
    assert torch.equal(found, twin.model.embed_tokens.weight)
    save(twin.model, tmp_path / "inner")
    qcompile.detach(model)
    assert "save_pretrained" not in vars(model) and "save_pretrained" not in vars(model.model)
    model.save_pretrained(str(tmp_path / "plain"))
    assert same(snapshot(load(tmp_path / "plain")), snapshot(llama()))
