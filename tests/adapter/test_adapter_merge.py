"""Merging is exact where the update is linear in x, and refused everywhere else."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from qcompile.adapter import attach, merge
from qcompile.adapter.lora import lora_of
from qcompile.diagnostics.errors import AdapterError
from qcompile.ir.target import Target
from tests.adapter.models import (
    MODELS,
    circuit,
    compiled,
    llama,
    logits,
    low_rank,
    renamed,
    same,
    snapshot,
    trained,
)

DOUBLE = Target(name="simulator", dtype="float64")


@pytest.mark.parametrize("name", MODELS)
def test_merged_model_equals_attached_model(name: str) -> None:
    make, endings = MODELS[name]
    model = make().double()
    base = snapshot(model)
    modules = dict(model.named_modules())
    adapter = trained(compiled(model, endings, low_rank, DOUBLE))
    attach(model, adapter)
    expected = logits(model)
    assert merge(model) is model
    assert torch.allclose(logits(model), expected, rtol=0, atol=1e-12)
    assert dict(model.named_modules()) == modules
    changed = {n for n, tensor in model.state_dict().items() if not torch.equal(tensor, base[n])}
    assert changed == {f"{site.module}.weight" for site in adapter.sites}
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_several_adapters_merge_together() -> None:
    model = llama().double()
    attach(model, trained(compiled(model, ("q_proj",), low_rank, DOUBLE)))
    attach(model, trained(compiled(model, ("q_proj",), renamed(low_rank, "more"), DOUBLE)))
    expected = logits(model)
    assert torch.allclose(logits(merge(model)), expected, rtol=0, atol=1e-12)


def test_replacement_merges_with_the_bias_gone() -> None:
    model = nn.Sequential(nn.Linear(6, 5)).double()
    adapter = trained(compiled(model, ("0",), renamed(low_rank, "instead", "replace"), DOUBLE))
    attach(model, adapter)
    x = torch.randn(4, 6, dtype=torch.float64)
    expected = model(x)
    merge(model)
    assert torch.allclose(model(x), expected, atol=1e-13)
    assert not model.get_parameter("0.bias").any()


def test_weights_are_rounded_once() -> None:
    model = llama().to(torch.bfloat16)
    name = "model.layers.0.self_attn.q_proj"
    weight = model.get_parameter(f"{name}.weight").detach().double()
    adapter = trained(compiled(model, ("q_proj",), low_rank))
    attach(model, adapter)
    delta = adapter[name].merge_weight()
    merge(model)
    expected = (weight + delta).to(torch.bfloat16)
    assert torch.equal(model.get_parameter(f"{name}.weight"), expected)


def _integers(model: nn.Module) -> None:
    weight = model.get_parameter("model.layers.1.self_attn.q_proj.weight")
    weight.requires_grad_(False)
    weight.data = torch.zeros(weight.shape, dtype=torch.int8)


def _meta(model: nn.Module) -> None:
    module = model.get_submodule("model.layers.1.self_attn.q_proj")
    module.weight = nn.Parameter(torch.empty(32, 32, device="meta"))


def _tied(model: nn.Module) -> None:
    module = model.get_submodule("model.layers.1.self_attn.q_proj")
    module.weight = model.get_parameter("model.layers.1.self_attn.o_proj.weight")


class Packed(nn.Parameter):
    """A parameter with a layout of its own, as quantisation libraries have."""


def _packed(model: nn.Module) -> None:
    module = model.get_submodule("model.layers.1.self_attn.q_proj")
    module.weight = Packed(torch.zeros(32, 32))


REASONS: dict[str, tuple[Callable[[nn.Module], None], str]] = {
    "quantised": (_integers, "int8"),
    "meta": (_meta, "meta device"),
    "tied": (_tied, "shared with another module"),
    "packed": (_packed, "Packed"),
}


@pytest.mark.parametrize("case", REASONS)
def test_weights_that_cannot_take_an_update(case: str) -> None:
    damage, reason = REASONS[case]
    model = llama()
    damage(model)
    attach(model, trained(compiled(model, ("q_proj",), low_rank)))
    before = snapshot(model)
    with pytest.raises(AdapterError, match=reason) as caught:
        merge(model)
    (found,) = caught.value.diagnostics
    assert found.code == "QA6006" and "layers.1" in found.title
    assert "leave this module out" in str(caught.value)
    after = snapshot(model)
    assert list(after) == list(before)
    assert all(torch.equal(after[n], before[n]) for n in after if after[n].device.type != "meta")


def test_circuits_cannot_be_merged_and_nothing_changes() -> None:
    model = llama()
    attach(model, trained(compiled(model, ("v_proj",), low_rank)))
    attach(model, trained(compiled(model, ("q_proj",), circuit)))
    before = snapshot(model)
    with pytest.raises(AdapterError, match="not a linear map") as caught:
        merge(model)
    assert [d.code for d in caught.value.diagnostics] == ["QA6006", "QA6006"]
    assert same(snapshot(model), before)


def test_long_work_says_what_it_does() -> None:
    model = llama()
    adapter = trained(compiled(model, ("q_proj",), low_rank))
    names = [site.module for site in adapter.sites]
    count = len(names)
    said: list[str] = []
    lora_of(adapter, 2, progress=said.append)
    assert said == [f"factorise {m} ({k} of {count})" for k, m in enumerate(names, 1)]
    said.clear()
    merge(attach(model, adapter), progress=said.append)
    assert said == [f"merge {m} ({k} of {count})" for k, m in enumerate(names, 1)]
