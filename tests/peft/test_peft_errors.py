"""Whatever cannot be is refused by name, and nothing is half-done."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model, inject_adapter_in_model
from safetensors.torch import load_file, save_file
from torch import nn

import qcompile
from qcompile.artifact.peft_folder import settings_digest
from qcompile.diagnostics.errors import QCompileError
from qcompile.peft import QCompileConfig, QCompileLayer, load, to_lora
from tests.adapter.models import bert, gpt2, llama, logits, same, snapshot
from tests.peft.specs import LORA, MPO, REPLACING, ROTATING, text

# peft asks transformers under a name that transformers 6 will drop.
pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated")


class Quantised(nn.Module):
    """A linear map with an int8 weight, as bitsandbytes and others have."""

    def __init__(self, base: nn.Linear) -> None:
        super().__init__()
        self.in_features, self.out_features, self.bias = base.in_features, base.out_features, None
        self.scale = base.weight.abs().max() / 127
        weight = (base.weight / self.scale).round().to(torch.int8)
        self.weight = nn.Parameter(weight, requires_grad=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x @ (self.weight.to(x.dtype) * self.scale.detach()).T


def quantised() -> nn.Module:
    model = llama()
    for layer in model.get_submodule("model.layers").children():
        attention: Any = layer.get_submodule("self_attn")
        attention.q_proj = Quantised(attention.q_proj)
    return model.eval()


def sites(model: nn.Module) -> list[str]:
    return [m.site for m in model.modules() if isinstance(m, QCompileLayer)]


def test_quantised_bases_train_and_refuse_to_be_merged() -> None:
    model = get_peft_model(quantised(), QCompileConfig(spec=LORA))
    before = snapshot(model)
    logits(model)
    for refused in (model.merge_and_unload, model.merge_adapter):
        with pytest.raises(QCompileError, match=r"QA6006.*[\s\S]*quantised \(torch.int8\)"):
            refused()
    assert same(snapshot(model), before)


def test_tied_weights_refuse_to_be_merged() -> None:
    base = llama(tie_word_embeddings=True)
    config = QCompileConfig(spec=LORA, target_modules=["lm_head"])
    with pytest.warns(UserWarning, match="tie_word_embeddings"):
        model = get_peft_model(base, config)
    with pytest.raises(QCompileError, match="shared with another module"):
        model.merge_and_unload()


def test_targets_choose_and_narrow_down() -> None:
    def chosen(**settings: Any) -> list[str]:
        return sites(get_peft_model(llama(), QCompileConfig(spec=LORA, **settings)))

    names = [f"model.layers.{i}.self_attn.{p}_proj" for i in (0, 1) for p in "qv"]
    assert chosen() == names
    assert chosen(exclude_modules=["v_proj"]) == names[::2]
    assert chosen(layers_to_transform=[1]) == names[2:]
    assert chosen(target_modules=["down_proj"]) == [
        f"model.layers.{i}.mlp.down_proj" for i in (0, 1)
    ]
    assert chosen(target_modules=r".*\.1\..*k_proj") == ["model.layers.1.self_attn.k_proj"]
    everything = chosen(target_modules="all-linear")
    assert len(everything) == 14 and not any("lm_head" in name for name in everything)
    assert chosen(target_modules=["q_proj", "lm_head"], modules_to_save=["lm_head"]) == names[::2]


def test_overridden_targets_keep_the_bodies_of_the_spec(tmp_path: Path) -> None:
    config = QCompileConfig(spec=MPO, target_modules=["q_proj", "up_proj"])
    model = get_peft_model(llama(), config)
    bonds = {
        layer.site.rpartition(".")[2]: dict(layer.parts(["default"])[0].plan.parameters)["bond"]
        for layer in model.modules()
        if isinstance(layer, QCompileLayer)
    }
    assert bonds == {"q_proj": 8, "up_proj": 4}
    model.save_pretrained(str(tmp_path))
    assert sites(load(llama(), tmp_path)) == sites(model)


def test_a_choice_that_matches_nothing_leaves_the_model_alone() -> None:
    base = llama()
    names = list(dict(base.named_modules()))
    with pytest.raises(QCompileError, match="QA6201"):
        get_peft_model(base, QCompileConfig(spec=LORA, target_modules=["q_prj"]))
    with pytest.raises(QCompileError, match="QA6201"):
        get_peft_model(base, QCompileConfig(spec=LORA, layers_to_transform=[7]))
    with pytest.raises(QCompileError, match="QA30"):
        get_peft_model(bert(), QCompileConfig(spec=LORA))
    assert list(dict(base.named_modules())) == names


def test_mistakes_in_the_configuration_are_diagnostics(tmp_path: Path) -> None:
    with pytest.raises(QCompileError, match="QA6204"):
        QCompileConfig()
    with pytest.raises(QCompileError, match="QA0001"):
        QCompileConfig(spec=str(tmp_path / "absent.qa"))
    with pytest.raises(QCompileError, match="QA2"):
        get_peft_model(llama(), QCompileConfig(spec=LORA, parameters={"rnk": 2}))
    with pytest.raises(QCompileError, match="QA6202"):
        get_peft_model(llama(), QCompileConfig(spec=LORA), adapter_name="lora")


def test_an_adapter_of_another_model_is_refused_before_anything_changes(tmp_path: Path) -> None:
    get_peft_model(llama(), QCompileConfig(spec=LORA)).save_pretrained(str(tmp_path))
    for other in (gpt2(), llama(hidden_act="silu")):
        names = list(dict(other.named_modules()))
        if "transformer" in names:
            with pytest.raises(QCompileError, match="QA6001"):
                load(other, tmp_path)
            assert list(dict(other.named_modules())) == names
        else:
            load(other, tmp_path)


@pytest.mark.parametrize("low", [False, True])
def test_missing_tensors_are_errors(low: bool, tmp_path: Path) -> None:
    get_peft_model(llama(), QCompileConfig(spec=LORA)).save_pretrained(str(tmp_path))
    file = tmp_path / "adapter_model.safetensors"
    tensors = load_file(file)
    first = next(iter(tensors))
    save_file({k: v for k, v in tensors.items() if k != first}, file)
    with pytest.raises(QCompileError, match="is missing"):
        PeftModel.from_pretrained(llama(), str(tmp_path), low_cpu_mem_usage=low)


def test_a_tampered_plan_is_refused(tmp_path: Path) -> None:
    get_peft_model(llama(), QCompileConfig(spec=LORA)).save_pretrained(str(tmp_path))
    file = tmp_path / "adapter_config.json"
    config = json.loads(file.read_text())
    config["plan"] = config["plan"].replace('"unit":0', '"unit":7')
    config["digests"]["settings"] = settings_digest(config)
    file.write_text(json.dumps(config))
    with pytest.raises(QCompileError, match="QA5007"):
        load(llama(), tmp_path)
    with pytest.raises(QCompileError, match="QA5001"):
        load(llama(), tmp_path / "absent")


def test_a_folder_of_another_method_is_no_adapter_of_qcompile(tmp_path: Path) -> None:
    get_peft_model(llama(), LoraConfig(target_modules=["q_proj"])).save_pretrained(str(tmp_path))
    with pytest.raises(QCompileError, match="QA5011"):
        qcompile.load(tmp_path)


def test_lora_of_a_linear_adapter_computes_the_same_inside_peft(tmp_path: Path) -> None:
    model = get_peft_model(llama(), QCompileConfig(spec=MPO))
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.add_(0.1)
    lora = to_lora(model, rank=1.0)
    lora.save(tmp_path)
    plain = PeftModel.from_pretrained(llama(), str(tmp_path)).eval()
    torch.testing.assert_close(logits(plain), logits(model.eval()), rtol=1e-4, atol=1e-4)
    rough = to_lora(model, rank=1)
    assert 0 < rough.energy < 1
    with pytest.raises(QCompileError, match="QA6205"):
        to_lora(model, rank=0)
    with pytest.raises(QCompileError, match="QA6005"):
        to_lora(llama(), rank=1)


@pytest.mark.filterwarnings("ignore:Already found a `peft_config`")
def test_plain_lora_and_an_adapter_live_in_one_model() -> None:
    model = llama()
    inject_adapter_in_model(LoraConfig(target_modules=["q_proj"]), model)
    inject_adapter_in_model(QCompileConfig(spec=LORA), model)
    trained = {name for name, p in model.named_parameters() if p.requires_grad}
    assert sites(model) == [f"model.layers.{i}.self_attn.{p}_proj" for i in (0, 1) for p in "qv"]
    assert sum("lora_A" in name for name in trained) == 2
    assert sum("qcompile_core" in name for name in trained) == 8
    logits(model)


def test_replacing_adapters_merge_and_come_back_exactly() -> None:
    model: Any = get_peft_model(llama(), QCompileConfig(spec=REPLACING)).eval()
    weights, found = snapshot(model), logits(model)
    model.merge_adapter()
    torch.testing.assert_close(logits(model), found, rtol=1e-4, atol=1e-5)
    model.unmerge_adapter()
    assert same(snapshot(model), weights)
    with pytest.raises(QCompileError, match="replaces"):
        to_lora(model, rank=2)


@pytest.mark.filterwarnings("ignore:Already following adapters were merged")
@pytest.mark.parametrize("order", [("first", "second"), ("second", "first")])
def test_adapters_merged_one_after_another_see_the_frozen_module(order: tuple[str, str]) -> None:
    """A part that replaces `y` keeps what was merged before, and turns the base's output alone."""
    adding = text("    update linear(x, to: out_features)\n", "*.{q_proj,up_proj}")
    model: Any = get_peft_model(llama(), QCompileConfig(spec=adding), adapter_name="first").eval()
    model.add_adapter("second", QCompileConfig(spec=ROTATING))
    moved(model)
    weights = snapshot(model)
    model.base_model.set_adapter(["first", "second"])
    found = logits(model)
    for name in order:
        model.merge_adapter([name])
    torch.testing.assert_close(logits(model), found, rtol=1e-4, atol=1e-5)
    model.unmerge_adapter()
    assert same(snapshot(model), weights)


