"""The evaluator of a circuit, as the plan chose it."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor

from qcompile.executors.constants import Constants
from qcompile.executors.network.build import build_network
from qcompile.executors.sweeps.assemble import sweep_program
from qcompile.executors.sweeps.build import SweepEvaluator
from qcompile.ir.plan import Evaluation, NetworkEvaluation
from qcompile.ir.target import Target


class Evaluator(Protocol):
    """data (B, data_width) real, angles (angle_count,) or None → (B, outputs), data's dtype."""

    def __call__(self, data: Tensor, angles: Tensor | None) -> Tensor: ...


def build_evaluator(evaluation: Evaluation, target: Target, constants: Constants) -> Evaluator:
    """Shots and mitigation come from `target`; noise from the evaluation."""
    if isinstance(evaluation, NetworkEvaluation):
        return build_network(evaluation, target, constants)
    return SweepEvaluator(sweep_program(evaluation, target), constants)
