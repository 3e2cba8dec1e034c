"""`train` clauses of adapters inside peft models."""

from __future__ import annotations

import math

import pytest
import torch
from peft import get_peft_model

from qcompile.adapter.training import after_step, regulariser, with_regulariser
from qcompile.peft import QCompileConfig
from tests.adapter.models import llama, outputs
from tests.peft.specs import GATED

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated")


def test_active_adapter_alone_is_regularised_and_stepped() -> None:
    model = get_peft_model(llama(), QCompileConfig(spec=GATED))
    model.add_adapter("other", QCompileConfig(spec=GATED, parameters={"rank": 3}))
    for active in ("default", "other"):
        model.set_adapter(active)
        named = dict(model.named_parameters())
        gates = {n: p for n, p in named.items() if n.endswith(".g") and f".{active}." in n}
        assert len(gates) == 4
        expected = sum(0.1 * gate.detach().abs().mean().item() for gate in gates.values())
        assert math.isclose(regulariser(model).item(), expected, rel_tol=1e-6)
        with_regulariser(outputs(model).loss, model).backward()  # type: ignore[no-untyped-call]
        assert all(gate.grad is not None for gate in gates.values())
        before = {n: p.detach().clone() for n, p in named.items()}
        after_step(model, 2.0)
        for name, parameter in named.items():
            old = before[name]
            if name in gates:
                new = old.sign() * (old.abs() - 2e-2).clamp(min=0)
                torch.testing.assert_close(parameter.detach(), new, rtol=0, atol=1e-8)
            else:
                assert torch.equal(parameter, old)
