"""Chooses how each circuit is evaluated, by estimated time within the memory limit."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, assert_never

from qcompile.diagnostics.errors import CompileError
from qcompile.diagnostics.messages.planning import EvaluatorImpossible
from qcompile.executors.costing import Price, Workload
from qcompile.executors.network.price import (
    LARGEST_SEARCH,
    OPERATIONS,
    fewest_operations,
    has_networks,
    network_evaluation,
)
from qcompile.executors.sweeps.assemble import Evaluation as SweepsEvaluation
from qcompile.executors.sweeps.price import sweeps_price
from qcompile.executors.sweeps.segments import hoist_all, hoist_where_cheaper
from qcompile.ir.circuit import Circuit
from qcompile.ir.domains import domains
from qcompile.ir.plan import (
    DenseEvaluation,
    DensityEvaluation,
    Evaluation,
    EvaluationNode,
    HoistedBlock,
    Plan,
    StatevectorEvaluation,
    operands,
)
from qcompile.ir.target import NoiseModel
from qcompile.ir.verification import VerificationError
from qcompile.passes.base import Context, PlanPass
from qcompile.passes.costs import plan_costs

Choice = tuple[Evaluation, Price]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChooseEvaluators(PlanPass):
    """Dense with hoisted blocks, gate by gate, or one network for each observable.

    Noise leaves only the density matrix, and a target may force its choice. Otherwise the fastest
    is taken; one that does not fit in memory counts as slower by as much as it is too large.
    """

    name: ClassVar[str] = "choose-evaluators"

    repeats: int = 8
    """Random greedy searches for each observable's path."""

    def run(self, plan: Plan, context: Context) -> Plan:
        where = domains(plan.nodes, operands)
        chosen: dict[tuple[Circuit, int], Choice] = {}
        nodes = list(plan.nodes)
        for index, node in enumerate(nodes):
            if isinstance(node, EvaluationNode):
                circuit = node.evaluation.circuit
                batch = where[index].batch(context.tokens)
                key = (circuit, batch)
                if key not in chosen:
                    chosen[key] = self._choose(circuit, plan, replace(context, tokens=batch))
                evaluation, cost = chosen[key]
                nodes[index] = replace(node, evaluation=evaluation, cost=cost.cost)
        return replace(plan, nodes=tuple(nodes), costs=plan_costs(nodes, plan.tensors))

    def ensures(self, before: Plan, after: Plan, context: Context) -> None:
        for old, new in zip(before.nodes, after.nodes, strict=True):
            if isinstance(old, EvaluationNode) and isinstance(new, EvaluationNode):
                if old.evaluation.circuit != new.evaluation.circuit:
                    raise VerificationError("choose-evaluators changed a circuit")

    def _choose(self, circuit: Circuit, plan: Plan, context: Context) -> Choice:
        target = context.target
        if target.evaluator != "auto" or target.noise is not None:
            return fixed_choice(circuit, plan.adapter, context, self.repeats)
        load = workload(context)
        choices = [_priced(StatevectorEvaluation(circuit=circuit), load)]
        segments = hoist_where_cheaper(circuit, load)
        if any(isinstance(segment, HoistedBlock) for segment in segments):
            choices.append(_priced(DenseEvaluation(circuit=circuit, segments=segments), load))
        if has_networks(circuit):
            budget = min(_score(choice, context.memory_limit) for choice in choices)
            fewest = fewest_operations(circuit)
            # The search is the slow part: skip it where its result cannot win.
            if fewest is not None and load.machine.seconds(operations=OPERATIONS * fewest) < budget:
                network = network_evaluation(circuit, load, self.repeats, budget=budget)
                if network is not None:
                    choices.append(network)
        return min(choices, key=lambda choice: _score(choice, context.memory_limit))


def reference_choice(circuit: Circuit, adapter: str, context: Context) -> Choice:
    """Gate by gate, unless noise or the target asks for something else."""
    if context.target.evaluator != "auto" or context.target.noise is not None:
        return fixed_choice(circuit, adapter, context, repeats=0)
    return _priced(StatevectorEvaluation(circuit=circuit), workload(context))


def fixed_choice(circuit: Circuit, adapter: str, context: Context, repeats: int) -> Choice:
    """What noise or the target's `evaluator` leaves.

    Raises:
        CompileError: QA4007, where the forced evaluator cannot run this circuit.
    """
    target, load = context.target, workload(context)
    single = replace(load, tokens=1)
    kind = target.evaluator

    def refuse(reason: str) -> CompileError:
        message = EvaluatorImpossible(
            evaluator=kind, adapter=adapter, reason=reason, span=target.place("evaluator")
        )
        return CompileError(message)

    if target.noise is not None and kind not in ("auto", "density"):
        raise refuse("the target has noise, which only `density` simulates")
    match kind:
        case "auto" | "density":
            noisy = DensityEvaluation(circuit=circuit, noise=target.noise or NoiseModel())
            if kind == "density" and sweeps_price(noisy, single).bytes > context.memory_limit:
                raise refuse(f"a density matrix on {circuit.qubits} qubits does not fit in memory")
            return _priced(noisy, load)
        case "statevector":
            return _priced(StatevectorEvaluation(circuit=circuit), load)
        case "dense":
            dense = DenseEvaluation(circuit=circuit, segments=hoist_all(circuit))
            if sweeps_price(dense, single).bytes > context.memory_limit:
                raise refuse(
                    f"its unitaries on {circuit.qubits} qubits have 4^{circuit.qubits} entries"
                    " and do not fit in memory"
                )
            return _priced(dense, load)
        case "network":
            if not has_networks(circuit):
                raise refuse("it has amplitude encoding or reads probabilities")
            if fewest_operations(circuit) is None:
                raise refuse(f"its networks have more than {LARGEST_SEARCH} tensors in all")
            network = network_evaluation(circuit, load, repeats)
            if network is None:
                raise refuse("no contraction keeps to the 52 indices of an einsum")
            return network
        case _:
            assert_never(kind)


def workload(context: Context) -> Workload:
    """The batch and precision that costs are weighed for."""
    return Workload(tokens=context.tokens, item_bytes=context.target.item_bytes)


def _priced(evaluation: SweepsEvaluation, load: Workload) -> Choice:
    return evaluation, sweeps_price(evaluation, load)


def _score(choice: Choice, limit: int) -> float:
    """Seconds, the more so the more steps a batch that does not fit in memory is split into."""
    cost = choice[1]
    return cost.seconds * max(1.0, cost.bytes / limit)
