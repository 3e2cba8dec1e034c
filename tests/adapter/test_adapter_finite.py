"""`check_finite` names what has become NaN or infinite, and nothing else."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

import qcompile
from qcompile.adapter.training import check_finite
from qcompile.diagnostics import AdapterError

TEXT = """qa 1
adapter a(rank: int = 3) {
    attach "*.q_proj"
    h = linear(x, to: rank, share: "down")
    q = circuit(rank qubits) { encode angle(h); ry; measure z }
    update linear(q, to: out_features)
}
"""


class Layer(nn.Module):
    """One linear map and another parameter."""

    def __init__(self) -> None:
        super().__init__()
        self.q_proj = nn.Linear(4, 4)
        self.norm = nn.LayerNorm(4)


def model() -> tuple[nn.Module, qcompile.CompiledAdapter]:
    base = nn.ModuleDict({"first": Layer(), "second": Layer()})
    adapter = qcompile.compile(TEXT, model=base)
    return qcompile.attach(base, adapter), adapter


def poison(parameter: nn.Parameter, value: float, count: int = 1) -> None:
    with torch.no_grad():
        parameter.view(-1)[:count] = value


def problems(base: nn.Module) -> list[str]:
    with pytest.raises(AdapterError) as caught:
        check_finite(base)
    assert {item.code for item in caught.value.diagnostics} == {"QA6031"}
    return [item.title for item in caught.value.diagnostics]


def test_healthy_models_pass() -> None:
    base, adapter = model()
    check_finite(base)
    check_finite(adapter)
    check_finite(nn.Linear(2, 2))
    x = torch.randn(5, 4)
    base.get_submodule("first.q_proj")(x).sum().backward()
    check_finite(base)
    poison(adapter["first.q_proj"].get_parameter("q.angles"), 3e38, 3)
    check_finite(base)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_parameters(value: float, dtype: torch.dtype) -> None:
    base, adapter = model()
    adapter.to(dtype)
    poison(adapter["second.q_proj"].get_parameter("q.angles"), value, 2)
    assert problems(base) == [
        "`q.angles` of adapter `a` on `second.q_proj` is not finite: 2 of 3 elements"
    ]
    assert problems(base) == problems(adapter) == problems(copy.deepcopy(base))


def test_shared_tensors_are_named_once_and_gradients_too() -> None:
    base, adapter = model()
    part = adapter["first.q_proj"]
    poison(part.get_parameter("h.weight"), float("nan"))
    part.get_parameter("q.angles").grad = torch.full((3,), float("inf"))
    place = "of adapter `a` on `first.q_proj` is not finite"
    assert problems(base) == [
        f"`h.weight` {place}: 1 of 12 elements",
        f"the gradient of `q.angles` {place}: 3 of 3 elements",
    ]


def test_the_base_is_not_looked_at() -> None:
    base, _ = model()
    poison(base.get_parameter("first.norm.weight"), float("nan"))
    check_finite(base)
