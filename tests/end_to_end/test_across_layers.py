"""Adapters that share tensors across layers, beside the formulas of their papers in float64."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import qcompile

EXAMPLES = Path(__file__).parents[2] / "examples"
LAYERS, HEADS, KEY_HEADS, HEAD_DIM, RANK = 3, 4, 2, 3, 2
WIDTH = HEADS * HEAD_DIM


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.num_heads, self.num_key_value_heads, self.head_dim = HEADS, KEY_HEADS, HEAD_DIM
        self.q_proj = nn.Linear(WIDTH, WIDTH)
        self.v_proj = nn.Linear(WIDTH, KEY_HEADS * HEAD_DIM)


class Layer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.self_attn = Attention()


class Model(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Layer() for _ in range(LAYERS))
        self.head = nn.Linear(WIDTH, 5)


def compiled(name: str) -> tuple[Model, qcompile.CompiledAdapter]:
    """An example on the model, in float64, all its tensors random."""
    text = (EXAMPLES / f"{name}.qa").read_text("utf-8")
    model = Model().double()
    text = re.sub(r"^model .*$", "", text, flags=re.M)
    adapter = qcompile.compile(text, model=model, parameters={"rank": RANK, "alpha": 3.0}).double()
    torch.manual_seed(0)
    with torch.no_grad():
        for parameter in adapter.parameters():
            if parameter.requires_grad:
                parameter.normal_()
    return model, adapter


def metatt(part: nn.Module, layer: int, kind: int, outputs: int) -> Tensor:
    """Gᵢₙ (1 + A[l]) (1 + B[m]) Gₒᵤₜ, as a matrix (out, in)."""
    one = torch.eye(RANK, dtype=torch.float64)
    of_layer = one + part.get_parameter("of_layers")[:, layer].reshape(RANK, RANK)
    of_kind = one + part.get_parameter("of_kinds")[:, kind].reshape(RANK, RANK)
    last = part.get_parameter("update.linear1.weight")[:outputs]
    return 3.0 * last @ of_kind @ of_layer @ part.get_parameter("g.weight")


def lorta(part: nn.Module, layer: int, kind: int, outputs: int) -> Tensor:
    """The CP decomposition, as a matrix (out, in)."""
    update = torch.einsum(
        "ri,rh,rj,r,r->hji",
        part.get_parameter("a.weight"),
        part.get_parameter("heads.table1"),
        part.get_parameter("elements"),
        part.get_parameter("layers")[:, layer],
        part.get_parameter("of_kinds")[:, kind],
    )
    return 3.0 / RANK * update.reshape(WIDTH, WIDTH)[:outputs]


@pytest.mark.parametrize(
    ("name", "formula", "count"),
    [
        ("metatt", metatt, 2 * WIDTH * RANK + (LAYERS + 2) * RANK**2),
        ("lorta", lorta, RANK * (WIDTH + HEAD_DIM + HEADS + LAYERS + 2)),
    ],
)
def test_update_is_the_formula(name: str, formula: Any, count: int) -> None:
    model, adapter = compiled(name)
    assert sum(p.numel() for p in adapter.parameters() if p.requires_grad) == count
    x = torch.randn(5, WIDTH, dtype=torch.float64)
    plain, own, expected = [], [], []
    for layer in range(LAYERS):
        for kind, projection in enumerate(("q_proj", "v_proj")):
            place = f"layers.{layer}.self_attn.{projection}"
            linear = model.get_submodule(place)
            update = formula(adapter[place], layer, kind, linear(x).shape[-1])
            plain.append(linear(x).detach())
            expected.append(plain[-1] + x @ update.T)
    qcompile.attach(model, adapter)
    for layer in range(LAYERS):
        for projection in ("q_proj", "v_proj"):
            own.append(model.get_submodule(f"layers.{layer}.self_attn.{projection}")(x))
    weights = [torch.randn_like(value) for value in own]
    trained = [p for p in adapter.parameters() if p.requires_grad]
    torch.testing.assert_close(own, expected, rtol=1e-12, atol=1e-12)
    mine, theirs = (
        torch.autograd.grad(
            sum((value * w).sum() for value, w in zip(values, weights, strict=True)), trained
        )
        for values in (own, expected)
    )
    torch.testing.assert_close(mine, theirs, rtol=1e-12, atol=1e-12)


def test_modules_that_differ_in_nothing_that_is_read_have_one_program() -> None:
    text = (
        "qa 1\nadapter a(rank: int = 1 if layer_index == 0 else num_layers) {\n"
        'attach "*proj"\nrequire num_heads == 4 and num_kv_heads == 2 and head_dim == 3\n'
        "update linear(linear(x, to: rank), to: out_features, init: zero)\n}\n"
    )
    adapter = qcompile.compile(text, model=Model())
    units = {site.module: site.unit for site in adapter.manifest.planned.sites}
    assert len(set(units.values())) == 4
    for projection in ("q_proj", "v_proj"):
        first, second, third = (units[f"layers.{k}.self_attn.{projection}"] for k in range(3))
        assert first != second == third
    ranks = [adapter[f"layers.{k}.self_attn.q_proj"].plan.tensors[0].shape[0] for k in range(3)]
    assert ranks == [1, 3, 3]


def test_module_outside_the_layers_has_no_index() -> None:
    text = 'qa 1\nadapter a() {\nattach "*"\nupdate layer_index * linear(x, to: out_features)\n}\n'
    with pytest.raises(qcompile.CompileError, match="there is no number in the name `head`"):
        qcompile.compile(text, model=Model())
