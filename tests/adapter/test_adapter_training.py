"""`train` clauses: penalties and proximal operators, by hand and in training loops."""

from __future__ import annotations

import copy
import math
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from torch import nn

import qcompile
from qcompile.adapter.trainer_callback import trainer_callback
from qcompile.adapter.training import after_step, regulariser, with_regulariser
from qcompile.diagnostics import QCompileError
from qcompile.ir.codec import canonical_json, decode_json
from qcompile.ir.plan import Plan
from qcompile.ir.training import Penalty, Proximal
from tests.adapter.models import TOKENS, llama, outputs

EVERY_KIND = """qa 1
adapter a(rank: int = 4, weight: real = 0.5) {
    shape 12 -> 9
    d = linear(x, to: rank, bias: true)
    m = mpo(x, to: rank, sites: 2, bond: 2)
    g = vector(rank)
    q = circuit(2 qubits) {
        encode angle(d[0:2])
        ry
        measure z
    }
    train {
        regularise weight * l1(g)
        regularise mean_abs(d) / 2
        regularise 3 * l2(m) * weight
        regularise l2(q)
        proximal soft_threshold(g, 1 / in_features)
        proximal soft_threshold(d, 0.05)
    }
    update linear(concat(g * d * m, q), to: out_features)
}
target t { dtype: float64 }
"""

GATED = """qa 1
adapter sora(rank: int = 4, shared: bool = false) {
    attach "*.self_attn.{q,v}_proj"
    d = linear(x, to: rank)
    g = vector(rank)
    train {
        regularise 0.1 * mean_abs(g)
        proximal soft_threshold(g, 1e-2)
    }
    update linear(g * d, to: out_features, init: zero)
}
"""


def by_hand(adapter: nn.Module) -> float:
    """The penalties of EVERY_KIND, in Python's own numbers."""
    flat = {name: value.detach().flatten().tolist() for name, value in adapter.named_parameters()}
    d = [*flat["a.d.weight"], *flat["a.d.bias"]]
    m = [*flat["a.m.core0"], *flat["a.m.core1"]]
    return float(
        0.5 * sum(map(abs, flat["a.g"]))
        + sum(map(abs, d)) / len(d) / 2
        + 3 * 0.5 * sum(value * value for value in m)
        + sum(value * value for value in flat["a.q.angles"])
    )


@pytest.mark.parametrize("optimisation", [0, 2])
def test_penalties_are_the_formulas(optimisation: int) -> None:
    adapter = qcompile.compile(EVERY_KIND, optimisation=optimisation)
    with torch.no_grad():
        adapter.get_parameter("a.d.bias").copy_(torch.tensor([0.1, -0.2, 0.3, 0.0]))
    total = adapter.regulariser()
    assert total.shape == () and total.dtype == torch.float64
    assert math.isclose(total.item(), by_hand(adapter), rel_tol=1e-14)
    assert torch.equal(total, adapter.part(adapter.sites[0]).regulariser())


def test_gradients_of_penalties_are_finite_differences() -> None:
    adapter = qcompile.compile(EVERY_KIND)
    adapter.regulariser().backward()  # type: ignore[no-untyped-call]
    for name, parameter in adapter.named_parameters():
        if name == "a.update.weight":
            assert parameter.grad is None
            continue
        assert parameter.grad is not None
        flat, gradient = parameter.data.view(-1), parameter.grad.view(-1)
        for place in range(0, flat.numel(), 7):
            before, step = flat[place].item(), 1e-6
            flat[place] = before + step
            above = by_hand(adapter)
            flat[place] = before - step
            below = by_hand(adapter)
            flat[place] = before
            expected = (above - below) / (2 * step)
            if abs(before) > step:
                assert math.isclose(gradient[place].item(), expected, abs_tol=1e-8)


