"""Corners of peft's interface: several active adapters, merges in turn, casts, plain LoRA."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel, get_peft_model, save_as_lora

from qcompile.diagnostics.errors import QCompileError
from qcompile.peft import QCompileConfig, QCompileLayer, load, to_lora
from tests.adapter.models import llama, logits, same, snapshot
from tests.peft.models import base
from tests.peft.specs import LORA, MPO, REPLACING, SHARED

# peft asks transformers under a name that transformers 6 will drop.
pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated")


def moved(model: Any) -> Any:
    """All adapters with other tensors than they start with."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "qcompile_core" in name:
                parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator))
    return model.eval()


def two(first: str, second: str) -> Any:
    model = get_peft_model(llama(), QCompileConfig(spec=first, target_modules=["gate_proj"]))
    model.add_adapter("other", QCompileConfig(spec=second, target_modules=["gate_proj"], seed=1))
    return moved(model)


PAIRS = [(LORA, MPO), (LORA, REPLACING), (REPLACING, LORA), (REPLACING, REPLACING)]


@pytest.mark.filterwarnings("ignore:Already following adapters were merged")
@pytest.mark.parametrize("pair", PAIRS, ids=["add", "add-replace", "replace-add", "replace"])
def test_several_active_adapters_are_summed_and_merged(pair: tuple[str, str]) -> None:
    model = two(*pair)
    layer = model.base_model.model.model.layers[0].mlp.gate_proj
    x = torch.randn(3, 32, generator=torch.Generator().manual_seed(0))
    parts = [layer.parts([name])[0] for name in ("default", "other")]
    with torch.no_grad():
        total = sum(part(x) for part in parts)
        if REPLACING not in pair:
            total = total + layer.base_layer(x)
        model.base_model.set_adapter(["default", "other"])
        torch.testing.assert_close(layer(x), total, rtol=1e-6, atol=1e-6)
    found, weights = logits(model), snapshot(model)
    for order in ([["default", "other"]], [["default"], ["other"]], [["other"], ["default"]]):
        for names in order:
            model.merge_adapter(adapter_names=names)
        torch.testing.assert_close(logits(model), found, rtol=1e-4, atol=1e-4)
        model.unmerge_adapter()
        assert same(snapshot(model), weights)


@pytest.mark.parametrize("low", [False, True])
def test_shared_tensors_stay_shared_through_half_precision(low: bool, tmp_path: Path) -> None:
    model = moved(get_peft_model(llama(), QCompileConfig(spec=SHARED))).to(torch.bfloat16)
    model.save_pretrained(str(tmp_path))
    again = PeftModel.from_pretrained(llama(), str(tmp_path), low_cpu_mem_usage=low)
    layers = [m for m in again.modules() if isinstance(m, QCompileLayer)]
    shared = {id(layer.parts(["default"])[0].get_parameter("b.weight")) for layer in layers}
    assert len(layers) == 4 and len(shared) == 1
    assert {p.dtype for n, p in again.named_parameters() if "core" in n} == {torch.float32}
    kept = {k: v.float() for k, v in snapshot(model).items() if "qcompile_core" in k}
    assert same({k: v for k, v in snapshot(again).items() if "qcompile_core" in k}, kept)


def test_a_configuration_is_for_models_of_one_kind() -> None:
    config = QCompileConfig(spec=LORA)
    first = get_peft_model(llama(), config)
    plan = config.plan
    again = get_peft_model(llama(), config)
    first.add_adapter("other", config)
    assert config.plan == plan and same(snapshot(again), snapshot(get_peft_model(llama(), config)))
    larger = llama(hidden_act="gelu")
    layers: Any = larger.get_submodule("model.layers")
    layers.append(copy.deepcopy(layers[0]))
    for other in (larger, base("llama")):
        names = [name for name, _ in other.named_modules()]
        with pytest.raises(QCompileError, match="QA6213"):
            get_peft_model(other, config)
        assert [name for name, _ in other.named_modules()] == names
    assert config.plan == plan


def test_peft_reports_on_its_layers() -> None:
    model = get_peft_model(llama(), QCompileConfig(spec=LORA))
    status = model.get_model_status()
    assert status.enabled is True and status.available_adapters == ["default"]
    assert status.num_adapter_layers == 4 and status.requires_grad == {"default": True}
    assert status.merged_adapters == [] and status.base_model_type == "LlamaForCausalLM"
    for layer in model.get_layer_status():
        assert layer.active_adapters == ["default"]


@pytest.mark.parametrize("name", ["self_attn", "layers", "lm_head", "a", "lora"])
def test_names_that_peft_would_confuse_are_refused(name: str) -> None:
    model = get_peft_model(llama(), QCompileConfig(spec=LORA))
    with pytest.raises(QCompileError, match=f"QA6202.*`{name}`"):
        model.add_adapter(name, QCompileConfig(spec=LORA))
    assert list(model.peft_config) == ["default"]
    with pytest.raises(QCompileError, match=f"QA6202.*`{name}`"):
        get_peft_model(llama(), QCompileConfig(spec=LORA), adapter_name=name)


def test_named_adapters_are_saved_in_folders_of_their_own(tmp_path: Path) -> None:
    model = moved(get_peft_model(llama(), QCompileConfig(spec=LORA), adapter_name="first"))
    model.add_adapter("later", QCompileConfig(spec=MPO))
    moved(model)
    model.save_pretrained(str(tmp_path))
    for name in ("first", "later"):
        model.set_adapter(name)
        again = load(llama(), tmp_path / name, adapter_name="elsewhere")
        assert torch.equal(logits(again), logits(model))


def test_pefts_own_conversion_to_lora_agrees(tmp_path: Path) -> None:
    model = moved(get_peft_model(llama(), QCompileConfig(spec=LORA)))
    found = logits(model)
    save_as_lora(tmp_path, model, rank=8)
    torch.testing.assert_close(
        logits(PeftModel.from_pretrained(llama(), str(tmp_path))), found, rtol=1e-4, atol=1e-4
    )
    exact = to_lora(model, rank=8)
    assert exact.energy > 1 - 1e-6
    rough = to_lora(model, rank=4)
    for layer in (m for m in model.modules() if isinstance(m, QCompileLayer)):
        delta = layer.get_delta_weight("default").double()
        a, b = rough.factors[layer.site]
        left = (delta - b.double() @ a.double()).square().sum() / delta.square().sum()
        assert abs((1 - left).item() - rough.kept[layer.site]) < 1e-6


def test_a_circuit_has_no_lora(tmp_path: Path) -> None:
    spec = str(Path(LORA).with_name("qaa.qa"))
    model = get_peft_model(llama(), QCompileConfig(spec=spec, parameters={"layers": 1}))
    with pytest.raises(QCompileError, match="QA6006"):
        to_lora(model, rank=2)
    with pytest.raises(TypeError, match="do not support LoRA conversion"):
        save_as_lora(tmp_path, model, rank=2)
