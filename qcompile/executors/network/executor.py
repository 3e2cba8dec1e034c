"""One tensor network for each observable, over its light cone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qcompile.executors.costing import Price, Workload
from qcompile.executors.executor import Evaluator, Executor, Refusal, Request
from qcompile.executors.network.price import (
    LARGEST_SEARCH,
    OPERATIONS,
    fewest_operations,
    has_networks,
    network_evaluation,
    network_price,
)
from qcompile.executors.network.program import network_program
from qcompile.ir.plan import Evaluation, NetworkEvaluation
from qcompile.ir.target import Target

if TYPE_CHECKING:
    from qcompile.executors.constants import Constants


class Network(Executor):
    """Each expectation value by contracting its own network along a frozen path."""

    name = "network"

    def plan(self, request: Request) -> Evaluation | Refusal:
        circuit, load = request.circuit, request.load
        if not has_networks(circuit):
            return Refusal(reason="it has amplitude encoding or reads probabilities")
        fewest = fewest_operations(circuit)
        if fewest is None:
            return Refusal(reason=f"its networks have more than {LARGEST_SEARCH} tensors in all")
        # The search is the slow part: skip it where its result cannot win.
        if load.machine.seconds(operations=OPERATIONS * fewest) >= request.budget:
            return Refusal(reason=f"its {fewest} contractions take longer, whatever their order")
        found = network_evaluation(circuit, load, request.searches, budget=request.budget)
        if found is None and request.demanded:
            return Refusal(reason="no contraction keeps to the 52 indices of an einsum")
        return found or Refusal(
            reason="its contractions take longer along every path that was found"
        )

    def price(self, evaluation: Evaluation, load: Workload) -> Price:
        assert isinstance(evaluation, NetworkEvaluation)
        return network_price(evaluation, load)

    def build(self, evaluation: Evaluation, target: Target, constants: Constants) -> Evaluator:
        from qcompile.executors.network.build import NetworkEvaluator

        assert isinstance(evaluation, NetworkEvaluation)
        return NetworkEvaluator(network_program(evaluation), target.shots, constants)
