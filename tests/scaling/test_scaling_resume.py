"""A plain loop that stops and goes on ends where the straight one does, bit for bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

import qcompile
from qcompile.adapter.training import after_step, with_regulariser
from tests.adapter.models import TOKENS, llama, same

SPEC = """qa 1

adapter noisy(rank: int = 3) on sampled {
    attach "*.self_attn.{q,v}_proj"
    g = vector(rank, init: normal)
    train {
        regularise 0.1 * mean_abs(g)
        proximal soft_threshold(g, 0.01)
    }
    h = linear(dropout(x, 0.2), to: rank)
    q = circuit(rank qubits) {
        encode angle(h, gate: ry)
        cx ring
        ry
        measure z
    }
    update linear(g * q, to: out_features, init: normal(0.1))
}

target sampled {
    noise: { one_qubit: 1pct, two_qubit: 2pct }
    shots: 64
}
"""


def trained(model: nn.Module) -> dict[str, Tensor]:
    return {name: p.detach().clone() for name, p in model.named_parameters() if p.requires_grad}


def prepared() -> tuple[nn.Module, torch.optim.Optimizer]:
    model = llama()
    qcompile.attach(model, qcompile.compile(SPEC, model=model))
    parameters = [p for p in model.parameters() if p.requires_grad]
    return model.train(), torch.optim.AdamW(parameters, lr=0.05)


def step(model: Any, optimiser: torch.optim.Optimizer) -> None:
    optimiser.zero_grad()
    loss = with_regulariser(model(input_ids=TOKENS, labels=TOKENS).loss, model)
    loss.backward()  # type: ignore[no-untyped-call]
    optimiser.step()
    after_step(model)


def test_dropout_shots_and_train_clauses_resume_bit_for_bit(tmp_path: Path) -> None:
    torch.manual_seed(4)
    model, optimiser = prepared()
    torch.manual_seed(5)
    for number in range(4):
        if number == 2:
            kept = {"optimiser": optimiser.state_dict(), "generator": torch.get_rng_state()}
            qcompile.attached(model)[0].save(tmp_path / "adapter.pt")
            torch.save(kept, tmp_path / "run.pt")
        step(model, optimiser)

    # A new process would start from any state of the generator.
    torch.manual_seed(99)
    again = qcompile.attach(llama(), tmp_path / "adapter.pt").train()
    optimiser = torch.optim.AdamW([p for p in again.parameters() if p.requires_grad], lr=0.05)
    kept = torch.load(tmp_path / "run.pt", weights_only=True)
    optimiser.load_state_dict(kept["optimiser"])
    torch.set_rng_state(kept["generator"])
    for _ in range(2):
        step(again, optimiser)
    assert same(trained(again), trained(model))

    # The generator matters: with another one the shots and masks are others.
    other = qcompile.attach(llama(), tmp_path / "adapter.pt").train()
    optimiser = torch.optim.AdamW([p for p in other.parameters() if p.requires_grad], lr=0.05)
    optimiser.load_state_dict(kept["optimiser"])
    torch.manual_seed(99)
    for _ in range(2):
        step(other, optimiser)
    assert not same(trained(other), trained(model))
