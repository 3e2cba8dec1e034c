"""Pruning: a gated low-rank update with zeros in its gate is LoRA of a smaller rank."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import qcompile
from qcompile.adapter import CompiledAdapter
from qcompile.diagnostics import AdapterError
from qcompile.ir.verify_plan import verify_plan
from tests.adapter.models import llama, logits, trained

EXAMPLES = Path(__file__).parents[2] / "examples"

SORA = """qa 1
adapter sora(rank: int = 6, p: real = 0.0) {
    attach "*.self_attn.{q,v}_proj"
    d = linear(dropout(x, p), to: rank)
    g = vector(rank)
    train { proximal soft_threshold(g, 0.5) }
    update 3 / rank * linear(g * d, to: out_features, init: zero)
}
target t { dtype: float64 }
"""


def sparse(text: str, optimisation: int = 2, **parameters: float) -> CompiledAdapter:
    """A trained adapter whose gates have 2, 3, 6 and no entries left."""
    adapter = trained(
        qcompile.compile(text, model=llama(), optimisation=optimisation, parameters=parameters)
    )
    masks = ([1, 0, 0, 1, 0, 0], [0, 1, 1, 0, 0, 1], [1] * 6, [0] * 6)
    with torch.no_grad():
        for (_, part), mask in zip(adapter.parts(), masks, strict=True):
            part.get_parameter("g").mul_(torch.tensor(mask))
    return adapter


@pytest.mark.parametrize("optimisation", [0, 1, 2])
@pytest.mark.parametrize("probability", [0.0, 0.1])
def test_outputs_stay_and_ranks_shrink(optimisation: int, probability: float) -> None:
    adapter = sparse(SORA, optimisation, p=probability).eval()
    before = {name: value.clone() for name, value in adapter.state_dict().items()}
    smaller = qcompile.prune(adapter)
    assert not smaller.training
    x = torch.randn(5, 32, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    ranks = []
    for site, part in smaller.parts():
        difference = part(x) - adapter.part(site)(x)
        assert difference.abs().max().item() < 1e-12
        verify_plan(part.plan)
        assert part.plan.training == ()
        shapes = {tensor.name: tensor.shape for tensor in part.plan.tensors}
        ranks.append(shapes["d.weight"][0] if shapes else 0)
        assert shapes == {} or shapes == {
            "d.weight": (ranks[-1], 32),
            "update.linear1.weight": (part.plan.out_features, ranks[-1]),
        }
    assert ranks == [2, 3, 6, 0]
    # q_proj is 32 -> 32 and v_proj 32 -> 16.
    total = sum(parameter.numel() for parameter in smaller.parameters())
    assert total == 2 * (32 + 32) + 3 * (32 + 16) + 6 * (32 + 32)
    assert all(torch.equal(before[name], value) for name, value in adapter.state_dict().items())


def test_merged_weights_are_those_of_the_formula() -> None:
    adapter = sparse(SORA)
    smaller = qcompile.prune(adapter)
    for site, part in adapter.parts():
        down, gate, up = (
            part.get_parameter(name).detach() for name in ("d.weight", "g", "update.linear1.weight")
        )
        expected = 3 / 6 * up @ torch.diag(gate) @ down
        torch.testing.assert_close(smaller.part(site).merge_weight(), expected, rtol=0, atol=1e-14)


def test_pruned_adapter_saves_loads_attaches_and_merges(tmp_path: Path) -> None:
    model = llama()
    adapter = sparse(SORA).eval()
    with_gates = logits(qcompile.attach(model, adapter))
    qcompile.detach(model)
    qcompile.prune(adapter).save(tmp_path / "small.pt")
    loaded = qcompile.load(tmp_path / "small.pt").eval()
    torch.testing.assert_close(logits(qcompile.attach(model, loaded)), with_gates)
    torch.testing.assert_close(logits(qcompile.merge(model)), with_gates, rtol=1e-4, atol=1e-5)


def test_training_the_example_makes_it_sparse() -> None:
    adapter = qcompile.compile(EXAMPLES / "sora.qa", parameters={"threshold": 0.02})
    gates = [part.get_parameter("gate") for _, part in adapter.parts()]
    for step in range(30):
        adapter.proximal_step(1.0 + step / 30)
    left = [int(gate.count_nonzero()) for gate in gates]
    assert 0 < sum(left) < sum(gate.numel() for gate in gates)
    smaller = qcompile.prune(adapter)
    modules = zip(left, smaller.parts(), strict=True)
    expected = sum(n * (part.plan.in_features + part.plan.out_features) for n, (_, part) in modules)
    assert sum(parameter.numel() for parameter in smaller.parameters()) == expected


REFUSED = {
    "no gate": ("linear(linear(x, to: 4), to: out_features, init: zero)", "no gate"),
    "activation": (
        "linear(vector(4) * silu(linear(x, to: 4)), to: out_features, init: zero)",
        "activation",
    ),
    "one matrix": ("vector(out_features) * linear(x, to: out_features)", "1 matrices"),
    "two values": (
        "linear(linear(x, to: 4) * linear(x, to: 4), to: out_features, init: zero)",
        "multiplied",
    ),
    "bias": (
        "linear(vector(4) * linear(x, to: 4, bias: true), to: out_features, init: zero)",
        "bias",
    ),
    "gate outside": (
        "vector(out_features) * linear(linear(x, to: 4), to: out_features, init: zero)",
        "no gate",
    ),
    "mpo": (
        "linear(vector(4) * mpo(x, to: 4, sites: 2, bond: 2), to: out_features, init: zero)",
        "chain",
    ),
    "shared": (
        'linear(vector(4, share: "g") * linear(x, to: 4), to: out_features, init: zero)',
        "share",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("optimisation", [0, 2])
def test_other_forms_are_refused(name: str, optimisation: int) -> None:
    update, reason = REFUSED[name]
    text = f'qa 1\nadapter a() {{\nattach "*.q_proj"\nupdate {update}\n}}\n'
    adapter = qcompile.compile(text, model=llama(), optimisation=optimisation)
    with pytest.raises(AdapterError) as caught:
        qcompile.prune(adapter)
    found = caught.value.diagnostics
    assert [item.code for item in found] == ["QA6101"]
    if optimisation == 2 or name != "mpo":
        assert reason in found[0].title


def test_several_gates_are_one() -> None:
    text = SORA.replace("g * d", "g * vector(rank) * d")
    adapter = sparse(text).eval()
    x = torch.randn(3, 32, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    for site, part in qcompile.prune(adapter).parts():
        assert (part(x) - adapter.part(site)(x)).abs().max().item() < 1e-12
