"""Adapters whose tensors DeepSpeed's ZeRO-3 has put elsewhere."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

import qcompile
from qcompile.adapter.compiled import CompiledAdapter
from qcompile.adapter.training import after_step, regulariser
from qcompile.diagnostics import AdapterError
from tests.scaling.partitions import deepspeed, partition

GATED = """qa 1

adapter gated() {
    shape 6 -> 4
    g = vector(2, init: normal)
    train {
        regularise 0.1 * mean_abs(g)
        proximal soft_threshold(g, 1e-3)
    }
    update linear(g * linear(x, to: 2), to: 4, init: zero)
}
"""


@pytest.fixture
def whole() -> CompiledAdapter:
    return qcompile.compile(GATED)


@pytest.fixture
def partitioned() -> CompiledAdapter:
    adapter = qcompile.compile(GATED)
    for parameter in adapter.parameters():
        partition(parameter)
    return adapter


def test_empty_tensors_are_never_saved(partitioned: CompiledAdapter, tmp_path: Path) -> None:
    for name in ("adapter.pt", "adapter.safetensors", "adapter/", "adapter.pt2"):
        with pytest.raises(AdapterError, match="QA6121"):
            partitioned.save(f"{tmp_path}/{name}")
    assert not list(tmp_path.iterdir())


def test_gathered_has_the_values(
    whole: CompiledAdapter, partitioned: CompiledAdapter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "deepspeed", deepspeed())
    found = partitioned.gathered()
    for left, right in zip(whole.parameters(), found.parameters(), strict=True):
        assert torch.equal(left, right)
    assert all(parameter.numel() == 0 for parameter in partitioned.parameters())


def test_clauses_are_refused(partitioned: CompiledAdapter) -> None:
    for act in (regulariser, after_step):
        with pytest.raises(AdapterError, match="QA6125"):
            act(partitioned)
