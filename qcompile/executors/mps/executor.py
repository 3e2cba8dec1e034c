"""The executor of matrix product states."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

from qcompile.executors.costing import Price, Workload, circuit_cost, memory
from qcompile.executors.executor import Evaluator, Executor, Refusal, Request
from qcompile.executors.mps.count import count_mps
from qcompile.executors.mps.program import MpsProgram, mps_program
from qcompile.executors.registry import executor_of
from qcompile.ir.circuit import Circuit, Expectations, ZeroState
from qcompile.ir.circuit_analysis import two_qubit_gates
from qcompile.ir.plan import Evaluation, MpsEvaluation
from qcompile.ir.target import Target
from qcompile.ir.work import Part, Work

if TYPE_CHECKING:
    from qcompile.executors.constants import Constants

OPERATIONS = 3
"""Tensor operations that a gate on two qubits and the reading of a qubit take at least."""

VIEWS = 3
"""What a counted operation takes with the views around it, in units of one."""

LONGEST = 20_000
"""Gates on two qubits times the qubits between them beyond which the work is not written down."""


class Mps(Executor):
    """A chain of tensors, exact up to a bond dimension and cut beyond.

    One that would be cut is no candidate while something exact fits in memory.
    """

    name = "mps"

    def plan(self, request: Request) -> Evaluation | Refusal:
        circuit, load = request.circuit, request.load
        if not (
            isinstance(circuit.initial, ZeroState) and isinstance(circuit.readout, Expectations)
        ):
            return Refusal(reason="it has amplitude encoding or reads probabilities")
        evaluation = MpsEvaluation(circuit=circuit, bond=request.target.bond)
        if request.demanded:
            return evaluation
        fewest = OPERATIONS * (two_qubit_gates(circuit.gates) + circuit.qubits)
        if load.machine.seconds(operations=fewest) >= request.budget:
            return Refusal(reason=f"its {fewest} tensor operations take longer")
        if _reach(circuit) > LONGEST:
            return Refusal(reason="its gates reach over too many qubits in all")
        if mps_program(evaluation).cuts and _fits(request):
            return Refusal(reason=f"its bonds would be cut to {evaluation.bond}; others are exact")
        return evaluation

    def price(self, evaluation: Evaluation, load: Workload) -> Price:
        assert isinstance(evaluation, MpsEvaluation)
        work = _work(mps_program(evaluation))
        each, once = work.each, work.once
        return Price(
            seconds=_seconds(work, load),
            bytes=memory(work, load),
            cost=circuit_cost(evaluation.circuit, each.flops, once.flops, int(each.kept)),
            largest_hoisted=int(once.largest),
        )

    def build(self, evaluation: Evaluation, target: Target, constants: Constants) -> Evaluator:
        from qcompile.executors.mps.build import MpsEvaluator

        assert isinstance(evaluation, MpsEvaluation)
        return MpsEvaluator(mps_program(evaluation), target.shots, constants)


def _reach(circuit: Circuit) -> int:
    return sum(max(gate.qubits) - min(gate.qubits) for gate in circuit.gates)


def _fits(request: Request) -> bool:
    """Whether the best of the others can run a single token."""
    best = request.best
    if best is None:
        return False
    single = replace(request.load, tokens=1)
    return executor_of(best).price(best, single).bytes <= request.memory_limit


@lru_cache(maxsize=256)
def _work(program: MpsProgram) -> Work:
    return count_mps(program)


def _seconds(work: Work, load: Workload) -> float:
    """Products of small matrices are no faster than other arithmetic."""

    def flops(part: Part) -> float:
        return part.products + part.elementwise

    once, each, tokens = work.once, work.each, load.tokens
    return load.machine.seconds(
        elementwise=3.0 * (flops(once) + tokens * flops(each)),
        bytes=9.0 * load.item_bytes * (once.written + tokens * each.written),
        operations=VIEWS * work.operations,
    )
