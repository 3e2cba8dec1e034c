"""Elements chosen, counted and moved: values and gradients of adapters that do so."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

import qcompile


def value(expression: str, x: Tensor, width: int | None = None) -> Tensor:
    """What an expression of x gives."""
    size = x.shape[-1]
    text = (
        f"qa 1\n\nadapter a() {{\n    shape {size} -> {width or size}\n"
        f"    v = vector(1, init: zero)\n    update {expression} + v\n}}\n"
    )
    found: Tensor = qcompile.compile(text).double()(x)
    return found


X = torch.tensor([[3.0, -1.0, 0.0, 2.0], [0.5, 0.5, -2.0, 0.5]], dtype=torch.float64)


@pytest.mark.parametrize(
    ("expression", "wanted"),
    [
        ("(x > 0)", X > 0),
        ("(x >= 0)", X >= 0),
        ("(x < 0.5)", X < 0.5),
        ("(x <= 0.5)", X <= 0.5),
        ("(0.5 < x)", X > 0.5),
        ("(x > x[1])", X[:, 1:2] < X),
        ("(x[3] >= x)", X[:, 3:] >= X),
        ("where(x > 0, x, 0)", X.clamp(min=0)),
        ("where(x > 0, 2, -x)", torch.where(X > 0, 2.0, -X)),
        ("where(x[0] > 1, x, exp(x))", torch.where(X[:, :1] > 1, X, X.exp())),
        ("where(x > 0, log(x), 0)", torch.where(X > 0, X.log(), 0.0)),
        ("top(x, 2)", torch.tensor([[1.0, 0, 0, 1], [1, 1, 0, 0]])),
        ("top(x, 4)", torch.ones(2, 4)),
        ("permute(x, modes: [2, 2], axes: [1, 0])", X[:, [0, 2, 1, 3]]),
    ],
)
def test_values(expression: str, wanted: Tensor) -> None:
    torch.testing.assert_close(value(expression, X), wanted.double())


def test_gradients_reach_what_was_chosen_alone() -> None:
    x = X.clone().requires_grad_()
    value("where(x > 0, 2 * x, 0) + top(x, 1) * x", x).sum().backward()  # type: ignore[no-untyped-call]
    assert x.grad is not None
    wanted = 2.0 * (X > 0) + torch.tensor([[1.0, 0, 0, 0], [1, 0, 0, 0]])
    torch.testing.assert_close(x.grad, wanted.double())


def test_top_of_a_softmax_is_the_softmax_of_the_top() -> None:
    x = torch.randn(5, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    found = value("top(x, 2) * softmax(x) / sum(top(x, 2) * softmax(x))", x)
    best, places = x.topk(2)
    wanted = torch.zeros_like(x).scatter(-1, places, best.softmax(-1))
    torch.testing.assert_close(found, wanted)


def test_columns_of_paca_are_columns_of_the_weight() -> None:
    adapter = qcompile.compile(
        "qa 1\n\nadapter a() {\n    shape 6 -> 4\n"
        "    update linear(gather(x, 3, seed: 2), to: out_features)\n}\n"
    ).double()
    update = adapter(torch.eye(6, dtype=torch.float64)).detach()
    (columns,) = (parameter.detach() for parameter in adapter.parameters())
    assert columns.shape == (4, 3)
    used = update.abs().sum(1) > 0
    assert used.sum() == 3
    assert {tuple(row) for row in update[used].tolist()} == {
        tuple(column) for column in columns.T.tolist()
    }
