"""Folders that peft writes for methods of its own, converted: the same outputs without peft."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import peft
import pytest
import torch
from safetensors.torch import load_file, save_file

import qcompile
from qcompile.cli import main
from qcompile.diagnostics.errors import QCompileError
from qcompile.driver.from_peft import adapter_from_peft
from tests.adapter.models import TOKENS, llama

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated")

TARGETS = ["q_proj", "v_proj"]

METHODS: dict[str, Callable[[], peft.PeftConfig]] = {
    "lora": lambda: peft.LoraConfig(r=4, lora_alpha=6, target_modules=TARGETS, lora_dropout=0.1),
    "lora_patterns": lambda: peft.LoraConfig(
        r=4,
        lora_alpha=6,
        target_modules=TARGETS,
        rank_pattern={"layers.1.self_attn.q_proj": 2},
        alpha_pattern={"v_proj": 5},
    ),
    "lora_one_layer": lambda: peft.LoraConfig(r=2, target_modules=TARGETS, layers_to_transform=[1]),
    "rslora": lambda: peft.LoraConfig(r=4, target_modules=TARGETS, use_rslora=True),
    "dora": lambda: peft.LoraConfig(r=4, lora_alpha=6, target_modules=TARGETS, use_dora=True),
    "adalora": lambda: peft.AdaLoraConfig(init_r=4, target_modules=TARGETS, total_step=10),
    "ia3": lambda: peft.IA3Config(
        target_modules=["k_proj", "down_proj"], feedforward_modules=["down_proj"]
    ),
    "vera": lambda: peft.VeraConfig(r=4, target_modules=TARGETS, vera_dropout=0.1),
    "hira": lambda: peft.HiraConfig(r=4, target_modules=TARGETS),
    "loha": lambda: peft.LoHaConfig(r=4, alpha=6, target_modules=TARGETS),
    "lokr": lambda: peft.LoKrConfig(r=2, alpha=6, target_modules=TARGETS),
    "lokr_both": lambda: peft.LoKrConfig(
        r=1, alpha=6, target_modules=TARGETS, decompose_both=True, decompose_factor=4
    ),
    "hra": lambda: peft.HRAConfig(r=4, target_modules=TARGETS),
    "c3a": lambda: peft.C3AConfig(block_size=16, target_modules=TARGETS),
    "miss": lambda: peft.MissConfig(r=4, target_modules=TARGETS),
    "oft": lambda: peft.OFTConfig(
        r=0, oft_block_size=8, target_modules=TARGETS, use_cayley_neumann=False
    ),
}

NEED_THE_MODEL = {"ia3", "vera", "hra", "miss", "oft"}


def saved(config: peft.PeftConfig, folder: Path) -> torch.Tensor:
    """What peft's model computes with random tensors, which stand in the folder."""
    model: Any = peft.get_peft_model(llama(), config).eval()
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.requires_grad and "ranknum" not in name:
                parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator))
        found: torch.Tensor = model(input_ids=TOKENS).logits
    model.save_pretrained(str(folder))
    return found


@pytest.fixture
def config_json(tmp_path: Path) -> str:
    model: Any = llama()
    model.config.save_pretrained(str(tmp_path))
    return str(tmp_path / "config.json")


@pytest.mark.parametrize("name", METHODS)
def test_outputs_are_those_of_peft(name: str, tmp_path: Path, config_json: str) -> None:
    expected = saved(METHODS[name](), tmp_path / "theirs")
    folder, output = str(tmp_path / "theirs"), str(tmp_path / "ours.pt")
    if name in NEED_THE_MODEL:
        with pytest.raises(QCompileError, match="QA6227"):
            adapter_from_peft(folder)
    model = ["--model", config_json] if name in NEED_THE_MODEL else []
    assert main(["convert", folder, output, *model]) == 0
    adapted = qcompile.attach(llama(), output)
    with torch.no_grad():
        found = adapted(input_ids=TOKENS).logits
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=1e-5)
    assert not torch.allclose(found, llama()(input_ids=TOKENS).logits, atol=1e-3)


def test_modules_of_all_layers_are_one_pattern(tmp_path: Path) -> None:
    saved(METHODS["lora"](), tmp_path)
    source = adapter_from_peft(tmp_path).manifest.sources[0].text
    assert '"model.layers.*.self_attn.q_proj", "model.layers.*.self_attn.v_proj"' in source


def changed(folder: Path, **entries: Any) -> None:
    path = folder / "adapter_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | entries))


@pytest.mark.parametrize(
    ("entries", "code"),
    [
        ({"bias": "all"}, "QA6225"),
        ({"modules_to_save": ["lm_head"]}, "QA6225"),
        ({"init_lora_weights": "pissa"}, "QA6225"),
        ({"use_qalora": True}, "QA6225"),
        ({"a_setting_of_tomorrow": 3}, "QA6225"),
        ({"peft_type": "SHIRA"}, "QA6223"),
        ({"peft_type": 3}, "QA5011"),
    ],
)
def test_what_is_not_converted_is_named(entries: dict[str, Any], code: str, tmp_path: Path) -> None:
    saved(METHODS["lora"](), tmp_path)
    changed(tmp_path, **entries)
    with pytest.raises(QCompileError, match=code) as caught:
        adapter_from_peft(tmp_path)
    if code == "QA6225":
        assert next(iter(entries)) in str(caught.value)


@pytest.mark.parametrize("change", ["missing", "extra", "misshapen"])
def test_tensors_are_those_of_the_method(change: str, tmp_path: Path) -> None:
    saved(METHODS["lora"](), tmp_path)
    path = tmp_path / "adapter_model.safetensors"
    tensors = load_file(path)
    first = next(iter(tensors))
    if change == "missing":
        del tensors[first]
    elif change == "extra":
        tensors[first.replace("lora_A.weight", "lora_C.weight")] = torch.ones(2)
    else:
        tensors[first] = torch.ones(3, 3)
    save_file(tensors, path)
    with pytest.raises(QCompileError, match="QA5009"):
        adapter_from_peft(tmp_path)


@pytest.mark.filterwarnings("ignore:(PiSSA|OLoRA) changes the base weights")
@pytest.mark.parametrize("init", ["pissa", "olora"])
def test_starts_that_change_the_base_are_read_once_peft_has_converted_them(
    init: Any, tmp_path: Path
) -> None:
    config = peft.LoraConfig(r=4, lora_alpha=6, target_modules=TARGETS, init_lora_weights=init)
    model: Any = peft.get_peft_model(llama(), config).eval()
    # As peft's own documentation does it.
    model.peft_config["default"].init_lora_weights = True
    model.save_pretrained(str(tmp_path / "start"))
    model.peft_config["default"].init_lora_weights = init
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator))
        expected = model(input_ids=TOKENS).logits
    model.save_pretrained(str(tmp_path / "changed"))
    with pytest.raises(QCompileError, match="QA6225"):
        adapter_from_peft(tmp_path / "changed")
    start = str(tmp_path / "start")
    model.save_pretrained(str(tmp_path / "plain"), path_initial_model_for_weight_conversion=start)
    base = llama().eval()
    qcompile.attach(base, adapter_from_peft(tmp_path / "plain").eval())
    with torch.no_grad():
        found = base(input_ids=TOKENS).logits
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
