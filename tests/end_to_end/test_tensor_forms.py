"""Examples that are a decomposition of a tensor, beside the sum over all indices."""

from __future__ import annotations

import re
from pathlib import Path

import torch
from torch import nn

import qcompile

EXAMPLES = Path(__file__).parents[2] / "examples"


class Stack(nn.Module):
    """Three layers with a map each."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.ModuleDict({"proj": nn.Linear(6, 4)}) for _ in range(3))


def compiled(name: str, **parameters: float) -> qcompile.CompiledAdapter:
    text = re.sub(r"^model .*$", "", (EXAMPLES / f"{name}.qa").read_text("utf-8"), flags=re.M)
    text = re.sub(r"^ *attach .*with \([^)]*\)$", "", text, flags=re.M)
    text = re.sub(r"^ *attach .*$", '    attach "*.proj"', text, flags=re.M)
    adapter = qcompile.compile(text, model=Stack(), parameters=parameters).double()
    torch.manual_seed(0)
    with torch.no_grad():
        for parameter in adapter.parameters():
            parameter.copy_(torch.randn(parameter.shape))
    return adapter


X = torch.randn(5, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def test_a_tensor_ring() -> None:
    r, i1, i2, o1, o2 = 3, 2, 3, 2, 2
    part = compiled("tensor_ring", bond=r, in_mode=i1, out_mode=o1)["layers.1.proj"]
    a, b, c, d = (part.get_parameter(name).detach() for name in "abcd")
    weight = torch.einsum(
        "pik,jqk,qum,vpm->uvij",
        a.reshape(r, i1, r),
        b.reshape(i2, r, r),
        c.reshape(r, o1, r),
        d.reshape(o2, r, r),
    ).reshape(4, 6)
    torch.testing.assert_close(part(X), X @ weight.T)
    assert sum(p.numel() for p in part.parameters()) == r**2 * (i1 + i2 + o1 + o2)


def test_tenslora_is_one_tensor_over_all_layers() -> None:
    r, m = 2, 3
    adapter = compiled("tenslora", rank=r, layer_rank=m, alpha=r)
    parts = [adapter[f"layers.{layer}.proj"] for layer in range(3)]
    state = {name: value.detach() for name, value in parts[0].named_parameters()}
    inputs = state["a.weight"]
    outputs = next(value for name, value in state.items() if value.shape == (4, r))
    core, layers = state["g"].reshape(r, r, m), state["of_layers"]
    tensor = torch.einsum("ia,oc,cam,ml->loi", inputs.T, outputs, core, layers)
    for layer, part in enumerate(parts):
        torch.testing.assert_close(part(X), X @ tensor[layer].T)
    count = sum(p.numel() for p in set(adapter.parameters()))
    assert count == r * (6 + 4) + r * r * m + m * 3
