"""Adapters that start from the weight, beside peft's own."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import peft
import pytest
import torch
from torch import Tensor, nn

import qcompile
from qcompile.diagnostics.errors import AdapterError

EXAMPLES = Path(__file__).parents[2] / "examples"
INPUTS, OUTPUTS, RANK, ALPHA = 12, 8, 4, 6


class One(nn.Module):
    """One linear map in float32, which is what peft decomposes."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.proj = nn.Linear(INPUTS, OUTPUTS)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.proj(x)
        return result


def compiled(name: str, model: nn.Module) -> qcompile.CompiledAdapter:
    text = (EXAMPLES / f"{name}.qa").read_text("utf-8")
    text = re.sub(r"^ *attach .*$", '    attach "proj"', text, flags=re.M)
    text = re.sub(r"^model .*$", "", text, flags=re.M)
    scale = {"psoft": {}, "tinylora": {"count": 6}}.get(name, {"alpha": ALPHA})
    return qcompile.compile(text, model=model, parameters={"rank": RANK, **scale})


X = torch.randn(5, INPUTS, generator=torch.Generator().manual_seed(2))


@pytest.mark.parametrize("name", ["pissa", "olora"])
def test_starts_and_learns_as_peft(name: str) -> None:
    config = peft.LoraConfig(
        r=RANK,
        lora_alpha=ALPHA,
        target_modules=["proj"],
        init_lora_weights=name,  # type: ignore[arg-type]
    )
    other: Any = peft.get_peft_model(One(), config)
    layer = other.base_model.model.proj
    model = One()
    plain = model(X)
    adapter = compiled(name, model)
    qcompile.attach(model, adapter)
    assert torch.equal(model(X), plain)
    torch.testing.assert_close(other(X), plain)
    part = adapter["proj"]
    for mine, theirs in (("a", layer.lora_A), ("b", layer.lora_B)):
        ours = part.get_parameter(f"{mine}.weight")
        assert ours.requires_grad
        torch.testing.assert_close(ours.detach(), theirs["default"].weight.detach())
        frozen = part.get_parameter(f"{mine}0.weight")
        assert not frozen.requires_grad
        assert torch.equal(frozen, ours)
    for found in (model, other):
        torch.manual_seed(1)
        trained = [p for p in found.parameters() if p.requires_grad]
        assert sum(p.numel() for p in trained) == RANK * (INPUTS + OUTPUTS)
        with torch.no_grad():
            for parameter in trained:
                parameter.add_(0.3 * torch.randn(parameter.shape))
        found(X).square().sum().backward()
    torch.testing.assert_close(model(X), other(X), rtol=1e-5, atol=1e-5)
    for mine, theirs in (("a", layer.lora_A), ("b", layer.lora_B)):
        gradient = part.get_parameter(f"{mine}.weight").grad
        torch.testing.assert_close(gradient, theirs["default"].weight.grad, rtol=1e-4, atol=1e-4)


def test_tinylora_is_that_of_peft() -> None:
    config = peft.TinyLoraConfig(r=RANK, u=6, target_modules=["proj"])
    other: Any = peft.get_peft_model(One(), config)
    layer = other.base_model.model.proj
    model = One()
    plain = model(X)
    adapter = compiled("tinylora", model)
    qcompile.attach(model, adapter)
    assert torch.equal(model(X), plain)
    part = adapter["proj"]
    v = part.get_parameter("v")
    (theirs,) = (p for p in other.parameters() if p.requires_grad)
    for name, start in (("a", layer.tinylora_A), ("b", layer.tinylora_B)):
        torch.testing.assert_close(part.get_parameter(f"{name}.weight"), start["default"])
    with torch.no_grad():
        part.get_parameter("r.weight").copy_(layer.tinylora_P["default"].reshape(6, -1).T)
        theirs.copy_(torch.randn(6, generator=torch.Generator().manual_seed(1)))
        v.copy_(theirs)
    for found in (model, other):
        found(X).square().sum().backward()
    torch.testing.assert_close(model(X), other(X), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(v.grad, theirs.grad, rtol=1e-4, atol=1e-4)


def test_psoft_is_that_of_peft() -> None:
    config = peft.PsoftConfig(r=RANK, psoft_alpha=ALPHA, target_modules=["proj"])
    other: Any = peft.get_peft_model(One(), config)
    theirs = other.base_model.model.proj.psoft_R["default"]
    model = One()
    plain = model(X)
    adapter = compiled("psoft", model)
    qcompile.attach(model, adapter)
    assert torch.equal(model(X), plain)
    part = adapter["proj"]
    tied = {
        "before": (theirs.vector_a, 0.0, 1.0),
        "after": (theirs.vector_b, 0.0, 1.0),
        "turned.cayley1.skew": (theirs.weight, 0.0, -1.0),
    }
    assert tied.keys() == {name for name, p in part.named_parameters() if p.requires_grad}
    torch.manual_seed(1)
    with torch.no_grad():
        for name, (parameter, offset, sign) in tied.items():
            parameter.add_(0.3 * torch.randn(parameter.shape))
            mine = part.get_parameter(name)
            mine.copy_(sign * (parameter - offset).reshape(mine.shape))
    for found in (model, other):
        trained = [p for p in found.parameters() if p.requires_grad]
        assert sum(p.numel() for p in trained) == 2 * RANK + RANK * (RANK - 1) // 2
        found(X).square().sum().backward()
    torch.testing.assert_close(model(X), other(X), rtol=1e-5, atol=1e-5)
    for name, (parameter, _, sign) in tied.items():
        mine = part.get_parameter(name)
        torch.testing.assert_close(
            mine.grad, sign * parameter.grad.reshape(mine.shape), rtol=1e-4, atol=1e-4
        )


def test_a_file_keeps_the_start(tmp_path: Path) -> None:
    model = One()
    adapter = compiled("pissa", model)
    adapter.save(tmp_path / "unstarted.pt")
    qcompile.attach(model, adapter)
    adapter.save(tmp_path / "started.pt")
    started = adapter["proj"].get_parameter("a0.weight").detach().clone()
    other = One()
    with torch.no_grad():
        other.proj.weight.mul_(2.0)
    again = qcompile.load(tmp_path / "started.pt")
    qcompile.attach(other, again)
    assert torch.equal(again["proj"].get_parameter("a0.weight"), started)
    fresh = qcompile.load(tmp_path / "unstarted.pt")
    third = One()
    qcompile.attach(third, fresh)
    assert torch.equal(fresh["proj"].get_parameter("a0.weight"), started)
    assert torch.equal(third(X), One()(X))


def test_a_failed_attach_starts_nothing() -> None:
    adapter = compiled("olora", One())
    quantised = One()
    quantised.proj.weight = nn.Parameter(
        torch.zeros(OUTPUTS, INPUTS, dtype=torch.int8), requires_grad=False
    )
    with pytest.raises(AdapterError, match="QA6024"):
        qcompile.attach(quantised, adapter)
    assert adapter["proj"].get_parameter("a.weight").isnan().all()
    model = One()
    qcompile.attach(model, adapter)
    assert torch.equal(model(X), One()(X))
