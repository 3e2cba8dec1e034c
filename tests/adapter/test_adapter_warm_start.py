"""An adapter that starts from a trained one: what is carried, grown, cut, and what is not."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import qcompile
from qcompile.adapter.compiled import CompiledAdapter
from qcompile.cli import main

ROOT = Path(__file__).resolve().parents[2]

LOW = """qa 1
adapter low(rank: int = 2, alpha: real = 16.0) {
    shape 6 -> 5
    update alpha / rank * linear(linear(x, to: rank), to: 5, init: zero)
}
"""
CHAIN = """qa 1
adapter chain(bond: int = 2) {
    shape 16 -> 16
    update mpo(x, to: 16, sites: 4, bond: bond)
}
"""
ANGLES = """qa 1
adapter wave(depth: int = 1) {
    shape 3 -> 3
    q = circuit(3 qubits) { encode angle(x); repeat depth { ry; cx ring }; measure z }
    update linear(q, to: 3)
}
"""


def compiled(text: str, **parameters: Any) -> CompiledAdapter:
    return qcompile.compile(text, parameters=parameters)


def trained(adapter: CompiledAdapter, seed: int = 1) -> CompiledAdapter:
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in adapter.parameters():
            if parameter.requires_grad:
                parameter.copy_(torch.randn(parameter.shape, generator=generator))
    return adapter


def matrix(adapter: CompiledAdapter) -> np.ndarray:
    return adapter.only_part().merge_weight().numpy()


def test_equal_sizes_give_equal_tensors() -> None:
    old = trained(compiled(LOW))
    new = compiled(LOW, alpha=8.0)
    carried = qcompile.warm_start(new, old)
    assert sorted(carried.same) == sorted(old.state_dict()) and not carried.fresh
    for name, value in old.state_dict().items():
        assert torch.equal(new.state_dict()[name], value)


@pytest.mark.parametrize("alpha", [None, 16.0])
def test_a_larger_rank_keeps_the_update_and_can_learn(alpha: float | None) -> None:
    old = trained(compiled(LOW, rank=2, alpha=alpha or 4.0))
    new = compiled(LOW, rank=4, alpha=alpha or 8.0)
    carried = qcompile.warm_start(new, old)
    assert len(carried.grown) == 2 and not carried.fresh and not carried.same
    np.testing.assert_allclose(matrix(new), matrix(old), rtol=1e-5, atol=1e-6)
    x = torch.randn(7, 6, generator=torch.Generator().manual_seed(0))
    new(x).square().sum().backward()
    gradient = torch.cat([p.grad.flatten() for p in new.parameters() if p.grad is not None])
    # The new columns of the second factor are zero, and have gradients.
    assert int((gradient != 0).sum()) >= gradient.numel() - 2 * 6


@pytest.mark.parametrize("alpha", [None, 16.0])
def test_a_smaller_rank_keeps_the_largest_singular_values(alpha: float | None) -> None:
    old = trained(compiled(LOW, rank=4, alpha=alpha or 8.0))
    new = compiled(LOW, rank=2, alpha=alpha or 4.0)
    carried = qcompile.warm_start(new, old)
    u, s, vh = np.linalg.svd(matrix(old))
    best = (u[:, :2] * s[:2]) @ vh[:2]
    np.testing.assert_allclose(matrix(new), best, rtol=1e-4, atol=1e-5)
    assert len(carried.cut) == 2 and 0 < max(carried.cut.values()) < 1


def test_a_chain_of_small_bonds_within_large_ones_is_cut_without_loss() -> None:
    """Gauges that hide the small bonds are random."""
    small = trained(compiled(CHAIN, bond=2))
    large = compiled(CHAIN, bond=6)
    qcompile.warm_start(large, small)
    generator = torch.Generator().manual_seed(4)
    cores = [p for p in large.parameters() if p.dim() == 4]
    with torch.no_grad():
        for left, right in itertools.pairwise(cores):
            extent = left.shape[-1]
            gauge = torch.randn(extent, extent, generator=generator) + 3 * torch.eye(extent)
            left.copy_(left @ gauge)
            turned = torch.linalg.solve(gauge, right.reshape(extent, -1))
            right.copy_(turned.reshape(right.shape))
    np.testing.assert_allclose(matrix(large), matrix(small), rtol=1e-3, atol=1e-3)
    again = compiled(CHAIN, bond=2)
    carried = qcompile.warm_start(again, large)
    assert len(carried.cut) == 4 and max(carried.cut.values()) < 1e-4
    np.testing.assert_allclose(matrix(again), matrix(small), rtol=1e-3, atol=1e-3)


def test_one_cut_bond_of_a_chain_is_the_best_of_its_dimension() -> None:
    text = CHAIN.replace("sites: 4", "sites: 2")
    old = trained(compiled(text, bond=5))
    new = compiled(text, bond=3)
    qcompile.warm_start(new, old)
    # Out and in of the first site against those of the second.
    whole = matrix(old).reshape(4, 4, 4, 4).transpose(0, 2, 1, 3).reshape(16, 16)
    u, s, vh = np.linalg.svd(whole)
    best = ((u[:, :3] * s[:3]) @ vh[:3]).reshape(4, 4, 4, 4).transpose(0, 2, 1, 3)
    np.testing.assert_allclose(matrix(new), best.reshape(16, 16), rtol=1e-3, atol=1e-3)


def test_what_would_change_the_update_starts_anew_and_is_named() -> None:
    old = trained(compiled(ANGLES, depth=1))
    new = compiled(ANGLES, depth=2)
    start = new.state_dict()["wave.q.angles"].clone()
    carried = qcompile.warm_start(new, old)
    assert list(carried.fresh) == ["wave.q.angles"] and "update" in carried.fresh["wave.q.angles"]
    assert torch.equal(new.state_dict()["wave.q.angles"], start)
    assert "start anew" in carried.text()


def test_every_module_of_a_model_keeps_its_update() -> None:
    """Factors that all modules share grow as well."""
    path = ROOT / "examples" / "lotr.qa"
    old = trained(qcompile.compile(path, parameters={"rank": 3}))
    new = qcompile.compile(path, parameters={"rank": 5})
    carried = qcompile.warm_start(new, old)
    assert not carried.fresh and sum(name.startswith("shared.") for name in carried.grown) == 2
    for (_, one), (_, two) in zip(old.parts(), new.parts(), strict=True):
        torch.testing.assert_close(two.merge_weight(), one.merge_weight(), rtol=1e-4, atol=1e-4)


def test_nothing_in_common_is_refused_and_changes_nothing() -> None:
    new = compiled(LOW)
    before = {name: value.clone() for name, value in new.state_dict().items()}
    with pytest.raises(qcompile.QCompileError, match="QA6032"):
        qcompile.warm_start(new, trained(compiled(CHAIN)))
    assert all(torch.equal(new.state_dict()[name], value) for name, value in before.items())
    for wrong in (None, 3, new.state_dict()):
        with pytest.raises(qcompile.QCompileError, match="QA6013"):
            qcompile.warm_start(new, wrong)  # type: ignore[arg-type]


def test_the_command_starts_from_a_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "low.qa").write_text(LOW, "utf-8")
    old = trained(compiled(LOW))
    old.save("old.pt")
    assert main(["low.qa", "-D", "rank=3", "--from", "old.pt", "-o", "new.pt"]) == 0
    assert "carried 2 grown with the same update" in capsys.readouterr().err
    np.testing.assert_allclose(matrix(qcompile.load("new.pt")), matrix(old), rtol=1e-5, atol=1e-6)
    refused = {
        "QA0052": ["low.qa", "--from", "old.pt", "--emit", "plan"],
        "QA0015": ["low.qa", "--from", "old.pt", "-o", "old.pt"],
        "QA5001": ["low.qa", "--from", "none.pt", "-o", "x.pt"],
    }
    for code, arguments in refused.items():
        assert main(arguments) != 0
        assert code in capsys.readouterr().err
    assert not (tmp_path / "x.pt").exists()
