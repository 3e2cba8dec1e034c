"""z / ‖z‖ with derivatives of its own, against division by a norm that torch differentiates."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from qcompile.executors.sweeps.amplitudes import unit_states
from qcompile.executors.sweeps.squares import squares

WIDTH = 3


def rows() -> Tensor:
    generator = torch.Generator().manual_seed(5)
    return torch.randn(4, WIDTH, dtype=torch.float64, generator=generator)


@pytest.mark.parametrize("dimension", [3, 4])
def test_values_and_gradients_are_those_of_a_division(dimension: int) -> None:
    scales = torch.tensor([1.0, 1e-160, 1e160, 7.0], dtype=torch.float64)
    z = (rows() * scales.unsqueeze(1)).requires_grad_()
    plain = rows().requires_grad_()
    weights = torch.linspace(-1, 2, 4 * dimension, dtype=torch.float64).reshape(dimension, 4)
    expected = (plain / plain.norm(dim=1, keepdim=True)).t()
    found = unit_states(z, dimension)
    torch.testing.assert_close(found[:WIDTH], expected)
    assert not found[WIDTH:].any()
    (slope,) = torch.autograd.grad(found, z, weights)
    (right,) = torch.autograd.grad(expected, plain, weights[:WIDTH])
    # The derivative by z is that by its direction, divided by its size.
    torch.testing.assert_close(slope * scales.unsqueeze(1), right)


def test_zero_is_the_ground_state_without_gradient() -> None:
    z = torch.zeros(2, WIDTH, requires_grad=True)
    found = unit_states(z, 4)
    assert found.t().tolist() == [[1, 0, 0, 0]] * 2
    (slope,) = torch.autograd.grad(found.sum(), z)
    assert not slope.any()
    assert unit_states(z[:0], 4).shape == (4, 0)


@pytest.mark.filterwarnings("ignore:.torch.jit.script:DeprecationWarning")
def test_derivatives_of_every_kind() -> None:
    def probabilities(z: Tensor) -> Tensor:
        return squares(unit_states(z, 4).reshape(1, 2, 2, -1))

    z = rows()[:2].requires_grad_()
    assert torch.autograd.gradcheck(probabilities, (z,), check_batched_grad=True)
    assert torch.autograd.gradgradcheck(probabilities, (z,))
    forward = torch.func.jacfwd(probabilities)(z.detach())
    torch.testing.assert_close(torch.func.jacrev(probabilities)(z.detach()), forward)
