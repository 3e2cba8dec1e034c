"""The executors that sweep over a state: gate by gate, with hoisted blocks, on density matrices."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from qcompile.executors.costing import Price, Workload
from qcompile.executors.executor import Evaluator, Executor, Refusal, Request
from qcompile.executors.sweeps.assemble import sweep_program
from qcompile.executors.sweeps.price import sweeps_price
from qcompile.executors.sweeps.segments import hoist_all, hoist_where_cheaper
from qcompile.ir.plan import (
    DenseEvaluation,
    DensityEvaluation,
    Evaluation,
    HoistedBlock,
    StatevectorEvaluation,
)
from qcompile.ir.target import CalibratedNoise, NoiseModel, Target

if TYPE_CHECKING:
    from qcompile.executors.constants import Constants

OF_SWEEPS = (StatevectorEvaluation, DenseEvaluation, DensityEvaluation)


class SweepExecutor(Executor):
    """Carries out a sweep program, and counts it."""

    def price(self, evaluation: Evaluation, load: Workload) -> Price:
        assert isinstance(evaluation, OF_SWEEPS)
        return sweeps_price(evaluation, load)

    def build(self, evaluation: Evaluation, target: Target, constants: Constants) -> Evaluator:
        from qcompile.executors.sweeps.build import SweepEvaluator

        assert isinstance(evaluation, OF_SWEEPS)
        return SweepEvaluator(sweep_program(evaluation, target), constants)

    def fits(self, evaluation: Evaluation, request: Request) -> bool:
        """Whether a single token fits in memory."""
        single = replace(request.load, tokens=1)
        return self.price(evaluation, single).bytes <= request.memory_limit


class Statevector(SweepExecutor):
    """Every gate on every token's state; matrices of data-free gates are built once per call."""

    name = "statevector"

    def plan(self, request: Request) -> Evaluation | Refusal:
        return StatevectorEvaluation(circuit=request.circuit)


class Dense(SweepExecutor):
    """Blocks of data-free gates as unitaries, built once per call: all, or those that pay."""

    name = "dense"

    def plan(self, request: Request) -> Evaluation | Refusal:
        circuit = request.circuit
        if not request.demanded:
            segments = hoist_where_cheaper(circuit, request.load)
            if not any(isinstance(segment, HoistedBlock) for segment in segments):
                return Refusal(reason="none of its blocks is cheaper as one matrix")
            return DenseEvaluation(circuit=circuit, segments=segments)
        dense = DenseEvaluation(circuit=circuit, segments=hoist_all(circuit))
        if not self.fits(dense, request):
            return Refusal(
                reason=f"its unitaries on {circuit.qubits} qubits have 4^{circuit.qubits} entries"
                " and do not fit in memory"
            )
        return dense


class Density(SweepExecutor):
    """Density matrices, with depolarising noise after every gate."""

    name = "density"
    simulates_noise = True

    def plan(self, request: Request) -> Evaluation | Refusal:
        noise = request.target.noise
        if isinstance(noise, CalibratedNoise):
            return Refusal(reason="its noise is the same on all qubits, and a device's is not")
        if noise is None and not request.demanded:
            return Refusal(reason="a density matrix is for noise, and the target has none")
        density = DensityEvaluation(circuit=request.circuit, noise=noise or NoiseModel())
        if request.demanded and not self.fits(density, request):
            qubits = request.circuit.qubits
            return Refusal(reason=f"a density matrix on {qubits} qubits does not fit in memory")
        return density
