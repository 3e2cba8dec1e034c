"""Lily beside peft's own, for one token: peft averages the routers over all tokens of a call."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import peft
import torch
from torch import Tensor, nn

import qcompile

EXAMPLES = Path(__file__).parents[2] / "examples"
WIDTH, RANK, EXPERTS, STRIDE, LAYERS = 6, 3, 2, 2, 3


class Stack(nn.Module):
    """Three layers, of which the last is a group by itself."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layers = nn.ModuleList(
            nn.ModuleDict({"proj": nn.Linear(WIDTH, WIDTH, dtype=torch.float64)})
            for _ in range(LAYERS)
        )

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            assert isinstance(layer, nn.ModuleDict)
            x = torch.tanh(layer["proj"](x))
        return x


def test_lily_is_that_of_peft() -> None:
    config = peft.LilyConfig(
        r=RANK, stride_A=STRIDE, num_B=EXPERTS, scaling=0.7, target_modules=["proj"]
    )
    other: Any = peft.get_peft_model(Stack(), config)
    model = Stack()
    text = (EXAMPLES / "lily.qa").read_text("utf-8")
    text = re.sub(r"^model .*$|^ *attach .*with.*$", "", text, flags=re.M)
    text = re.sub(r"^ *attach .*$", '    attach "*.proj"', text, flags=re.M)
    sizes = {"rank": RANK, "experts": EXPERTS, "stride": STRIDE, "scale": 0.7}
    adapter = qcompile.compile(
        f"{text}\ntarget exact {{ dtype: float64 }}", model=model, parameters=sizes
    ).double()
    qcompile.attach(model, adapter)
    theirs = [other.base_model.model.layers[i]["proj"] for i in range(LAYERS)]
    torch.manual_seed(1)
    with torch.no_grad():
        for parameter in other.parameters():
            if parameter.requires_grad:
                parameter.copy_(torch.randn(parameter.shape))
        for index, layer in enumerate(theirs):
            layer.double()
            part = adapter[f"layers.{index}.proj"]
            first = index // STRIDE * RANK
            bank = part.get_parameter("bank")
            bank[:, first : first + RANK] = layer.lily_A["default"].weight.T
            experts = layer.lily_B["default"].weight.T
            part.get_parameter("update.linear1.weight").copy_(experts)
            router = layer.lily_router["default"].weight
            part.get_parameter("gate.linear1.weight").copy_(router)
    x = torch.randn(1, WIDTH, dtype=torch.float64)
    torch.testing.assert_close(model(x), other(x), rtol=1e-6, atol=1e-6)
    for found in (model, other):
        found.zero_grad()
        torch.autograd.backward(found(x).square().sum())
    part = adapter["layers.0.proj"]
    for mine, wanted in (
        (
            part.get_parameter("bank").grad,
            torch.cat(
                [
                    theirs[0].lily_A["default"].weight.grad.T,
                    theirs[2].lily_A["default"].weight.grad.T,
                ],
                1,
            ),
        ),
        (
            part.get_parameter("update.linear1.weight").grad,
            theirs[0].lily_B["default"].weight.grad.T,
        ),
        (
            part.get_parameter("gate.linear1.weight").grad,
            theirs[0].lily_router["default"].weight.grad,
        ),
    ):
        torch.testing.assert_close(mine, wanted, rtol=1e-6, atol=1e-6)
    counts = [
        sum(p.numel() for p in found.parameters() if p.requires_grad) for found in (model, other)
    ]
    assert counts[0] == counts[1] == 2 * WIDTH * RANK + EXPERTS * RANK * (WIDTH + LAYERS)