def test_rotations_of_gpt2_turn_its_biases() -> None:
    base = gpt2()
    biases = [f"transformer.h.{layer}.attn.c_attn.bias" for layer in range(2)]
    with torch.no_grad():
        for name in biases:
            base.get_parameter(name).copy_(torch.linspace(-1, 1, 96))
    spec = text("    replace cayley(y, block: 8)\n", "*.c_attn")
    model: Any = get_peft_model(base, QCompileConfig(spec=spec)).eval()
    moved(model)
    weights, found = snapshot(model), logits(model)
    model.merge_adapter()
    torch.testing.assert_close(logits(model), found, rtol=1e-4, atol=1e-5)
    after = snapshot(model)
    (name,) = (key for key in after if key.endswith("h.0.attn.c_attn.base_layer.bias"))
    assert not torch.equal(after[name], weights[name])
    torch.testing.assert_close(after[name].norm(), weights[name].norm())
    model.unmerge_adapter()
    assert same(snapshot(model), weights)
    layer = model.get_submodule("base_model.model.transformer.h.0.attn.c_attn")
    rotated = layer.get_delta_weight("default")
    assert rotated.shape == layer.weight.shape
    torch.testing.assert_close(rotated.norm(), layer.weight.norm())
    assert not layer.supports_lora_conversion()


