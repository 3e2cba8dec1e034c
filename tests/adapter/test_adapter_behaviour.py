"""One contract for every adapter on every model: what attaching does, and what it leaves alone."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from qcompile.adapter import CompiledAdapter, attach, attached, detach, disabled, load
from qcompile.backends.simulator.module import build_module
from tests.adapter.models import (
    BUILDS,
    MODELS,
    TOKENS,
    checkpoint_activations,
    compiled,
    llama,
    logits,
    low_rank,
    outputs,
    renamed,
    same,
    snapshot,
    trained,
)

TABLE = [(model, build) for model in MODELS for build in BUILDS]


def made(model: str, build: str) -> tuple[nn.Module, CompiledAdapter]:
    make, endings = MODELS[model]
    base = make()
    return base, compiled(base, endings, BUILDS[build])


def train(model: nn.Module, steps: int = 2) -> list[float]:
    chosen = [p for p in model.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(chosen, lr=0.02)
    losses = []
    for _ in range(steps):
        loss = outputs(model).loss
        losses.append(loss.item())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return losses


@pytest.mark.parametrize(("name", "build"), TABLE)
def test_attached_adapter_keeps_the_contract(name: str, build: str, tmp_path: Path) -> None:
    model, adapter = made(name, build)
    flags = {n: p.requires_grad for n, p in model.named_parameters()}
    modules = dict(model.named_modules())
    base, before = snapshot(model), logits(model)

    assert attach(model, adapter) is model
    assert torch.equal(logits(model), before), "the update is exactly zero at the start"
    own = {id(p) for p in adapter.parameters()}
    assert {id(p) for p in model.parameters() if p.requires_grad} == own

    started = {n: p.detach().clone() for n, p in adapter.named_parameters()}
    losses = train(model, 4)
    assert losses[-1] < losses[0]
    assert all(not torch.equal(p, started[n]) for n, p in adapter.named_parameters())
    assert all(p.grad is None for p in model.parameters() if id(p) not in own)
    after = logits(model)
    assert not torch.equal(after, before)
    with disabled(model):
        assert torch.equal(logits(model), before)
    assert torch.equal(logits(model), after)

    adapter.save(tmp_path / "adapter.pt")
    assert detach(model) is model
    assert same(snapshot(model), base)
    assert {n: p.requires_grad for n, p in model.named_parameters()} == flags
    now = dict(model.named_modules())
    assert list(now) == list(modules) and all(now[n] is modules[n] for n in now)
    assert torch.equal(logits(model), before)
    assert not hasattr(model, "qcompile_attached")

    attach(model, tmp_path / "adapter.pt")
    assert torch.equal(logits(model), after), "saving after training is exact"


def test_two_adapters_add_up_and_leave_together() -> None:
    model = llama()
    base, before = snapshot(model), logits(model)
    first = trained(compiled(model, ("q_proj",), low_rank))
    second = trained(compiled(model, ("q_proj", "o_proj"), renamed(BUILDS["circuit"], "train")))
    attach(model, first)
    alone = logits(model)
    attach(model, second)
    both = logits(model)
    assert not torch.equal(alone, both)
    assert attached(model) == (first, second)
    part = "model.layers.0.self_attn.q_proj"
    x = torch.randn(3, 32)
    wrapper = model.get_submodule(part)
    expected = wrapper.get_submodule("base_layer")(x) + first[part](x) + second[part](x)
    assert torch.allclose(wrapper(x), expected, atol=1e-6)
    detach(model)
    assert same(snapshot(model), base) and torch.equal(logits(model), before)


def test_replacing_adapter_stands_in_for_the_output() -> None:
    model = llama()
    adapter = trained(compiled(model, ("q_proj",), renamed(low_rank, "instead", "replace")))
    added = trained(compiled(model, ("q_proj",), low_rank))
    attach(attach(model, adapter), added)
    name = "model.layers.1.self_attn.q_proj"
    x = torch.randn(2, 5, 32)
    expected = adapter[name](x) + added[name](x)
    assert torch.allclose(model.get_submodule(name)(x), expected, atol=1e-6)


def test_shared_tensors_stay_one_tensor(tmp_path: Path) -> None:
    model = llama()
    build = renamed(low_rank, "common", share="up")
    adapter = trained(compiled(model, ("q_proj",), build))
    parts = [part for _, part in adapter.parts()]
    tensors = {id(part.get_parameter("b.weight")) for part in parts}
    assert len(tensors) == 1
    assert sum(p.numel() for p in adapter.parameters()) == 2 * 64 + 64
    adapter.save(tmp_path / "a.pt")
    again = load(tmp_path / "a.pt")
    assert len({id(part.get_parameter("b.weight")) for _, part in again.parts()}) == 1
    attach(model, again)
    train(model)
    assert len({id(part.get_parameter("b.weight")) for _, part in again.parts()}) == 1
    twin = copy.deepcopy(model)
    inside = [part for _, part in attached(twin)[0].parts()]
    assert len({id(part.get_parameter("b.weight")) for part in inside}) == 1


@pytest.mark.parametrize("build", BUILDS)
def test_copies_are_independent_of_the_original(build: str) -> None:
    model = llama()
    attach(model, trained(compiled(model, ("q_proj", "v_proj"), BUILDS[build])))
    before = logits(model)
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert torch.equal(logits(twin), before)
        train(twin)
        assert not torch.equal(logits(twin), before)
        assert torch.equal(logits(model), before)
        detach(twin)
        assert torch.equal(logits(model), before)


@pytest.mark.parametrize("build", BUILDS)
def test_gradient_checkpointing_gives_the_same_gradients(build: str) -> None:
    found = []
    for checkpointing in (False, True):
        model = llama().train()
        adapter = trained(compiled(model, ("q_proj", "down_proj"), BUILDS[build]))
        attach(model, adapter)
        if checkpointing:
            checkpoint_activations(model)
        outputs(model).loss.backward()
        found.append([p.grad for p in adapter.parameters()])
    for plain, checkpointed in zip(*found, strict=True):
        assert plain is not None and checkpointed is not None
        assert torch.equal(plain, checkpointed)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
@pytest.mark.parametrize("build", BUILDS)
def test_base_of_another_dtype(build: str, dtype: torch.dtype) -> None:
    model = llama().to(dtype)
    before = logits(model)
    adapter = compiled(model, ("q_proj", "v_proj"), BUILDS[build])
    attach(model, adapter)
    assert torch.equal(logits(model), before) and before.dtype == dtype
    assert all(p.dtype == torch.float32 for p in adapter.parameters())
    losses = train(model, 3)
    assert losses[-1] < losses[0]


def test_autocast_trains() -> None:
    model = llama()
    adapter = compiled(model, ("q_proj",), BUILDS["circuit"])
    attach(model, adapter)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = outputs(model).loss
    loss.backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in adapter.parameters())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_saving_keeps_every_bit(dtype: torch.dtype, tmp_path: Path) -> None:
    model = llama()
    adapter = trained(compiled(model, ("q_proj",), BUILDS["circuit"])).to(dtype)
    adapter.save(tmp_path / "a.pt")
    again = load(tmp_path / "a.pt")
    assert same(dict(adapter.state_dict()), dict(again.state_dict()))
    assert all(tensor.dtype == dtype for tensor in again.state_dict().values())
    again.save(tmp_path / "b.pt")
    assert (tmp_path / "a.pt").read_bytes() == (tmp_path / "b.pt").read_bytes()


def test_generation_uses_the_cache() -> None:
    model: Any = llama()
    attach(model, trained(compiled(model, ("q_proj", "v_proj"), BUILDS["circuit"])))
    settings: dict[str, Any] = {
        "max_new_tokens": 8,
        "do_sample": False,
        "attention_mask": torch.ones_like(TOKENS),
    }
    cached = model.generate(TOKENS, use_cache=True, **settings)
    plain = model.generate(TOKENS, use_cache=False, **settings)
    assert torch.equal(cached, plain) and cached.shape[1] > TOKENS.shape[1]


def test_training_mode_follows_the_module() -> None:
    model = llama().train()
    adapter = compiled(model, ("q_proj",), low_rank).eval()
    attach(model, adapter)
    assert all(part.training for _, part in adapter.parts())
    model.eval()
    assert not any(part.training for _, part in adapter.parts())


def test_flags_that_were_off_stay_off() -> None:
    model = llama()
    model.get_parameter("lm_head.weight").requires_grad_(False)
    attach(model, compiled(model, ("q_proj",), low_rank))
    detach(model)
    assert [n for n, p in model.named_parameters() if not p.requires_grad] == ["lm_head.weight"]


def test_model_without_transformers() -> None:
    model = nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 4))
    x = torch.randn(7, 6)
    before = model(x)
    adapter = compiled(model, ("0", "2"), low_rank)
    attach(model, adapter)
    assert torch.equal(model(x), before)
    assert "0.base_layer.weight" in model.state_dict()


@pytest.mark.parametrize("build", BUILDS)
def test_attached_model_is_traced_whole(build: str) -> None:
    model = llama()
    adapter = trained(compiled(model, ("q_proj", "v_proj"), BUILDS[build]))
    attach(model, adapter)
    expected = outputs(model)
    traced: Any = torch.compile(model, backend="eager", fullgraph=True)
    found = traced(input_ids=TOKENS, labels=TOKENS)
    assert torch.allclose(found.logits, expected.logits, atol=1e-6)
    found.loss.backward()
    assert all(parameter.grad is not None for parameter in adapter.parameters())


def test_parts_of_one_plan_start_as_if_built_alone() -> None:
    adapter = compiled(llama(), ("q_proj",), BUILDS["circuit"])
    for site, part in adapter.parts():
        alone = build_module(part.plan, seed=1, site=site.module)
        assert same(dict(part.state_dict()), dict(alone.state_dict()))
        x = torch.randn(2, 32)
        assert torch.equal(part(x), alone(x))
