"""Merging is exact where the update is linear in x, and refused everywhere else."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch.nn.utils import prune

import qcompile
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
    assert [d.code for d in caught.value.diagnostics] == ["QA6006"]
    assert "model.layers.1.self_attn.q_proj" in str(caught.value)
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


class Scaled(nn.Linear):
    """A weight that is not the whole map."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return 3.0 * super().forward(x)


class Twice(nn.Linear):
    """A subclass with a forward of its own that is the same map."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.matmul(x, self.weight.T).add(self.bias)


class Property(nn.Module):
    """A weight that is put together whenever it is read."""

    def __init__(self) -> None:
        super().__init__()
        self.in_features = self.out_features = 6
        self.halves = nn.Parameter(torch.ones(2, 6, 3))

    @property
    def weight(self) -> torch.Tensor:
        return torch.cat(tuple(self.halves), 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x @ self.weight.T


def hooked(layer: nn.Module) -> nn.Module:
    layer.register_forward_hook(lambda _module, _inputs, output: output.tanh())
    return layer


RECOMPUTED: dict[str, tuple[Callable[[nn.Module], nn.Module], str]] = {
    "weight_norm": (nn.utils.parametrizations.weight_norm, "original0"),
    "old weight_norm": (lambda layer: _old(nn.utils.weight_norm, layer), "weight_g"),
    "spectral_norm": (nn.utils.parametrizations.spectral_norm, "original"),
    "old spectral_norm": (lambda layer: nn.utils.spectral_norm(layer), "weight_orig"),
    "orthogonal": (nn.utils.parametrizations.orthogonal, "original"),
    "pruned": (lambda layer: _pruned(layer), "weight_orig"),
    "property": (lambda _: Property(), "halves"),
    "scaled": (lambda _: Scaled(6, 6), "output is not weight"),
    "hook": (hooked, "output is not weight"),
    "shared memory": (lambda layer: _expanded(layer), "share memory"),
}


def _old(norm: Callable[[nn.Module], nn.Module], layer: nn.Module) -> nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        return norm(layer)


def _pruned(layer: nn.Module) -> nn.Module:
    prune.l1_unstructured(layer, "weight", 0.5)  # type: ignore[no-untyped-call]
    return layer


def _expanded(layer: nn.Module) -> nn.Module:
    layer.weight = nn.Parameter(torch.ones(1, 6).expand(6, 6))
    return layer


@pytest.mark.parametrize("case", RECOMPUTED)
def test_weights_that_are_not_the_whole_map_take_no_update(case: str) -> None:
    make, reason = RECOMPUTED[case]
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 6), make(nn.Linear(6, 6))).eval()
    attach(model, trained(compiled(model, ("0", "1"), low_rank)))
    x = torch.randn(3, 6)
    before, expected = snapshot(model), model(x)
    with pytest.raises(AdapterError, match=reason) as caught:
        merge(model)
    assert [d.code for d in caught.value.diagnostics] == ["QA6006"]
    assert "`1`" in caught.value.diagnostics[0].title
    assert same(snapshot(model), before) and torch.equal(model(x), expected)


def test_a_subclass_with_the_same_map_is_merged() -> None:
    model = nn.Sequential(Twice(6, 6)).eval()
    attach(model, trained(compiled(model, ("0",), low_rank)))
    x = torch.randn(3, 6)
    expected = model(x)
    assert torch.allclose(merge(model)(x), expected, atol=1e-6)


class Bare(nn.Module):
    """A linear map that knows no bias."""

    def __init__(self) -> None:
        super().__init__()
        self.in_features = self.out_features = 6
        self.weight = nn.Parameter(torch.eye(6))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x @ self.weight.T


@pytest.mark.parametrize("mode", ["add", "replace"])
def test_a_module_without_bias_is_merged(mode: str) -> None:
    model = nn.Sequential(Bare()).eval()
    attach(model, trained(compiled(model, ("0",), renamed(low_rank, "a", mode))))
    x = torch.randn(3, 6)
    expected = model(x)
    assert torch.allclose(merge(model)(x), expected, atol=1e-6)


def test_weights_that_share_memory_but_no_parameter() -> None:
    model = nn.Sequential(nn.Linear(6, 6), nn.Linear(6, 6))
    model.get_parameter("1.weight").data = model.get_parameter("0.weight").data
    attach(model, trained(compiled(model, ("0",), low_rank)))
    with pytest.raises(AdapterError, match="shared with another module"):
        merge(model)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_an_adapter_that_is_not_finite_is_not_merged(value: float) -> None:
    model = llama()
    adapter = trained(compiled(model, ("q_proj",), low_rank))
    with torch.no_grad():
        next(adapter.parameters())[0, 0] = value
    attach(model, adapter)
    before = snapshot(model)
    with pytest.raises(AdapterError, match="its tensors hold NaN or infinite") as caught:
        merge(model)
    assert caught.value.diagnostics[0].code == "QA6006"
    with pytest.raises(AdapterError, match="its tensors hold NaN or infinite"):
        lora_of(adapter, 2)
    after = snapshot(model)
    assert all(torch.equal(after[n], before[n]) for n in after if "adapters" not in n)
    assert qcompile.attached(model) == (adapter,)


def test_a_result_beyond_the_dtype_is_refused() -> None:
    model = llama().half()
    adapter = trained(compiled(model, ("q_proj",), low_rank))
    with torch.no_grad():
        for parameter in adapter["model.layers.1.self_attn.q_proj"].parameters():
            parameter.mul_(1e4)
    attach(model, adapter)
    before = snapshot(model)
    with pytest.raises(AdapterError, match="not be finite in float16") as caught:
        merge(model)
    (found,) = caught.value.diagnostics
    assert "layers.1" in found.title and same(snapshot(model), before)


def test_a_weight_that_was_not_finite_is_merged() -> None:
    model = nn.Sequential(nn.Linear(6, 6))
    adapter = trained(compiled(model, ("0",), low_rank))
    with torch.no_grad():
        model.get_parameter("0.weight")[0, 0] = float("-inf")
    merge(attach(model, adapter))
    assert model.get_parameter("0.weight").isinf().sum() == 1
