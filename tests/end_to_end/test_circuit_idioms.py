"""What docs/language.md makes of the statements of circuits."""

from __future__ import annotations

import itertools
import math
from pathlib import Path

import torch
from torch import Tensor

import qcompile

LANGUAGE = Path(__file__).parents[2] / "docs" / "language.md"


def layer() -> str:
    """The controlled-controlled X of the reference."""
    text = LANGUAGE.read_text("utf-8")
    start = text.index("layer ccx(")
    return text[start : text.index("}", start) + 1]


def turned(state: Tensor, angles: Tensor) -> Tensor:
    """RY of each angle on its qubit of a real state (2, 2, 2)."""
    for qubit, angle in enumerate(angles.tolist()):
        c, s = math.cos(angle / 2), math.sin(angle / 2)
        matrix = torch.tensor([[c, -s], [s, c]], dtype=torch.float64)
        state = torch.tensordot(matrix, state, ([1], [qubit])).movedim(0, qubit)
    return state


def test_ccx_turns_a_qubit_where_both_others_are_set() -> None:
    text = (
        f"qa 1\ntarget t {{ dtype: float64 }}\n{layer()}\n"
        "adapter a() {\nshape 3 -> 8\nq = circuit(3 qubits) {\n"
        "encode angle(x)\nccx(a: 2, b: 0, c: 1)\nry\nmeasure probs\n}\nreplace q\n}\n"
    )
    part = qcompile.compile(text).only_part()
    x = torch.randn(3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    state = turned(torch.eye(8, dtype=torch.float64)[0].reshape(2, 2, 2), x)
    flipped = torch.zeros_like(state)
    for a, b, c in itertools.product((0, 1), repeat=3):
        flipped[a, b ^ (a & c), c] = state[a, b, c]
    state = turned(flipped, part.get_parameter("q.angles").detach().double())
    expected = state.square().reshape(1, 8)
    torch.testing.assert_close(part.double()(x[None]), expected, rtol=1e-6, atol=1e-6)
