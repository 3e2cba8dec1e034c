"""`examples/daruan.qa`, beside one-qubit circuits multiplied out in float64."""

from __future__ import annotations

import re
from pathlib import Path

import torch
from torch import Tensor, nn

import qcompile

EXAMPLES = Path(__file__).parents[2] / "examples"
INPUTS, OUTPUTS, RANK, LAYERS = 6, 5, 3, 2


def turn(angle: Tensor, pauli: Tensor) -> Tensor:
    """exp(-i t P / 2) of each angle, (…, 2, 2)."""
    half = (angle / 2)[..., None, None]
    return torch.cos(half) * torch.eye(2) - 1j * torch.sin(half) * pauli


def expected(part: nn.Module, x: Tensor) -> Tensor:
    """The update, edge by edge."""
    y = torch.tensor([[0, -1j], [1j, 0]], dtype=torch.complex128)
    z = torch.tensor([[1, 0], [0, -1]], dtype=torch.complex128)
    h = x @ part.get_parameter("h.weight").T
    names = [("data.vector1", "data.vector2")]
    names += [(f"data.{k}.vector1", f"data.{k}.vector2") for k in range(LAYERS - 1)]
    turns = part.get_parameter("q.angles").reshape(LAYERS + 1, RANK**2)
    sums = torch.zeros(len(x), RANK, dtype=torch.float64)
    for out in range(RANK):
        for given in range(RANK):
            edge = out * RANK + given
            state = torch.tensor([1, 0], dtype=torch.complex128).expand(len(x), 2)
            state = torch.einsum("ij,nj->ni", turn(turns[0, edge], y), state)
            for layer, (w, b) in enumerate(names):
                angle = part.get_parameter(w)[edge] * h[:, given] + part.get_parameter(b)[edge]
                state = torch.einsum("nij,nj->ni", turn(angle, z), state)
                state = torch.einsum("ij,nj->ni", turn(turns[layer + 1, edge], y), state)
            weights = state.abs().square()
            sums[:, out] = sums[:, out] + weights[:, 0] - weights[:, 1]
    return 2.0 * sums @ part.get_parameter("update.linear1.weight").T


def test_every_edge_is_a_circuit_of_one_qubit() -> None:
    text = (EXAMPLES / "daruan.qa").read_text("utf-8")
    text = re.sub(r"^ *attach .*$", '    attach "0"', text, flags=re.M)
    text = re.sub(r"^model .*$", "target t { dtype: float64 }", text, flags=re.M)
    model = nn.Sequential(nn.Linear(INPUTS, OUTPUTS))
    parameters = {"rank": RANK, "layers": LAYERS}
    adapter = qcompile.compile(text, model=model, parameters=parameters).double()
    part = adapter["0"]
    generator = torch.Generator().manual_seed(0)
    trained = [p for p in part.parameters() if p.requires_grad]
    with torch.no_grad():
        for parameter in trained:
            parameter.copy_(torch.randn(parameter.shape, generator=generator))
    x = torch.randn(4, INPUTS, dtype=torch.float64, generator=generator)
    mine, theirs = part(x), expected(part, x)
    torch.testing.assert_close(mine, theirs, rtol=1e-10, atol=1e-10)
    weights = torch.randn(mine.shape, dtype=torch.float64, generator=generator)
    torch.testing.assert_close(
        torch.autograd.grad((mine * weights).sum(), trained),
        torch.autograd.grad((theirs * weights).sum(), trained),
        rtol=1e-9,
        atol=1e-9,
    )
