"""Adapters of a model of diffusers, where it is installed."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import qcompile

diffusers = pytest.importorskip("diffusers")

pytestmark = pytest.mark.filterwarnings("ignore:Accessing config attribute:FutureWarning")

SPEC = """qa 1

adapter small(rank: int = 4) {
    attach "*.{to_q,to_k,to_v}"
    h = linear(x, to: rank)
    q = circuit(rank qubits) {
        encode angle(h, gate: ry)
        cx ring
        ry
        measure z
    }
    update linear(q, to: out_features, init: zero)
}
"""


def test_a_unet_trains_and_its_adapter_is_saved(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = diffusers.UNet2DConditionModel(
        sample_size=8,
        in_channels=4,
        out_channels=4,
        layers_per_block=1,
        block_out_channels=(32, 64),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=32,
        attention_head_dim=8,
        norm_num_groups=8,
    )
    given = (torch.randn(2, 4, 8, 8), torch.tensor([1, 2]), torch.randn(2, 7, 32))
    before = model(*given).sample
    adapter = qcompile.compile(SPEC, model=model)
    qcompile.attach(model, adapter)
    assert torch.equal(model(*given).sample, before)
    optimiser = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], 1e-2)
    losses = []
    for _ in range(3):
        optimiser.zero_grad()
        loss = (model(*given).sample - given[0]).square().mean()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < losses[0]
    adapter.save(tmp_path / "a.pt")
    after = model(*given).sample
    qcompile.detach(model)
    assert torch.equal(model(*given).sample, before)
    qcompile.attach(model, tmp_path / "a.pt")
    assert torch.equal(model(*given).sample, after)
