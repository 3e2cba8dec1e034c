"""A service that is exact and local: the simulator on a circuit in slots."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from qcompile.executors.constants import Constants
from qcompile.executors.measured.service import Placed
from qcompile.executors.registry import executor_of
from qcompile.ir.plan import StatevectorEvaluation
from qcompile.ir.target import DEFAULT_TARGET


class ExactService:
    """Keeps what it was asked for."""

    name = "exact"

    def __init__(self) -> None:
        self.calls: list[int] = []
        """Bindings of each call."""

    def expectations(
        self, asked: Sequence[tuple[Placed, NDArray[np.float64]]]
    ) -> list[NDArray[np.float64]]:
        self.calls.append(sum(len(bindings) for _, bindings in asked))
        return [self.values(placed, bindings) for placed, bindings in asked]

    def values(self, placed: Placed, bindings: NDArray[np.float64]) -> NDArray[np.float64]:
        evaluation = StatevectorEvaluation(circuit=placed.circuit)
        evaluator = executor_of(evaluation).build(evaluation, DEFAULT_TARGET, Constants())
        with torch.no_grad():
            return evaluator(torch.from_numpy(bindings), None).numpy()