@pytest.mark.parametrize("strength", [0.0, 1.0, 2.5])
def test_proximal_step_is_the_textbook_operator(strength: float) -> None:
    adapter = qcompile.compile(EVERY_KIND)
    with torch.no_grad():
        adapter.get_parameter("a.g").copy_(torch.tensor([0.05, -0.05, 1 / 12, -0.7]))
    before = {name: value.detach().clone() for name, value in adapter.named_parameters()}
    adapter.proximal_step(strength)
    thresholds = {"a.g": 1 / 12, "a.d.weight": 0.05, "a.d.bias": 0.05}
    for name, value in adapter.named_parameters():
        limit = thresholds.get(name, 0.0) * strength
        for old, new in zip(before[name].flatten().tolist(), value.flatten().tolist(), strict=True):
            expected = math.copysign(max(abs(old) - limit, 0.0), old)
            assert math.isclose(new, expected, abs_tol=1e-16)
        assert value.requires_grad and value.grad is None


def test_proximal_step_is_not_the_threefold_assignment() -> None:
    """The authors' code also sets to zero what lies between one and two thresholds."""
    adapter = qcompile.compile(EVERY_KIND)
    with torch.no_grad():
        adapter.get_parameter("a.g").fill_(1.5 / 12)
    adapter.proximal_step()
    expected = torch.full((4,), 0.5 / 12, dtype=torch.float64)
    torch.testing.assert_close(adapter.get_parameter("a.g").detach(), expected, rtol=1e-14, atol=0)


def test_adapter_without_clause_has_no_penalty_and_no_step() -> None:
    adapter = qcompile.compile(
        "qa 1\nadapter a() { shape 4 -> 3; update linear(x, to: out_features, init: zero) }"
    )
    before = copy.deepcopy(adapter.state_dict())
    adapter.proximal_step()
    assert adapter.regulariser().item() == 0.0 and not adapter.regulariser().requires_grad
    assert all(torch.equal(before[name], value) for name, value in adapter.state_dict().items())


def test_sum_is_over_modules_and_shared_tensors_count_once() -> None:
    model = llama()
    own = qcompile.compile(GATED, model=model)
    values = [own.part(site).get_parameter("g").detach().abs().mean() for site in own.sites]
    assert len(values) == 4
    expected = sum(0.1 * value.item() for value in values)
    assert math.isclose(own.regulariser().item(), expected, rel_tol=1e-6)
    text = GATED.replace("vector(rank)", 'vector(rank, share: "g")')
    shared = qcompile.compile(text, model=model)
    gate = shared.part(shared.sites[0]).get_parameter("g")
    assert all(shared.part(site).get_parameter("g") is gate for site in shared.sites)
    expected = 0.1 * gate.detach().abs().mean().item()
    assert math.isclose(shared.regulariser().item(), expected, rel_tol=1e-6)
    before = gate.detach().clone()
    shared.proximal_step()
    torch.testing.assert_close(
        gate.detach(), before.sign() * (before.abs() - 1e-2).clamp(min=0), rtol=0, atol=1e-9
    )


def test_model_with_adapters_and_frozen_ones() -> None:
    model = llama()
    adapter = qcompile.compile(GATED, model=model)
    alone = regulariser(adapter)
    qcompile.attach(model, adapter)
    assert torch.equal(regulariser(model), alone)
    loss = torch.tensor(2.0, dtype=torch.bfloat16)
    assert with_regulariser(loss, model).dtype == torch.bfloat16
    copied = copy.deepcopy(model)
    after_step(copied)
    assert not torch.equal(regulariser(copied), alone)
    assert torch.equal(regulariser(model), alone)
    adapter.requires_grad_(False)
    after_step(model)
    assert regulariser(model).item() == 0.0 and torch.equal(adapter.regulariser(), alone * 0)
    adapter.requires_grad_(True)
    assert torch.equal(regulariser(model), alone)


def test_plan_keeps_the_terms_and_they_survive_saving(tmp_path: Path) -> None:
    adapter = qcompile.compile(EVERY_KIND)
    (plan,) = adapter.manifest.planned.plans
    names = [[plan.tensors[k].name for k in term.tensors] for term in plan.training]
    assert names == [
        ["g"], ["d.weight", "d.bias"], ["m.core0", "m.core1"], ["q.angles"], ["g"],
        ["d.weight", "d.bias"],
    ]  # fmt: skip
    numbers = [
        term.factor if isinstance(term, Penalty) else term.threshold for term in plan.training
    ]
    assert numbers == [0.5, 0.5, 1.5, 1.0, 1 / 12, 0.05]
    assert decode_json(Plan, canonical_json(plan)) == plan
    adapter.save(tmp_path / "a.pt")
    loaded = qcompile.load(tmp_path / "a.pt")
    assert torch.equal(loaded.regulariser(), adapter.regulariser())


