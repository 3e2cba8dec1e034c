"""The evaluator of a circuit, as the plan chose it."""

from __future__ import annotations

from typing import Protocol, assert_never

from torch import Tensor

from qcompile.backends.executors.constants import Constants
from qcompile.backends.executors.network.build import build_network
from qcompile.backends.executors.sweeps.dense import build_dense
from qcompile.backends.executors.sweeps.density import build_density
from qcompile.backends.executors.sweeps.statevector import build_statevector
from qcompile.ir.plan import (
    DenseEvaluation,
    DensityEvaluation,
    Evaluation,
    NetworkEvaluation,
    StatevectorEvaluation,
)
from qcompile.ir.target import Target


class Evaluator(Protocol):
    """data (B, data_width) real, angles (angle_count,) or None → (B, outputs), data's dtype."""

    def __call__(self, data: Tensor, angles: Tensor | None) -> Tensor: ...


def build_evaluator(evaluation: Evaluation, target: Target, constants: Constants) -> Evaluator:
    """Shots and mitigation come from `target`; noise from the evaluation."""
    match evaluation:
        case DenseEvaluation():
            return build_dense(evaluation, target, constants)
        case StatevectorEvaluation():
            return build_statevector(evaluation, target, constants)
        case NetworkEvaluation():
            return build_network(evaluation, target, constants)
        case DensityEvaluation():
            return build_density(evaluation, target, constants)
        case _:
            assert_never(evaluation)
