"""The peft integration agrees with the rest of qcompile; shared tensors, low precision."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from peft import PeftModel, get_peft_model
from torch import nn

import qcompile
from qcompile.peft import QCompileConfig, QCompileLayer
from tests.adapter.models import llama, logits, outputs, same
from tests.peft.specs import LORA, MPO, SHARED, TWO

# peft asks transformers under a name that transformers 6 will drop.
pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated")


def train(model: nn.Module, steps: int = 2, rate: float = 0.05) -> None:
    model.train()
    chosen = [p for p in model.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(chosen, lr=rate)
    for _ in range(steps):
        optimiser.zero_grad()
        outputs(model).loss.backward()
        optimiser.step()
    model.eval()


def tensors(model: nn.Module, name: str) -> dict[str, torch.Tensor]:
    return {k: v.clone() for k, v in model.state_dict().items() if f"qcompile_core.{name}." in k}


@pytest.mark.parametrize("spec", [LORA, SHARED], ids=["lora", "shared"])
def test_a_compiled_adapter_and_peft_start_from_the_same_tensors(spec: str) -> None:
    model = get_peft_model(llama(), QCompileConfig(spec=spec, seed=3))
    compiled = qcompile.compile(spec, model=llama(), seed=3)
    for site, part in compiled.parts():
        layer = model.get_submodule(f"base_model.model.{site.module}")
        assert isinstance(layer, QCompileLayer)
        (own,) = layer.parts(["default"])
        for key, parameter in part.named_parameters():
            assert torch.equal(parameter, own.get_parameter(key))


@pytest.mark.parametrize("low", [False, True])
def test_shared_tensors_stay_shared(low: bool, tmp_path: Path) -> None:
    model = get_peft_model(llama(), QCompileConfig(spec=SHARED))
    train(model)
    model.save_pretrained(str(tmp_path))
    again = PeftModel.from_pretrained(llama(), str(tmp_path), low_cpu_mem_usage=low)
    layers = [m for m in again.modules() if isinstance(m, QCompileLayer)]
    shared = {id(layer.parts(["default"])[0].get_parameter("b.weight")) for layer in layers}
    assert len(layers) == 4 and len(shared) == 1


def test_a_folder_from_peft_is_an_adapter_of_qcompile_and_back(tmp_path: Path) -> None:
    model = get_peft_model(llama(), QCompileConfig(spec=TWO))
    train(model)
    after = logits(model)
    model.save_pretrained(str(tmp_path / "peft"))
    adapter = qcompile.load(tmp_path / "peft")
    assert torch.equal(logits(qcompile.attach(llama(), adapter)), after)
    adapter.save(f"{tmp_path}/again/")
    assert torch.equal(logits(qcompile.peft.load(llama(), tmp_path / "again")), after)


def test_low_precision_bases_keep_the_tensors_of_the_adapter() -> None:
    model = get_peft_model(llama().to(torch.bfloat16), QCompileConfig(spec=MPO))
    full = get_peft_model(llama(), QCompileConfig(spec=MPO))
    assert same(tensors(model, "default"), tensors(full, "default"))
    assert outputs(model).logits.dtype == torch.bfloat16