@pytest.mark.filterwarnings("ignore:warning.QA4006")
def test_terms_of_unused_tensors_go_with_them() -> None:
    text = GATED.replace("update linear(g * d", "update linear(d")
    adapter = qcompile.compile(text, model=llama(), optimisation=2)
    assert all(plan.training == () for plan in adapter.manifest.planned.plans)
    kept = text.replace("proximal soft_threshold(g", "proximal soft_threshold(d")
    for plan in qcompile.compile(kept, model=llama()).manifest.planned.plans:
        (term,) = plan.training
        assert isinstance(term, Proximal)
        assert [plan.tensors[k].name for k in term.tensors] == ["d.weight"]


class _Batches(torch.utils.data.Dataset[dict[str, torch.Tensor]]):
    """The same two texts, always."""

    def __len__(self) -> int:
        return 64

    def __getitem__(self, place: int) -> dict[str, torch.Tensor]:
        row = TOKENS[place % 2]
        return {"input_ids": row, "labels": row}


def _by_trainer(model: nn.Module, folder: Path, **settings: Any) -> Any:
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimiser = torch.optim.SGD(parameters, lr=0.5)
    arguments = transformers.TrainingArguments(
        output_dir=str(folder),
        max_steps=3,
        max_grad_norm=0.0,
        report_to=[],
        save_strategy="no",
        logging_steps=1,
        use_cpu=True,
        disable_tqdm=True,
        train_sampling_strategy="sequential",
        **settings,
    )
    trainer = transformers.Trainer(
        model=model,
        args=arguments,
        train_dataset=_Batches(),
        optimizers=(optimiser, torch.optim.lr_scheduler.ConstantLR(optimiser, factor=1.0)),
        callbacks=[trainer_callback(lambda step: 1.0 + step)],
    )
    trainer.train()
    return trainer


@pytest.mark.parametrize("accumulation", [1, 2])
def test_trainer_does_what_the_plain_loop_does(tmp_path: Path, accumulation: int) -> None:
    by_trainer, by_loop = llama(), llama()
    for model in (by_trainer, by_loop):
        qcompile.attach(model, qcompile.compile(GATED, model=model))
        model.train()
    trainer = _by_trainer(
        by_trainer,
        tmp_path,
        per_device_train_batch_size=2 // accumulation,
        gradient_accumulation_steps=accumulation,
    )
    parameters = [p for p in by_loop.parameters() if p.requires_grad]
    optimiser = torch.optim.SGD(parameters, lr=0.5)
    for step in range(3):
        optimiser.zero_grad()
        with_regulariser(outputs(by_loop).loss, by_loop).backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        after_step(by_loop, 1.0 + step)
    left, right = by_trainer.state_dict(), by_loop.state_dict()
    for name, value in left.items():
        torch.testing.assert_close(value, right[name], rtol=1e-5, atol=1e-6)
    first = trainer.state.log_history[0]
    assert first["regulariser"] > 0.0 and first["loss"] > 0.0
    gates = [value for name, value in left.items() if name.endswith(".g")]
    assert len(gates) == 4


def test_trainer_refuses_scaled_gradients() -> None:
    arguments = type("Arguments", (), {"fp16": True, "max_grad_norm": 0.0})()
    with pytest.raises(QCompileError) as caught:
        trainer_callback().on_train_begin(arguments, None, None)
    assert [item.code for item in caught.value.diagnostics] == ["QA6102"]


def test_trainer_stops_where_a_tensor_is_not_finite(tmp_path: Path) -> None:
    model = llama()
    adapter = qcompile.compile(GATED, model=model)
    qcompile.attach(model, adapter)
    with torch.no_grad():
        adapter[adapter.sites[2].module].get_parameter("g")[1] = float("nan")
    with pytest.raises(QCompileError, match="`g` of adapter `sora` on `model") as caught:
        _by_trainer(model, tmp_path)
    assert caught.value.diagnostics[0].code == "QA6031"
