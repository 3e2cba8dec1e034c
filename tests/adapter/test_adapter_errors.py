"""What cannot be attached is said, all at once, and the model stays as it was."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from qcompile.adapter import CompiledAdapter, attach, attached, detach, disabled, merge
from qcompile.adapter.adapted import AdaptedModule
from qcompile.diagnostics.errors import AdapterError, ArtifactError
from tests.adapter.models import compiled, gpt2, llama, low_rank, same, snapshot


def refused(model: nn.Module, adapter: CompiledAdapter) -> tuple[str, ...]:
    before = snapshot(model)
    modules = dict(model.named_modules())
    flags = [p.requires_grad for p in model.parameters()]
    with pytest.raises(AdapterError) as caught:
        attach(model, adapter)
    assert same(snapshot(model), before)
    assert dict(model.named_modules()) == modules
    assert [p.requires_grad for p in model.parameters()] == flags
    return tuple(diagnostic.code for diagnostic in caught.value.diagnostics)


def test_another_architecture_lacks_the_modules() -> None:
    adapter = compiled(llama(), ("q_proj", "v_proj"), low_rank)
    assert refused(gpt2(), adapter) == ("QA6001",)


def test_another_size_is_named() -> None:
    adapter = compiled(llama(), ("gate_proj",), low_rank)
    other = llama()
    other.get_submodule("model.layers.1.mlp").gate_proj = nn.Linear(32, 40, bias=False)
    assert refused(other, adapter) == ("QA6002",)


def test_another_kind_is_named() -> None:
    adapter = compiled(llama(), ("q_proj",), low_rank)
    other = llama()
    other.get_submodule("model.layers.0.self_attn").q_proj = nn.LayerNorm(32)
    assert refused(other, adapter) == ("QA6003",)


def test_same_name_twice_is_refused_and_the_first_stays() -> None:
    model = llama()
    adapter = compiled(model, ("q_proj",), low_rank)
    attach(model, adapter)
    assert refused(model, adapter) == ("QA6004",)
    assert refused(model, compiled(llama(), ("q_proj", "v_proj"), low_rank)) == ("QA6004",)
    assert attached(model) == (adapter,)


def test_one_module_under_two_names_takes_an_adapter_once() -> None:
    adapter = compiled(nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4)), ("0", "1"), low_rank)
    layer = nn.Linear(4, 4)
    assert refused(nn.Sequential(layer, layer), adapter) == ("QA6004",)


def test_model_without_adapter() -> None:
    for action in (detach, merge, attached):
        with pytest.raises(AdapterError) as caught:
            action(llama())
        assert caught.value.diagnostics[0].code == "QA6005"
    with pytest.raises(AdapterError), disabled(llama()):
        pass


def test_disabling_ends_with_the_block_whatever_happens() -> None:
    model = llama()
    attach(model, compiled(model, ("q_proj",), low_rank))
    with pytest.raises(KeyError), disabled(model):
        raise KeyError
    wrapper = model.get_submodule("model.layers.0.self_attn.q_proj")
    assert isinstance(wrapper, AdaptedModule) and wrapper.switch.now().weights


def test_missing_file() -> None:
    model = llama()
    before = snapshot(model)
    with pytest.raises(ArtifactError):
        attach(model, Path("no such adapter.pt"))
    assert same(snapshot(model), before)


def test_parts_are_found_by_name() -> None:
    adapter = compiled(llama(), ("q_proj",), low_rank)
    part = adapter["model.layers.1.self_attn.q_proj"]
    assert part(torch.zeros(2, 3, 32)).shape == (2, 3, 32)
    with pytest.raises(AdapterError, match="did you mean") as caught:
        adapter["model.layers.1.self_attn.k_proj"]
    assert caught.value.diagnostics[0].code == "QA6007"
    with pytest.raises(AdapterError) as several:
        adapter(torch.zeros(2, 32))
    assert several.value.diagnostics[0].code == "QA6008"


@pytest.mark.parametrize("shape", [(), (5,), (2, 64), (32, 2)])
def test_input_of_another_width_is_named(shape: tuple[int, ...]) -> None:
    part = compiled(llama(), ("q_proj",), low_rank)["model.layers.0.self_attn.q_proj"]
    with pytest.raises(AdapterError) as caught:
        part(torch.zeros(shape))
    assert caught.value.diagnostics[0].code == "QA6010"
