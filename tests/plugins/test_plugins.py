"""A model trains through the plugin of each program as it does through peft."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from peft import get_peft_model
from torch import nn

from qcompile.diagnostics import AdapterError
from qcompile.peft import QCompileConfig
from tests.adapter.models import llama, logits, outputs
from tests.peft.specs import EXAMPLES
from tests.plugins.programs import Cfg, plugin

# peft asks transformers under names that transformers 6 will drop.
pytestmark = pytest.mark.filterwarnings(
    "ignore:.*gradient_checkpointing.* is deprecated:FutureWarning"
)

SPEC = str(EXAMPLES / "qtha.qa")
BLOCK: dict[str, Any] = {"spec": SPEC, "parameters": {"rank": 3}}


def trained(model: nn.Module) -> nn.Module:
    tensors = [tensor for tensor in model.parameters() if tensor.requires_grad]
    optimiser = torch.optim.SGD(tensors, lr=0.5)
    for _ in range(2):
        optimiser.zero_grad()
        outputs(model).loss.backward()
        optimiser.step()
    return model


@pytest.fixture(scope="module")
def expected() -> torch.Tensor:
    """What the same adapter gives, made and trained without a plugin."""
    return logits(trained(get_peft_model(llama(), QCompileConfig(**BLOCK))))


@pytest.fixture
def axolotl(monkeypatch: pytest.MonkeyPatch) -> Any:
    return plugin(monkeypatch, "axolotl")


@pytest.fixture
def llama_factory(monkeypatch: pytest.MonkeyPatch) -> Any:
    module = plugin(monkeypatch, "llama_factory")
    module.register_method()
    return module


def test_axolotl_trains_saves_and_goes_on(
    axolotl: Any, expected: torch.Tensor, tmp_path: Path
) -> None:
    made = axolotl.QCompilePlugin()
    cfg = Cfg(adapter="qcompile", qcompile=BLOCK, lora_dropout=0.0)
    made.pre_model_load(cfg)
    assert [it.name for it in made.get_adapter_capabilities()] == ["qcompile"]
    model, config = made.load_adapter(llama(), cfg)
    assert isinstance(config, QCompileConfig)
    assert config.task_type == "CAUSAL_LM"
    assert torch.equal(logits(trained(model)), expected)
    assert [type(it).__name__ for it in made.add_callbacks_pre_trainer(cfg, model)] == [
        "TrainClauses"
    ]

    model.save_pretrained(tmp_path)
    cfg = Cfg(adapter="qcompile", lora_model_dir=str(tmp_path))
    made.pre_model_load(cfg)
    again, config = made.load_adapter(llama(), cfg)
    assert torch.equal(logits(again), expected)
    assert any(tensor.requires_grad for tensor in again.parameters())
    used, _ = made.load_adapter(llama(), cfg, inference=True)
    assert not any(tensor.requires_grad for tensor in used.parameters())
    assert made.load_adapter(None, cfg, config_only=True)[1].plan == config.plan


def test_axolotl_takes_the_configuration_alone_for_trainers_that_attach(axolotl: Any) -> None:
    made = axolotl.QCompilePlugin()
    cfg = Cfg(adapter="qcompile", qcompile=BLOCK, rl="dpo")
    model, config = made.load_adapter(None, cfg, config_only=True)
    assert model is None
    assert config.parameters == {"rank": 3}


def test_axolotl_keeps_other_adapters(axolotl: Any) -> None:
    made = axolotl.QCompilePlugin()
    cfg = Cfg(adapter="lora", lora_r=8)
    made.pre_model_load(cfg)
    assert made.load_adapter(llama(), cfg) is None
    assert made.add_callbacks_pre_trainer(cfg, None) == []


def test_axolotl_reads_the_block_as_a_setting(axolotl: Any) -> None:
    module, _, name = axolotl.QCompilePlugin().get_input_args().rpartition(".")
    assert module == "qcompile.plugins.axolotl"
    assert getattr(axolotl, name)(qcompile=BLOCK).qcompile == BLOCK


@pytest.mark.parametrize(
    ("settings", "codes"),
    [
        ({}, ["QA7401"]),
        ({"qcompile": {"parameters": {"rank": 3}}}, ["QA7401"]),
        ({"qcompile": {**BLOCK, "rank": 3, "targets": "x"}}, ["QA7402", "QA7402"]),
        ({"qcompile": {**BLOCK, "plan": "{}"}}, ["QA7402"]),
        ({"qcompile": {**BLOCK, "seed": "one"}}, ["QA6211"]),
        ({"qcompile": BLOCK, "lora_r": 8, "load_in_4bit": True}, ["QA7403", "QA7403"]),
    ],
)
def test_axolotl_refuses_before_a_model_is_loaded(
    axolotl: Any, settings: dict[str, Any], codes: list[str]
) -> None:
    with pytest.raises(AdapterError) as caught:
        axolotl.QCompilePlugin().pre_model_load(Cfg(adapter="qcompile", **settings))
    assert [message.code for message in caught.value.diagnostics] == codes


def test_llama_factory_trains_saves_and_goes_on(
    llama_factory: Any, expected: torch.Tensor, tmp_path: Path
) -> None:
    call = llama_factory.PeftPlugin("qcompile")
    model = call(llama(), {"name": "qcompile", **BLOCK}, True)
    assert torch.equal(logits(trained(model)), expected)
    model.save_pretrained(tmp_path)
    saved = {"name": "qcompile", "adapter_name_or_path": str(tmp_path)}
    for training in (True, False):
        again = call(llama(), saved, training)
        assert torch.equal(logits(again), expected)
        assert any(tensor.requires_grad for tensor in again.parameters()) == training


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({}, "QA7401"),
        ({**BLOCK, "r": 8}, "QA7402"),
        ({"spec": str(EXAMPLES / "sora.qa")}, "QA7404"),
    ],
)
def test_llama_factory_refuses(llama_factory: Any, settings: dict[str, Any], code: str) -> None:
    with pytest.raises(AdapterError) as caught:
        llama_factory.PeftPlugin("qcompile")(llama(), {"name": "qcompile", **settings}, True)
    assert [message.code for message in caught.value.diagnostics] == [code]
