"""Merging constants into biases, and factors and shifts of norms' outputs into their tensors."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import peft
import pytest
import torch
import transformers
from torch import Tensor, nn

import qcompile
from qcompile.diagnostics.errors import AdapterError
from qcompile.peft import QCompileConfig
from tests.adapter.models import TOKENS, llama, moved

EXAMPLES = Path(__file__).parents[2] / "examples"

CONSTANT = "b = vector(out_features, init: zero)\n    update b"
BOTH = """
    b = vector(out_features, init: zero)
    update linear(x, to: out_features, init: zero) + 2 * b"""
ON_BASE = """
    b = vector(in_features, init: zero)
    replace base(2 * x + b)"""
FACTOR = """
    g = vector(out_features, init: constant(1))
    replace g * y"""
MORE = """
    g = vector(out_features, init: zero)
    update g * y"""
SCALED = """
    g = vector(out_features, init: constant(1))
    b = vector(out_features, init: zero)
    replace g * y + b"""


class Net(nn.Module):
    """One module, called `one`."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.one = module.double()
        for parameter in self.parameters():
            nn.init.normal_(parameter)

    def forward(self, x: Tensor) -> Any:
        return self.one(x)


class GemmaRMSNorm(nn.Module):
    """With a weight to which 1 is added, as in Gemma."""

    def __init__(self) -> None:
        super().__init__()
        self.eps = 1e-6
        self.weight = nn.Parameter(torch.zeros(6))

    def forward(self, x: Tensor) -> Tensor:
        return (1 + self.weight) * x * (x.square().mean(-1, keepdim=True) + self.eps).rsqrt()


def spec(body: str) -> str:
    return f'adapter e() {{\n    attach "one"\n    {body}\n}}\n'


def random(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(3), dtype=torch.float64)


CASES: dict[str, tuple[nn.Module, tuple[int, ...], str]] = {
    "bias": (nn.Linear(6, 5), (2, 6), CONSTANT),
    "update and constant": (nn.Linear(6, 5), (2, 6), BOTH),
    "constant before the base": (nn.Linear(6, 5), (2, 6), ON_BASE),
    "factor and constant": (nn.Linear(6, 5), (2, 6), SCALED),
    "convolution": (nn.Conv2d(3, 5, 2), (2, 3, 4, 4), BOTH),
    "layer norm": (nn.LayerNorm(6), (2, 6), SCALED),
    "layer norm, constant alone": (nn.LayerNorm(6), (2, 6), CONSTANT),
    "rms norm": (nn.RMSNorm(6, eps=1e-5), (2, 6), FACTOR),
    "offset": (GemmaRMSNorm(), (2, 6), MORE),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_merged_computes_the_same(case: str) -> None:
    module, shape, body = CASES[case]
    net, x = Net(copy.deepcopy(module)), random(*shape)
    before, keys = net(x), list(net.state_dict())
    qcompile.attach(net, moved(spec(body), net), name="a")
    qcompile.set_adapter(net, {"a": 0.7})
    expected = net(x)
    assert not torch.allclose(expected, before, atol=1e-2)
    merged = qcompile.merge(copy.deepcopy(net))
    assert list(merged.state_dict()) == keys
    torch.testing.assert_close(merged(x), expected, rtol=1e-10, atol=1e-10)
    assert torch.equal(qcompile.detach(net)(x), before)
    model: Any = peft.get_peft_model(
        Net(copy.deepcopy(module)), QCompileConfig(spec="qa 1\n\n" + spec(body))
    ).double()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.add_(0.3)
    expected = model(x)
    model.merge_adapter()
    torch.testing.assert_close(model(x), expected, rtol=1e-10, atol=1e-10)
    model.unmerge_adapter()
    torch.testing.assert_close(model(x), expected, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(model.merge_and_unload()(x), expected, rtol=1e-10, atol=1e-10)


REFUSED: dict[str, tuple[nn.Module, str, str]] = {
    "no bias": (nn.Linear(6, 6, bias=False), CONSTANT, "the module has no bias"),
    "no shift": (nn.RMSNorm(6, eps=1e-5), SCALED, "the module has no bias"),
    "mixed": (
        nn.LayerNorm(6),
        "update linear(y, to: out_features, init: zero)",
        "no factor and no shift of each element",
    ),
    "of the input": (
        nn.LayerNorm(6),
        "g = vector(out_features, init: zero)\n    update g * x",
        "no factor and no shift of each element",
    ),
    "no weight": (nn.LayerNorm(6, elementwise_affine=False), SCALED, "no weight of plain numbers"),
    "another form": (nn.RMSNorm(6), SCALED, "what a weight of `RMSNorm` does is not known"),
    "a token's row": (nn.Embedding(6, 6), CONSTANT, "not a linear map"),
    "a square": (
        nn.Linear(6, 6),
        "b = vector(out_features, init: constant(1))\n    update b + y * y",
        "not a linear map",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_has_no_place_is_refused(case: str) -> None:
    module, body, reason = REFUSED[case]
    net = Net(copy.deepcopy(module))
    x = torch.tensor([1, 2]) if case == "a token's row" else random(2, 6)
    qcompile.attach(net, moved(spec(body), net))
    before = net(x)
    with pytest.raises(AdapterError, match=reason) as caught:
        qcompile.merge(net)
    assert caught.value.diagnostics[0].code == "QA6006"
    assert torch.equal(net(x), before)


def test_ln_tuning_of_a_model() -> None:
    model: Any = llama().double()
    adapter = qcompile.compile(EXAMPLES / "ln_tuning.qa", model=model).double()
    with torch.no_grad():
        for number, parameter in enumerate(adapter.parameters()):
            parameter.add_(0.1 + 0.01 * number)
        qcompile.attach(model, adapter)
        expected = model(TOKENS).logits
        torch.testing.assert_close(qcompile.merge(model)(TOKENS).logits, expected)


def test_bitfit_of_a_model_with_biases() -> None:
    config = transformers.BertConfig(
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        vocab_size=64,
    )
    torch.manual_seed(0)
    model: Any = transformers.BertModel(config).double().eval()
    source = (EXAMPLES / "bitfit.qa").read_text()
    body = "adapter" + source.partition("adapter")[2]
    adapter = moved(body, model)
    with torch.no_grad():
        before = model(TOKENS)[0]
        qcompile.attach(model, adapter)
        expected = model(TOKENS)[0]
        assert not torch.allclose(expected, before, atol=1e-2)
        torch.testing.assert_close(qcompile.merge(model)(TOKENS)[0], expected)
