"""Adapters that compute with their module: `base(v)`, `W`, `base_bias`."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import peft
import pytest
import torch
from torch import nn
from transformers.pytorch_utils import Conv1D

import qcompile
import qcompile.peft
from qcompile.adapter.lora import lora_of
from qcompile.diagnostics.errors import AdapterError

LENGTHS = """
    g = vector(out_features, init: constant(0.5))
    size = (flat(norm(W)) + g) / flat(norm(W))
    update (size - 1) * (y - base_bias)
"""
TURNED = "replace base(cayley(x, block: 2, init: normal))"
BESIDE = "update base(vector(in_features, init: normal) * x) - y"
BODIES = (LENGTHS, TURNED, BESIDE)


def spec(body: str) -> str:
    return f'qa 1\nadapter a() {{\n    attach "up"\n    {body.strip()}\n}}\n'


class Model(nn.Module):
    def __init__(self, up: nn.Module | None = None) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.up: Any = nn.Linear(6, 4) if up is None else up

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = self.up(x)
        return result


X = torch.randn(2, 3, 6, generator=torch.Generator().manual_seed(0))


def attached(body: str, model: Model) -> Model:
    return qcompile.attach(model, qcompile.compile(spec(body), model=model))


def test_lengths_of_rows() -> None:
    model = Model()
    plain = model.up
    lengths = plain.weight.norm(dim=1)
    found = attached(LENGTHS, model)(X)
    expected = (1 + 0.5 / lengths) * (X @ plain.weight.T) + plain.bias
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("bias", [True, False])
def test_merging(body: str, bias: bool) -> None:
    model = Model(nn.Linear(6, 4, bias=bias))
    # Without a weight decay of its own the frozen module gets no gradient.
    before = attached(body, model)(X)
    assert [p for p in model.parameters() if p.requires_grad]
    merged = qcompile.merge(model)
    assert isinstance(merged.up, nn.Linear)
    torch.testing.assert_close(merged(X), before)


@pytest.mark.parametrize("body", BODIES)
def test_transposed_weights(body: str) -> None:
    plain, other = Model(), Model(Conv1D(4, 6))
    with torch.no_grad():
        other.up.weight.copy_(plain.up.weight.T)
        other.up.bias.copy_(plain.up.bias)
    torch.testing.assert_close(attached(body, other)(X), attached(body, plain)(X))
    torch.testing.assert_close(qcompile.merge(other)(X), qcompile.merge(plain)(X))


@pytest.mark.parametrize("body", BODIES)
def test_half_precision(body: str) -> None:
    model = Model()
    exact = attached(body, copy.deepcopy(model))(X)
    found = attached(body, model.to(torch.bfloat16))(X.to(torch.bfloat16))
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(found.float(), exact, rtol=0.05, atol=0.05)


class Quantised(nn.Linear):
    """Integers in the place of the weight."""

    def __init__(self) -> None:
        super().__init__(6, 4)
        self.weight = nn.Parameter(torch.ones(4, 6, dtype=torch.int8), requires_grad=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return nn.functional.linear(x, 0.5 * self.weight.to(x.dtype), self.bias)


def test_quantised_modules() -> None:
    found = attached(TURNED, Model(Quantised()))(X)
    assert found.shape == (2, 3, 4)
    with pytest.raises(AdapterError, match=r"QA6024.*int8"):
        attached(LENGTHS, Model(Quantised()))


@pytest.mark.parametrize("body", BODIES)
def test_inside_peft(body: str, tmp_path: Path) -> None:
    plain = Model()
    expected = attached(body, copy.deepcopy(plain))(X)
    config = qcompile.peft.QCompileConfig(spec=spec(body))
    model = peft.get_peft_model(copy.deepcopy(plain), config)
    torch.testing.assert_close(model(X), expected)
    model.save_pretrained(str(tmp_path))
    again = peft.PeftModel.from_pretrained(copy.deepcopy(plain), tmp_path)
    torch.testing.assert_close(again(X), expected)
    torch.testing.assert_close(again.merge_and_unload()(X), expected)
    with pytest.raises(AdapterError, match="QA6024"):
        peft.get_peft_model(Model(Quantised()), qcompile.peft.QCompileConfig(spec=spec(LENGTHS)))


def test_what_stands_alone_has_no_module(tmp_path: Path) -> None:
    adapter = qcompile.compile(spec(TURNED), model=Model())
    with pytest.raises(AdapterError, match="QA6023"):
        adapter(X)
    torch.testing.assert_close(adapter["up"](X, base=Model().up), attached(TURNED, Model())(X))
    with pytest.raises(AdapterError, match="QA6123"):
        adapter.save(tmp_path / "a.pt2")
    with pytest.raises(AdapterError, match="QA6006"):
        lora_of(adapter, rank=2)
    with pytest.raises(AdapterError, match="QA6023"):
        adapter["up"].merge_weight()


def test_own_names_hide_the_weight() -> None:
    body = "W = linear(x, to: 2)\n    base_bias = W + 1\n    update linear(base_bias, to: 4)"
    adapter = qcompile.compile(spec(body), model=Model())
    assert not adapter["up"].plan.uses_base
