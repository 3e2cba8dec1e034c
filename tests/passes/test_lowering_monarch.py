"""Monarch matrices from text to plan: counts, values against dense matrices, starts."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import qcompile
from qcompile.adapter import CompiledAdapter
from qcompile.diagnostics.errors import CompileError
from qcompile.ir.verify_plan import program_of_plan
from qcompile.testing.ops.monarch import monarch_matrix
from qcompile.testing.reference import evaluate_program


def compiled(body: str, inputs: int, outputs: int, level: int = 2) -> CompiledAdapter:
    target = "target t { dtype: float64 }"
    text = f"qa 1\nadapter a() {{\nshape {inputs} -> {outputs}\n{body}\n}}\n{target}\n"
    found = qcompile.compile(text, optimisation=level)
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in found.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator))
    return found


def matrix(adapter: CompiledAdapter) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    right, left = (p.detach().double().numpy() for p in adapter.parameters())
    return monarch_matrix(right, left)


@pytest.mark.parametrize("level", [0, 1, 2])
@pytest.mark.parametrize(
    ("inputs", "outputs", "blocks"), [(16, 16, 4), (12, 8, 4), (6, 10, 2), (4, 4, 4), (3, 9, 3)]
)
def test_values_are_those_of_dense_matrices(
    inputs: int, outputs: int, blocks: int, level: int
) -> None:
    body = f"replace monarch(x, to: {outputs}, blocks: {blocks})"
    adapter = compiled(body, inputs, outputs, level)
    x = torch.randn(7, inputs, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    expected = x.numpy() @ matrix(adapter).T
    np.testing.assert_allclose(adapter(x).detach().numpy(), expected, atol=1e-6)
    count = sum(parameter.numel() for parameter in adapter.parameters())
    assert count == inputs * outputs // blocks + outputs * blocks


def test_chains_share_a_network() -> None:
    """A chain whose modes agree is one network; every preset gives the oracle's values."""
    body = (
        "h = monarch(monarch(x, to: 16, blocks: 4), to: 8, blocks: 4)\n"
        "update monarch(relu(h), to: 6, blocks: 2) * vector(6)"
    )
    for level in (0, 1, 2):
        adapter = compiled(body, 12, 6, level)
        ((_, part),) = adapter.parts()
        x = torch.randn(4, 12, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
        named = dict(part.named_parameters())
        tensors = [named[tensor.name].detach().double().numpy() for tensor in part.plan.tensors]
        expected = evaluate_program(program_of_plan(part.plan), x.numpy(), dict(enumerate(tensors)))
        np.testing.assert_allclose(adapter(x).detach().numpy(), expected, atol=1e-6)


def test_the_square_matrix_is_that_of_the_paper() -> None:
    """n = b²: y[s, q] = Σ_k L[q, s, k] Σ_p R[k, q, p] x[k, p]."""
    adapter = compiled("replace monarch(x, to: 9, blocks: 3)", 9, 9)
    right, left = (p.detach().double().numpy() for p in adapter.parameters())
    written_out = np.zeros((3, 3, 3, 3))
    for s, q, k, p in np.ndindex(3, 3, 3, 3):
        written_out[s, q, k, p] = left[q, s, k] * right[k, q, p]
    np.testing.assert_allclose(matrix(adapter), written_out.reshape(9, 9))


def test_zero_starts_at_zero_and_learns() -> None:
    adapter = qcompile.compile(
        "qa 1\nadapter a() {\nshape 8 -> 4\nupdate monarch(x, to: 4, blocks: 2, init: zero)\n}\n"
    )
    x = torch.randn(5, 8, generator=torch.Generator().manual_seed(4))
    result = adapter(x)
    assert torch.equal(result, torch.zeros(5, 4))
    (result - 1).square().sum().backward()
    named = dict(adapter.named_parameters())
    (left,) = (p for name, p in named.items() if name.endswith("left"))
    assert left.grad is not None and bool(left.grad.abs().max() > 0)
    (right,) = (p for name, p in named.items() if name.endswith("right"))
    assert bool(right.detach().abs().max() > 0)


def test_it_can_be_merged() -> None:
    adapter = compiled("update 2 * monarch(x, to: 8, blocks: 4)", 12, 8)
    ((_, part),) = adapter.parts()
    assert part.plan.linear


def test_sizes_of_a_model_are_checked() -> None:
    text = (
        'qa 1\nmodel "examples/models/tiny-llama/config.json"\n'
        'adapter a() {\nattach "*.q_proj"\nupdate monarch(x, to: out_features, blocks: 7)\n}\n'
    )
    with pytest.raises(CompileError, match="QA3132"):
        qcompile.compile(text)
