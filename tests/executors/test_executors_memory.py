"""What `report` says of memory is what autograd keeps."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

import qcompile
from qcompile.backends.simulator.module import AdapterModule
from tests.executors.counted import Kept

ROOT = Path(__file__).resolve().parents[2]
MODEL = ROOT / "examples" / "models" / "tiny-llama"
EXAMPLES = (
    "cayley",
    "hybrid",
    "lora",
    "mpo",
    "noisy_target",
    "qaa",
    "qpa",
    "qtha",
    "quanta",
    "quantum_peft",
    "sora",
)


def kept(part: AdapterModule, tokens: int) -> int:
    x = torch.randn(tokens, part.plan.in_features, requires_grad=True)
    y = torch.randn(tokens, part.plan.out_features, requires_grad=True)
    constants = [constant.value for constant in part._constants.items]
    found = Kept(without=[*part.parameters(), *constants])
    with found.hooks:
        _ = part(x, y) if part.plan.uses_output else part(x)
    return found.total


@pytest.mark.parametrize("name", EXAMPLES)
def test_activations_are_those_of_the_report(name: str) -> None:
    torch.manual_seed(0)
    adapter = qcompile.compile(ROOT / "examples" / f"{name}.qa", model=MODEL)
    assert isinstance(adapter, nn.Module)
    _, part = next(iter(adapter.parts()))
    each = (kept(part, 128) - kept(part, 64)) / 64
    predicted = part.plan.costs.activation_elements_per_token
    assert predicted == pytest.approx(each, rel=0.1)