def test_a_shared_bias_is_refused() -> None:
    base: Any = bert()
    inner = base.bert.encoder.layer[0].attention.self
    inner.key.bias = inner.query.bias
    spec = text("    replace cayley(y)\n", "*.layer.0.attention.self.query")
    model: Any = get_peft_model(base, QCompileConfig(spec=spec))
    with pytest.raises(QCompileError, match="the bias is shared"):
        model.merge_adapter()


def moved(model: nn.Module) -> None:
    """Move every tensor of the adapters away from its start."""
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "qcompile_core" in name:
                parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator))


def test_conv1d_of_gpt2_is_a_linear_map() -> None:
    config = QCompileConfig(spec=LORA, target_modules=["c_attn"])
    model = get_peft_model(gpt2(), config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.add_(0.05)
    found = logits(model)
    torch.testing.assert_close(logits(model.merge_and_unload()), found, rtol=1e-4, atol=1e-5)


def test_transformers_own_integration_saves_and_loads(tmp_path: Path) -> None:
    model: Any = llama()
    model.add_adapter(QCompileConfig(spec=LORA))
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.add_(0.05)
    found = logits(model)
    model.save_pretrained(str(tmp_path))
    again: Any = llama()
    again.load_adapter(str(tmp_path))
    assert torch.equal(logits(again), found)
