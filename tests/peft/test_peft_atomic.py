"""After an error the model is what it was: modules, gradient flags, outputs, further adapters."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel, get_peft_model
from safetensors.torch import load_file, save_file
from torch import nn

import qcompile
from qcompile.backends.simulator.module import build_module
from qcompile.diagnostics.errors import QCompileError
from qcompile.peft import QCompileConfig, QCompileLayer, load
from tests.adapter.models import gpt2, llama, logits, same, snapshot
from tests.peft.specs import EXAMPLES, LORA, SHARED

# peft asks transformers under a name that transformers 6 will drop.
pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated")

SETTINGS: dict[str, tuple[dict[str, Any], str]] = {
    "parameter": ({"parameters": {"rnk": 2}}, "QA2052"),
    "parameters": ({"parameters": ["rank=2"]}, "QA6211.*`parameters`"),
    "value": ({"parameters": {"rank": None}}, "QA6211.*`parameters`"),
    "target": ({"target": "grid(2, 2)x"}, "QA0021"),
    "level": ({"optimisation": 9}, "QA6211.*`optimisation`.*not 9"),
    "level as text": ({"optimisation": "2"}, "QA6211.*`optimisation`.*not '2'"),
    "tokens": ({"tokens": 0}, "QA6211.*`tokens`.*not 0"),
    "seed": ({"seed": "a"}, "QA6211.*`seed`.*not 'a'"),
    "saved as text": ({"modules_to_save": "lm_head"}, "QA6211.*`modules_to_save`"),
    "saved": ({"modules_to_save": ["lm_haed"]}, r"QA6212.*`lm_haed`[\s\S]*did you mean `lm_head`"),
    "expression": ({"target_modules": "(q_proj"}, "QA6211.*`target_modules`.*unterminated"),
    "kind": ({"target_modules": ["input_layernorm"]}, "QA6201"),
    "layers": ({"layers_to_transform": [9]}, "QA6201"),
    "layers as text": ({"layers_to_transform": ["1"]}, "QA6211.*`layers_to_transform`"),
    "pattern": ({"layers_to_transform": [0], "layers_pattern": "lyers"}, "QA6201.*layers_pattern"),
    "pattern alone": ({"layers_pattern": "layers"}, "QA6211.*`layers_pattern`"),
    "spec": ({"spec": "qa 1\nadapter a() {"}, "QA1"),
    "pattern of spec": ({"spec": Path(LORA).read_text().replace("self_attn", "attn")}, "QA3"),
}


def state(model: nn.Module) -> tuple[list[str], dict[str, bool], set[str]]:
    return (
        [f"{name}: {type(module).__name__}" for name, module in model.named_modules()],
        {name: parameter.requires_grad for name, parameter in model.named_parameters()},
        set(vars(model)),
    )


def check_refused(model: Any, call: Callable[[], object], match: str) -> None:
    """The call fails with the message, and nothing of the model differs afterwards."""
    before, tensors, found = state(model), snapshot(model), logits(model)
    with pytest.raises(QCompileError, match=match):
        call()
    assert state(model) == before
    assert same(snapshot(model), tensors) and torch.equal(logits(model), found)


@pytest.mark.parametrize("name", SETTINGS)
def test_wrong_settings_leave_the_model_alone(name: str) -> None:
    settings, match = SETTINGS[name]
    model = llama()
    model.lm_head.requires_grad_(False)
    check_refused(
        model, lambda: get_peft_model(model, QCompileConfig(**{"spec": LORA, **settings})), match
    )
    get_peft_model(model, QCompileConfig(spec=LORA))


def test_a_prefix_that_fails_half_way_leaves_no_hook() -> None:
    model = llama()
    config = QCompileConfig(spec=str(EXAMPLES / "prefix_tuning.qa"))
    put = "qcompile.peft.prefix.QCompilePrefix.put"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(put, lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            get_peft_model(model, config)
    assert all(not module._forward_pre_hooks for module in model.modules())
    get_peft_model(model, config)


def test_a_failing_second_adapter_leaves_the_first_alone() -> None:
    model = get_peft_model(llama(), QCompileConfig(spec=LORA))
    wrong = QCompileConfig(spec=LORA, target_modules=["nothing"])
    check_refused(model, lambda: model.add_adapter("other", wrong), "QA6201")
    assert list(model.peft_config) == ["default"]
    model.add_adapter("other", QCompileConfig(spec=LORA))


def test_whatever_fails_in_the_middle_is_undone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also faults that nobody foresaw: here the third module cannot be built."""
    built = []

    def fail(*arguments: Any, **named: Any) -> Any:
        built.append(arguments)
        if len(built) == 3:
            raise MemoryError
        return build_module(*arguments, **named)

    first = llama()
    second = get_peft_model(llama(), QCompileConfig(spec=LORA))
    monkeypatch.setattr("qcompile.peft.model.build_module", fail)
    for model, call in (
        (first, lambda: get_peft_model(first, QCompileConfig(spec=LORA))),
        (second, lambda: second.add_adapter("other", QCompileConfig(spec=LORA))),
    ):
        built.clear()
        before = state(model)
        with pytest.raises(MemoryError):
            call()
        assert len(built) == 3 and state(model) == before


