"""Updates that are factored tensors: their counts, and the update written out by `einsum`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import qcompile
from qcompile.testing.ops.cosine import cosines

EXAMPLES = Path(__file__).parents[2] / "examples"
INPUTS, OUTPUTS = 24, 16


def compiled(name: str, **parameters: Any) -> tuple[dict[str, Tensor], Tensor]:
    """Random tensors of the example for one map, and what it adds to the weight."""
    text = (EXAMPLES / f"{name}.qa").read_text("utf-8")
    text = re.sub(r"^ *attach .*$", f"    shape {INPUTS} -> {OUTPUTS}", text, flags=re.M)
    text = re.sub(r"^model .*$", "", text, flags=re.M)
    adapter = qcompile.compile(text, parameters=parameters).double()
    generator = torch.Generator().manual_seed(3)
    tensors = {n.rpartition("::")[2]: p for n, p in adapter.named_parameters() if p.requires_grad}
    with torch.no_grad():
        for tensor in tensors.values():
            tensor.copy_(torch.randn(tensor.shape, dtype=torch.float64, generator=generator))
        update = adapter(torch.eye(INPUTS, dtype=torch.float64)).T
    return {name.rpartition(".")[2]: t.detach() for name, t in tensors.items()}, update


@pytest.mark.parametrize(
    ("name", "parameters", "count"),
    [
        ("cp", {"components": 3, "in_mode": 4, "out_mode": 2}, 3 * (4 + 6 + 2 + 8 + 1)),
        ("tucker", {"rank": 2, "in_mode": 4, "out_mode": 2}, 2 * (4 + 6 + 2 + 8) + 2**4),
        ("tt_lora", {"bond": 3}, 3 * (3 + 2) + 2 * 9 * 8),
        ("loca", {"coefficients": 7}, 7),
        ("waveft", {"rank": 1}, INPUTS + OUTPUTS),
    ],
)
def test_counts(name: str, parameters: dict[str, Any], count: int) -> None:
    tensors, update = compiled(name, **parameters)
    assert sum(tensor.numel() for tensor in tensors.values()) == count
    assert update.shape == (OUTPUTS, INPUTS)
    assert update.abs().max() > 0


def test_cp_is_a_sum_of_outer_products() -> None:
    t, update = compiled("cp", components=3, in_mode=4, out_mode=2)
    wanted = torch.einsum("r,ri,rj,rk,rl->klij", t["s"], t["a"], t["b"], t["c"], t["d"])
    torch.testing.assert_close(update, wanted.reshape(OUTPUTS, INPUTS))


def test_tucker_is_a_core_between_factors() -> None:
    t, update = compiled("tucker", rank=2, in_mode=4, out_mode=2)
    core = t["weight"].reshape(2, 2, 2, 2)
    wanted = torch.einsum("abcd,ci,dj,ka,lb->klij", core, t["a"], t["b"], t["c"], t["d"])
    torch.testing.assert_close(update, wanted.reshape(OUTPUTS, INPUTS))


def test_loca_is_a_sum_of_cosines() -> None:
    t, update = compiled("loca", coefficients=INPUTS * OUTPUTS)
    spectrum = cosines(OUTPUTS) @ update.numpy() @ cosines(INPUTS).T
    found = np.sort(spectrum.ravel())
    np.testing.assert_allclose(found, np.sort(t["c"].numpy()), atol=1e-12)
