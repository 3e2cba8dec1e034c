"""Files that the first version wrote are loaded and compute what they computed there.

`first.qa` is the source of both; `values.json` holds what the first version printed for them.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

import qcompile

FOLDER = Path(__file__).with_name("version_0_1")


@pytest.mark.parametrize(
    ("name", "dtype", "error"),
    [("exact", torch.float64, 1e-12), ("noisy", torch.float32, 1e-5)],
)
def test_it_loads_and_computes_the_same(
    name: str, dtype: torch.dtype, error: float, tmp_path: Path
) -> None:
    expected = json.loads((FOLDER / "values.json").read_text("utf-8"))[name]
    adapter = qcompile.load(FOLDER / f"{name}.pt").eval()
    x = torch.linspace(-1, 1, 16, dtype=torch.float64).reshape(2, 8).to(dtype)
    output = adapter(x)
    output.square().sum().backward()
    found = torch.tensor(expected["output"], dtype=torch.float64)
    torch.testing.assert_close(output.detach().double().flatten(), found, rtol=error, atol=error)
    gradients = [p.grad.double().abs().sum() for p in adapter.parameters() if p.grad is not None]
    assert len(gradients) == len(list(adapter.parameters()))
    assert float(sum(gradients)) == pytest.approx(expected["gradient"], rel=error)

    adapter.save(tmp_path / "again.pt")
    again = qcompile.load(tmp_path / "again.pt").eval()
    assert torch.equal(again(x), output)
