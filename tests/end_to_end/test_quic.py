"""QuIC: an orthogonal matrix of minors."""

from __future__ import annotations

import re
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import qcompile
from qcompile.diagnostics.errors import CompileError

QUIC = Path(__file__).parents[2] / "examples" / "quic.qa"


class One(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.proj = nn.Linear(width, 5, dtype=torch.float64)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = self.proj(x)
        return result


def compiled(model: nn.Module) -> qcompile.CompiledAdapter:
    text = re.sub(r"^model .*$", "", QUIC.read_text("utf-8"), flags=re.M)
    text = re.sub(r"^ *attach .*$", '    attach "proj"', text, flags=re.M)
    return qcompile.compile(text, model=model).double()


@pytest.mark.parametrize("width", [10, 12])
def test_inputs_are_turned_by_minors_of_a_cayley_matrix(width: int) -> None:
    """Five rows have ten pairs: all inputs, or all but two."""
    model = One(width)
    x = torch.randn(3, width, dtype=torch.float64)
    plain = model(x)
    adapter = compiled(model)
    qcompile.attach(model, adapter)
    assert torch.equal(model(x), plain)
    (skew,) = (p for p in adapter.parameters() if p.requires_grad)
    assert skew.shape == (1, 10)
    with torch.no_grad():
        skew.copy_(torch.randn(1, 10))
    upper = np.zeros((5, 5))
    upper[np.triu_indices(5, 1)] = skew.detach().numpy()[0]
    a = upper - upper.T
    q = (np.eye(5) - a) @ np.linalg.inv(np.eye(5) + a)
    pairs = list(combinations(range(5), 2))
    # Rows of the table are Q e_i, so that it holds the transpose.
    minors = [[np.linalg.det(q.T[np.ix_(r, c)]) for c in pairs] for r in pairs]
    turn = np.eye(width)
    turn[:10, :10] = minors
    np.testing.assert_allclose(turn @ turn.T, np.eye(width), atol=1e-12)
    turned = x @ torch.from_numpy(turn).T
    base: Any = model.get_submodule("proj").base_layer
    wanted = base(turned)
    torch.testing.assert_close(model(x), wanted, rtol=1e-10, atol=1e-10)


ORDERS = """qa 1

adapter a() {
    shape 4 -> 20
    t = compound(table(5, 6, init: normal), order: ORDER)
    update resize(flat(t), out_features) + linear(x, to: out_features)
}
"""


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_minors_have_their_derivatives(order: int) -> None:
    adapter = qcompile.compile(ORDERS.replace("ORDER", str(order))).double()
    table = adapter.only_part().get_parameter("t.table1")
    with torch.no_grad():
        # Singular parts as well: a start at the identity is full of them.
        table.copy_(torch.eye(5, 6) if order == 2 else torch.randn(5, 6))
    rows, columns = (list(combinations(range(n), order)) for n in (5, 6))

    def ours(value: torch.Tensor) -> torch.Tensor:
        state = dict(adapter.named_parameters())
        key = next(name for name in state if name.endswith("t.table1"))
        found: torch.Tensor = torch.func.functional_call(
            adapter, {**state, key: value}, (torch.zeros(1, 4, dtype=torch.float64),)
        )
        return found

    value = table.detach().clone().requires_grad_()
    minors = torch.stack(
        [torch.linalg.det(value.detach()[list(r)][:, list(c)]) for r in rows for c in columns]
    )
    wanted = torch.nn.functional.pad(minors, (0, 20))[:20]
    torch.testing.assert_close(ours(value.detach())[0], wanted)
    assert torch.autograd.gradcheck(ours, (value,))


def test_orders_beyond_the_table_are_refused() -> None:
    with pytest.raises(CompileError, match=r"QA3166.*at most 5"):
        qcompile.compile(ORDERS.replace("ORDER", "6"))
    with pytest.raises(CompileError, match=r"QA3166.*more than"):
        qcompile.compile(ORDERS.replace("ORDER", "4").replace("table(5, 6", "table(99, 99"))
