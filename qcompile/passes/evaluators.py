"""Chooses how each circuit is evaluated, by estimated time within the memory limit."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

from qcompile.diagnostics.errors import CompileError
from qcompile.diagnostics.messages.planning import EvaluatorImpossible
from qcompile.executors.costing import Price, Workload
from qcompile.executors.executor import Executor, Refusal, Request
from qcompile.executors.registry import EXECUTORS, noisy_executors, own_executors
from qcompile.ir.circuit import Circuit
from qcompile.ir.device import RoutedCircuit
from qcompile.ir.extensions import ExtensionError
from qcompile.ir.node import domains
from qcompile.ir.plan import Candidate, Evaluation, EvaluationNode, Plan
from qcompile.ir.target import CalibratedNoise, Target
from qcompile.ir.verification import VerificationError
from qcompile.passes.base import Context, PlanPass
from qcompile.passes.costs import plan_costs


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What one executor makes of a circuit."""

    executor: str
    outcome: tuple[Evaluation, Price] | Refusal

    def score(self, limit: float) -> float:
        """Seconds, the more so the more steps a batch that does not fit in memory is split into."""
        if isinstance(self.outcome, Refusal):
            return math.inf
        price = self.outcome[1]
        return price.seconds * max(1.0, price.bytes / limit)

    def candidate(self) -> Candidate:
        if isinstance(self.outcome, Refusal):
            reason = self.outcome.reason
            return Candidate(executor=self.executor, seconds=None, bytes=None, refusal=reason)
        price = self.outcome[1]
        return Candidate(
            executor=self.executor,
            seconds=_three_digits(price.seconds),
            bytes=_three_digits(price.bytes),
            refusal=None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The evaluation of a circuit, and what else was weighed."""

    evaluation: Evaluation
    price: Price
    candidates: tuple[Candidate, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChooseEvaluators(PlanPass):
    """The fastest executor of those that can run the circuit.

    Noise leaves those that simulate it, and a target may name one. One that does not fit in memory
    counts as slower by as much as it is too large.
    """

    name: ClassVar[str] = "choose-evaluators"

    repeats: int = 8
    """Random greedy searches for each observable's path."""

    def run(self, plan: Plan, context: Context) -> Plan:
        where = domains(plan.nodes)
        chosen: dict[tuple[Circuit, int], Choice] = {}
        nodes = list(plan.nodes)
        for index, node in enumerate(nodes):
            if isinstance(node, EvaluationNode):
                circuit = node.evaluation.circuit
                batch = where[index].batch(context.tokens)
                key = (circuit, batch)
                if key not in chosen:
                    asked = replace(context, tokens=batch)
                    chosen[key] = choose_executor(
                        circuit, plan.adapter, asked, self.repeats, node.routed
                    )
                choice = chosen[key]
                nodes[index] = replace(
                    node,
                    evaluation=choice.evaluation,
                    cost=choice.price.cost,
                    candidates=choice.candidates,
                )
        return replace(plan, nodes=tuple(nodes), costs=plan_costs(nodes, plan.tensors))

    def ensures(self, before: Plan, after: Plan, context: Context) -> None:
        for old, new in zip(before.nodes, after.nodes, strict=True):
            if isinstance(old, EvaluationNode) and isinstance(new, EvaluationNode):
                if old.evaluation.circuit != new.evaluation.circuit:
                    raise VerificationError("choose-evaluators changed a circuit")


def reference_choice(
    circuit: Circuit, adapter: str, context: Context, routed: RoutedCircuit | None = None
) -> Choice:
    """Gate by gate, unless noise or the target asks for something else; others are not asked."""
    name = context.target.evaluator
    if name == "auto":
        name = noisy_executors(context.target)[0].name
    request = _request(circuit, context, 0, routed)
    return _taken((_offer(_named(name, context), request),), name, adapter, context)


def choose_executor(
    circuit: Circuit,
    adapter: str,
    context: Context,
    searches: int,
    routed: RoutedCircuit | None = None,
) -> Choice:
    """The best of all executors, or the one that the target names with the others' figures.

    Raises:
        CompileError: QA4007, where the named executor cannot run this circuit.
    """
    offers = tuple(_offers(circuit, context, searches, routed))
    name = context.target.evaluator
    if name == "auto":
        name = min(offers, key=lambda offer: offer.score(context.memory_limit)).executor
    return _taken(offers, name, adapter, context)


def workload(context: Context) -> Workload:
    """The batch and precision that costs are weighed for."""
    return Workload(tokens=context.tokens, item_bytes=context.target.item_bytes)


def _offers(
    circuit: Circuit, context: Context, searches: int, routed: RoutedCircuit | None
) -> Iterator[Offer]:
    """One of each executor; what cannot be faster than those before it is not searched."""
    request = _request(circuit, context, searches, routed)
    named = context.target.evaluator
    demanded: Offer | None = None
    own = noisy_executors(context.target)
    asked = (*own_executors(), *(executor for executor in own if not executor.weighed))
    if named != "auto":
        # The others are there to be compared with it.
        executor = _named(named, context)
        demanded = _offer(executor, request)
        request = replace(request, searches=0, budget=demanded.score(context.memory_limit))
        asked = asked if executor in asked else (*asked, executor)
    for executor in asked:
        if demanded is not None and executor.name == named:
            yield demanded
            continue
        offer = _offer(executor, request)
        score = offer.score(context.memory_limit)
        if score < request.budget and not isinstance(offer.outcome, Refusal):
            request = replace(request, budget=score, best=offer.outcome[0])
        yield offer


def _named(name: str, context: Context) -> Executor:
    try:
        return EXECUTORS[name]
    except ExtensionError as error:
        raise CompileError(error.at(context.target.place("evaluator"))) from None


def _offer(executor: Executor, request: Request) -> Offer:
    demanded = request.target.evaluator == executor.name
    target = request.target
    if target.noise is not None and not _simulates(executor, target):
        noisy = " and ".join(f"`{executor.name}`" for executor in noisy_executors(target))
        reason = f"the target has noise, which only {noisy} simulates"
        return Offer(executor=executor.name, outcome=Refusal(reason=reason))
    planned = executor.plan(replace(request, demanded=demanded))
    if isinstance(planned, Refusal):
        return Offer(executor=executor.name, outcome=planned)
    price = executor.price(planned, request.load)
    return Offer(executor=executor.name, outcome=(planned, price))


def _taken(offers: tuple[Offer, ...], name: str, adapter: str, context: Context) -> Choice:
    (offer,) = (offer for offer in offers if offer.executor == name)
    if isinstance(offer.outcome, Refusal):
        message = EvaluatorImpossible(
            evaluator=name,
            adapter=adapter,
            reason=offer.outcome.reason,
            span=context.target.place("evaluator"),
        )
        raise CompileError(message)
    evaluation, price = offer.outcome
    candidates = tuple(offer.candidate() for offer in offers)
    return Choice(evaluation=evaluation, price=price, candidates=candidates)


def _simulates(executor: Executor, target: Target) -> bool:
    """Whether the target's noise is in the values."""
    if isinstance(target.noise, CalibratedNoise):
        return executor.simulates_device
    return executor.simulates_noise


def _request(
    circuit: Circuit, context: Context, searches: int, routed: RoutedCircuit | None
) -> Request:
    return Request(
        circuit=circuit,
        target=context.target,
        load=workload(context),
        memory_limit=context.memory_limit,
        searches=searches,
        routed=routed,
        device=context.device,
    )


def _three_digits(value: float) -> float:
    return float(f"{value:.3g}")
