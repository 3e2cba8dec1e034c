"""What peft promises of its own methods, for every adapter: one table, one test."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel, get_peft_model
from torch import nn

import qcompile
from qcompile.diagnostics.errors import AdapterError
from qcompile.peft import QCompileConfig, QCompileLayer, to_lora
from tests.adapter.models import TOKENS, llama, logits, outputs, same, snapshot
from tests.peft.specs import CASES, Case

# peft asks transformers under a name that transformers 6 will drop.
pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated")


def config(case: Case, **settings: Any) -> QCompileConfig:
    return QCompileConfig(spec=case.spec, parameters=dict(case.parameters), **settings)


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


def close(left: torch.Tensor, right: torch.Tensor, noisy: bool) -> bool:
    """Shots draw new noise in every call."""
    return left.shape == right.shape if noisy else torch.equal(left, right)


@pytest.mark.parametrize("name", CASES)
def test_peft_promises_hold(name: str, tmp_path: Path) -> None:
    case, noisy = CASES[name], name == "noisy"
    base = llama()
    before, weights = logits(base), snapshot(base)
    model: Any = get_peft_model(base, config(case, modules_to_save=["lm_head"]))

    # An untrained adapter changes nothing, and only it and the copy of the head are trained.
    assert torch.equal(logits(model), before)
    trainable = [n for n, p in model.named_parameters() if p.requires_grad]
    assert all("qcompile_core.default" in n or "modules_to_save" in n for n in trainable)
    start = tensors(model, "default")
    # A zero factor hides the gradient of the other one in the first step.
    train(model, 3)
    trained = tensors(model, "default")
    assert all(not torch.equal(trained[key], start[key]) for key in start)
    after = logits(model)
    assert not torch.equal(after, before)

    with model.disable_adapter():
        assert torch.equal(logits(model), before)
    assert close(logits(model), after, noisy)

    # Saved and loaded exactly, in both ways, and never compiled again.
    model.save_pretrained(str(tmp_path / "saved"))
    saved = json.loads((tmp_path / "saved" / "adapter_config.json").read_text())
    assert saved["spec"].lstrip("#").strip() and saved["plan"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("qcompile.peft.freeze.compile_source", None)
        patch.setattr("qcompile.grammar.files.read_source", None)
        for low in (False, True):
            again = PeftModel.from_pretrained(
                llama(), str(tmp_path / "saved"), low_cpu_mem_usage=low
            ).eval()
            assert same(tensors(again, "default"), trained)
            assert close(logits(again), after, noisy)
            assert len(list(again.parameters())) == len(list(model.parameters()))

    # A second adapter, switching, deleting.
    model.add_adapter("other", config(case, seed=5))
    assert close(logits(model), after, noisy)
    model.set_adapter("other")
    other = logits(model)
    assert torch.equal(other, before)
    model.set_adapter("default")
    assert close(logits(model), after, noisy)
    model.delete_adapter("other")
    assert close(logits(model), after, noisy)
    assert tensors(model, "other") == {}

    generated = model.generate(input_ids=TOKENS, max_new_tokens=3, do_sample=False)
    assert generated.shape == (2, TOKENS.shape[1] + 3)

    # Merging where it is exact, a clear refusal elsewhere; nothing half-done.
    if case.linear:
        model.merge_adapter()
        torch.testing.assert_close(logits(model), after, rtol=1e-4, atol=1e-5)
        model.unmerge_adapter()
        assert torch.equal(logits(model), after)
        if case.lora:
            lora = to_lora(model, rank=0.9999)
            assert lora.energy >= 0.9999
        else:
            with pytest.raises(AdapterError, match="QA6006"):
                to_lora(model, rank=4)
        merged = model.merge_and_unload(safe_merge=True)
        assert not any(isinstance(m, QCompileLayer) for m in merged.modules())
        torch.testing.assert_close(logits(merged), after, rtol=1e-4, atol=1e-5)
    else:
        for refused in (model.merge_and_unload, model.merge_adapter):
            with pytest.raises(AdapterError, match="QA6006"):
                refused()
        assert close(logits(model), after, noisy)
        unloaded = model.unload()
        assert {k: v for k, v in snapshot(unloaded).items() if k in weights}.keys() == set(weights)
        assert torch.equal(logits(unloaded)[..., :0], before[..., :0])


@pytest.mark.parametrize("name", ["lora", "shared"])
def test_a_compiled_adapter_and_peft_start_from_the_same_tensors(name: str) -> None:
    case = CASES[name]
    model = get_peft_model(llama(), config(case, seed=3))
    compiled = qcompile.compile(case.spec, model=llama(), parameters=dict(case.parameters), seed=3)
    for site, part in compiled.parts():
        layer = model.get_submodule(f"base_model.model.{site.module}")
        assert isinstance(layer, QCompileLayer)
        (own,) = layer.parts(["default"])
        for key, parameter in part.named_parameters():
            assert torch.equal(parameter, own.get_parameter(key))


@pytest.mark.parametrize("low", [False, True])
def test_shared_tensors_stay_shared(low: bool, tmp_path: Path) -> None:
    model = get_peft_model(llama(), config(CASES["shared"]))
    train(model)
    model.save_pretrained(str(tmp_path))
    again = PeftModel.from_pretrained(llama(), str(tmp_path), low_cpu_mem_usage=low)
    layers = [m for m in again.modules() if isinstance(m, QCompileLayer)]
    shared = {id(layer.parts(["default"])[0].get_parameter("b.weight")) for layer in layers}
    assert len(layers) == 4 and len(shared) == 1


def test_a_folder_from_peft_is_an_adapter_of_qcompile_and_back(tmp_path: Path) -> None:
    model = get_peft_model(llama(), config(CASES["two"]))
    train(model)
    after = logits(model)
    model.save_pretrained(str(tmp_path / "peft"))
    adapter = qcompile.load(tmp_path / "peft")
    assert torch.equal(logits(qcompile.attach(llama(), adapter)), after)
    adapter.save(f"{tmp_path}/again/")
    assert torch.equal(logits(qcompile.peft.load(llama(), tmp_path / "again")), after)


def test_low_precision_bases_keep_the_tensors_of_the_adapter() -> None:
    model = get_peft_model(llama().to(torch.bfloat16), config(CASES["mpo"]))
    full = get_peft_model(llama(), config(CASES["mpo"]))
    assert same(tensors(model, "default"), tensors(full, "default"))
    assert outputs(model).logits.dtype == torch.bfloat16