def test_transformers_adds_an_adapter_after_one_that_failed(tmp_path: Path) -> None:
    model: Any = llama()
    wrong = QCompileConfig(spec=LORA, target_modules=["nothing"])
    check_refused(model, lambda: model.add_adapter(wrong), "QA6201")
    model.save_pretrained(str(tmp_path))
    model.add_adapter(QCompileConfig(spec=LORA))
    with pytest.warns(UserWarning, match="Already found"):
        check_refused(model, lambda: model.add_adapter(wrong, "other"), "QA6201")
    assert list(model.peft_config) == ["default"]


def damaged(folder: Path, damage: str) -> Path:
    """A copy of a saved adapter that lacks a tensor, has one more, or one of another shape."""
    file = folder / "adapter_model.safetensors"
    tensors = load_file(file)
    first = next(key for key in tensors if ".a." in key)
    match damage:
        case "missing":
            del tensors[first]
        case "foreign":
            tensors[first.replace(".a.", ".z.")] = tensors[first].clone()
        case _:
            tensors[first] = tensors[first][:, :-1].contiguous()
    save_file(tensors, file)
    return folder


DAMAGES = {
    "missing": "is missing",
    "foreign": "is not part of the plan",
    "narrow": r"has shape \(8, 31\), not \(8, 32\)",
}


@pytest.mark.parametrize("low", [False, True])
@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_tensors_leave_the_model_alone(damage: str, low: bool, tmp_path: Path) -> None:
    saved = get_peft_model(llama(), QCompileConfig(spec=LORA, modules_to_save=["lm_head"]))
    saved.save_pretrained(str(tmp_path))
    folder = str(damaged(tmp_path, damage))
    match = f"QA5009.*{DAMAGES[damage]}"
    model = llama()
    for call in (
        lambda: PeftModel.from_pretrained(model, folder, low_cpu_mem_usage=low),
        lambda: load(model, folder),
    ):
        check_refused(model, call, match)
    other = get_peft_model(llama(), QCompileConfig(spec=LORA))
    check_refused(other, lambda: other.load_adapter(folder, "second"), match)
    assert list(other.peft_config) == ["default"]


def test_a_trained_adapter_survives_a_damaged_reload(tmp_path: Path) -> None:
    """As when a trainer goes back to a checkpoint: the adapter is there already."""
    model = get_peft_model(llama(), QCompileConfig(spec=LORA))
    model.save_pretrained(str(tmp_path))
    folder = str(damaged(tmp_path, "missing"))
    check_refused(model, lambda: model.load_adapter(folder, "default"), "QA5009.*is missing")


def test_adapters_of_other_models_leave_the_model_alone(tmp_path: Path) -> None:
    get_peft_model(llama(), QCompileConfig(spec=LORA)).save_pretrained(str(tmp_path))
    for other, match in ((gpt2(), "QA6001"), (llama(head_dim=16), "QA6002")):
        for call in (
            lambda model=other: PeftModel.from_pretrained(model, str(tmp_path)),
            lambda model=other: load(model, tmp_path),
            lambda model=other: model.load_adapter(str(tmp_path)),
            lambda model=other: qcompile.attach(model, tmp_path),
        ):
            check_refused(other, call, match)


def test_a_saved_setting_that_nobody_knows_is_named(tmp_path: Path) -> None:
    get_peft_model(llama(), QCompileConfig(spec=LORA)).save_pretrained(str(tmp_path))
    file = tmp_path / "adapter_config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "rnak": 3}))
    with pytest.warns(UserWarning, match="Unexpected keyword arguments.*rnak"):
        load(llama(), tmp_path)


def test_layers_are_counted_behind_their_pattern() -> None:
    class Stage(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers = nn.ModuleList(
                nn.ModuleDict({"self_attn": nn.ModuleDict({"q_proj": nn.Linear(4, 4)})})
                for _ in range(2)
            )

    def chosen(**settings: Any) -> set[str]:
        model = nn.ModuleDict({"stages": nn.ModuleList([Stage(), Stage()])})
        adapted = get_peft_model(model, QCompileConfig(spec=LORA, **settings))
        return {layer.site for layer in adapted.modules() if isinstance(layer, QCompileLayer)}

    names = "stages.{}.layers.{}.self_attn.q_proj"
    every = {names.format(stage, layer) for stage in (0, 1) for layer in (0, 1)}
    assert chosen() == every
    first = {"layers_to_transform": 1}
    assert chosen(**first) == {names.format(1, 0), names.format(1, 1)}
    for targets in ({}, {"target_modules": ["q_proj"]}, {"target_modules": ".*q_proj"}):
        deep = chosen(**first, **targets, layers_pattern="layers")
        assert deep == {names.format(0, 1), names.format(1, 1)}


def test_adapters_that_transformers_adds_share_their_tensors() -> None:
    """Whether or not a module had an adapter before."""
    model: Any = llama()
    model.add_adapter(QCompileConfig(spec=LORA, target_modules=["q_proj"]))
    with pytest.warns(UserWarning, match="Already found"):
        model.add_adapter(QCompileConfig(spec=SHARED), "shared")
    for kept in (model, copy.deepcopy(model)):
        named = kept.named_parameters(remove_duplicate=False)
        found = [p for n, p in named if n.endswith("shared.small.b.weight")]
        assert len(found) == 4 and len({id(p) for p in found}) == 1
