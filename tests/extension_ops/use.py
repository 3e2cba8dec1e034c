"""Uses an adapter with `householder` as a user would: command line first, then Python."""

from __future__ import annotations

import sys

import numpy as np
import torch

import qcompile
from qcompile.cli import main
from qcompile.ir.verify_plan import program_of_plan
from qcompile.testing.reference import evaluate_program


def use(source: str, saved: str, again: str) -> None:
    for verb in ("check", "report"):
        assert main([verb, source]) == 0
    assert main(["compile", source, "-o", saved]) == 0
    assert main(["compile", source, "--emit", "plan"]) == 0
    adapter = qcompile.load(saved)
    x = torch.randn(5, 6, generator=torch.Generator().manual_seed(0))
    optimiser = torch.optim.SGD(adapter.parameters(), lr=0.1)
    before = adapter(x)
    before.square().sum().add(before.sum()).backward()
    optimiser.step()
    after = adapter(x)
    assert not torch.equal(before, after)
    # Reflections keep lengths.
    torch.testing.assert_close(after.norm(dim=1), x.norm(dim=1))
    ((_, part),) = adapter.parts()
    values = {0: next(adapter.parameters()).detach().double().numpy()}
    expected = evaluate_program(program_of_plan(part.plan), x.double().numpy(), values)
    np.testing.assert_allclose(after.detach().numpy(), expected, atol=1e-5)
    adapter.save(again)
    assert torch.equal(qcompile.load(again)(x), after)


use(*sys.argv[1:])
