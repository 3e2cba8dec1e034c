"""A folder with tensors that are not the adapter's is refused by every way of loading it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import AutoPeftModelForCausalLM, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

import qcompile
import qcompile.peft
from qcompile.cli import main
from qcompile.diagnostics.errors import ArtifactError, QCompileError
from qcompile.peft import QCompileConfig
from tests.peft.models import base, logits, train
from tests.peft.specs import LORA

pytestmark = pytest.mark.filterwarnings(
    "ignore:`is_gradient_checkpointing` is deprecated", "ignore:Already found a `peft_config`"
)

EXTRAS = ("base_model.model.model.norm.weight", "foo", "base_model.model.lm_head.weight")


def write(folder: Path, change: Callable[[dict[str, Any]], None], **options: Any) -> torch.Tensor:
    """A saved adapter whose tensors were changed; its outputs before."""
    base("llama").save_pretrained(folder / "base")
    bare = AutoModelForCausalLM.from_pretrained(folder / "base")
    model = get_peft_model(bare, QCompileConfig(spec=LORA, task_type="CAUSAL_LM", **options))
    train(model)
    model.save_pretrained(str(folder / "adapter"))
    file = folder / "adapter" / "adapter_model.safetensors"
    tensors = load_file(file)
    change(tensors)
    save_file(tensors, file, {"format": "pt"})
    return logits(model)


@pytest.mark.parametrize("key", EXTRAS)
def test_an_extra_tensor_is_an_error_everywhere(key: str, tmp_path: Path) -> None:
    write(tmp_path, lambda tensors: tensors.update({key: torch.full((32,), 7.0)}))
    folder = str(tmp_path / "adapter")
    before = logits(base("llama"))
    modules = [name for name, _ in base("llama").named_modules()]

    loaders: list[Callable[[Any], Any]] = [
        lambda model: PeftModel.from_pretrained(model, folder),
        lambda model: PeftModel.from_pretrained(model, folder, low_cpu_mem_usage=True),
        lambda model: qcompile.peft.load(model, folder),
        lambda model: model.load_adapter(folder),
        lambda model: qcompile.attach(model, qcompile.load(folder)),
    ]
    for load in loaders:
        model: Any = base("llama")
        with pytest.raises(ArtifactError, match=rf"QA5009.*{key}"):
            load(model)
        assert torch.equal(logits(model), before)
        assert [name for name, _ in model.named_modules()] == modules
    for auto in (AutoPeftModelForCausalLM, AutoModelForCausalLM):
        with pytest.raises(ArtifactError, match="QA5009"):
            auto.from_pretrained(folder)
    assert main(["convert", f"{folder}/", str(tmp_path / "a.pt")]) != 0
    assert not (tmp_path / "a.pt").exists()


@pytest.mark.parametrize("name", ["default", "second"])
def test_an_extra_tensor_is_an_error_beside_another_adapter(name: str, tmp_path: Path) -> None:
    write(tmp_path, lambda tensors: tensors.update({EXTRAS[0]: torch.full((32,), 7.0)}))
    model: Any = get_peft_model(base("llama"), QCompileConfig(spec=LORA))
    before = logits(model)
    with pytest.raises(ArtifactError, match="QA5009"):
        model.load_adapter(str(tmp_path / "adapter"), adapter_name=name)
    assert list(model.peft_config) == ["default"]
    assert torch.equal(logits(model), before)


def test_tensors_of_saved_modules_are_no_extras(tmp_path: Path) -> None:
    after = write(tmp_path, lambda tensors: None, modules_to_save=["lm_head"])
    folder = str(tmp_path / "adapter")
    assert torch.equal(logits(qcompile.peft.load(base("llama"), folder)), after)
    model: Any = get_peft_model(base("llama"), QCompileConfig(spec=LORA))
    model.load_adapter(folder, adapter_name="second")
    model.set_adapter("second")
    assert torch.equal(logits(model), after)
    plain: Any = base("llama")
    plain.load_adapter(folder)
    assert torch.equal(logits(plain), after)
    model.load_adapter(folder, adapter_name="third")
    model.set_adapter("third")
    assert torch.equal(logits(model), after)


def test_a_saved_module_without_its_tensor_is_an_error(tmp_path: Path) -> None:
    def drop(tensors: dict[str, Any]) -> None:
        del tensors["base_model.model.lm_head.weight"]

    write(tmp_path, drop, modules_to_save=["lm_head"])
    model = base("llama")
    with pytest.raises(QCompileError, match=r"QA5009.*lm_head.*missing"):
        qcompile.peft.load(model, tmp_path / "adapter")
    assert torch.equal(logits(model), logits(base("llama")))
