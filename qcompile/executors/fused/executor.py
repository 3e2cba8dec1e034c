"""The executor that runs a circuit's gate program in a compiled library, on a GPU in Triton.

What is planned does not depend on whether these are there: an evaluation holds the form in
torch that takes their place, chosen by cost like any other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from qcompile.executors.costing import Price, Workload, circuit_cost
from qcompile.executors.executor import Evaluator, Executor, Refusal, Request
from qcompile.executors.fused.assemble import fused_program
from qcompile.executors.fused.cost import FusedWork, fused_work
from qcompile.executors.registry import executor_of
from qcompile.executors.sweeps.adjoint_executor import Adjoint
from qcompile.executors.sweeps.executors import Dense, Statevector
from qcompile.ir.limits import MAX_FUSED_GATES, MAX_FUSED_QUBITS
from qcompile.ir.plan import (
    AdjointEvaluation,
    DenseEvaluation,
    Evaluation,
    FusedEvaluation,
    MpsEvaluation,
    NetworkEvaluation,
    StatevectorEvaluation,
)
from qcompile.ir.target import Target

if TYPE_CHECKING:
    from qcompile.executors.constants import Constants

Eager = (
    DenseEvaluation | StatevectorEvaluation | NetworkEvaluation | AdjointEvaluation | MpsEvaluation
)


CIRCUITS = 64
"""Of a model: two in each of some thirty layers."""

IN_TORCH = (Statevector(), Dense(), Adjoint())


class Fused(Executor):
    """One call for all gates of all tokens; on the way back gates are undone, no state is kept."""

    name = "fused"

    def plan(self, request: Request) -> Evaluation | Refusal:
        circuit = request.circuit
        if circuit.qubits > MAX_FUSED_QUBITS:
            return Refusal(reason=f"it has more than {MAX_FUSED_QUBITS} qubits")
        if len(circuit.gates) > MAX_FUSED_GATES:
            return Refusal(reason=f"it has more than {MAX_FUSED_GATES} gates")
        return FusedEvaluation(circuit=circuit, eager=self._eager(request))

    def _eager(self, request: Request) -> Eager:
        """The fastest, unless what the circuits of a model keep together would be too much."""
        share = request.memory_limit / CIRCUITS

        def score(offer: Eager) -> float:
            price = executor_of(offer).price(offer, request.load)
            return price.seconds * max(1.0, price.bytes / share)

        offers = [request.best, *(e.plan(request) for e in IN_TORCH)]
        return min((offer for offer in offers if isinstance(offer, Eager)), key=score)

    def price(self, evaluation: Evaluation, load: Workload) -> Price:
        assert isinstance(evaluation, FusedEvaluation)
        work = fused_work(fused_program(evaluation.circuit))
        return Price(
            seconds=_seconds(work, load),
            bytes=load.item_bytes * (work.states + load.tokens * work.handed),
            cost=circuit_cost(evaluation.circuit, work.forward, work.once, work.kept),
            # The library keeps nothing but the data, and runs forward again.
            backward=1 + work.backward / work.forward if work.forward else 2.0,
        )

    def build(self, evaluation: Evaluation, target: Target, constants: Constants) -> Evaluator:
        from qcompile.executors.fused.build import FusedEvaluator
        from qcompile.executors.fused.gpu.available import triton_installed
        from qcompile.executors.fused.library import library

        assert isinstance(evaluation, FusedEvaluation)
        eager = evaluation.eager
        in_torch = executor_of(eager).build(eager, target, constants)
        if library() is None and not triton_installed():
            return in_torch
        exact = executor_of(eager).build(eager, EXACT, constants) if target.shots else in_torch
        return FusedEvaluator(fused_program(evaluation.circuit), in_torch, exact, target, constants)


EXACT = Target(name="exact")


def _seconds(work: FusedWork, load: Workload) -> float:
    """Forward, and forward again with the way back."""
    machine = load.machine
    flops = 2 * work.once + load.tokens * (2 * work.forward + work.backward)
    return flops / machine.fused_flops_per_second + machine.seconds(operations=OPERATIONS)


OPERATIONS = 8
"""Of torch, around the calls of the library."""
