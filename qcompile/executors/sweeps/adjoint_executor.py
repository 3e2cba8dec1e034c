"""The executor that undoes gates on the way back, in torch."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

from qcompile.executors.costing import (
    STATES_AT_ONCE,
    TABLE_BYTES,
    Price,
    Workload,
    circuit_cost,
)
from qcompile.executors.executor import Evaluator, Executor, Refusal, Request
from qcompile.executors.sweeps.assemble import sweep_program
from qcompile.executors.sweeps.count import Counter
from qcompile.executors.sweeps.count_state import WIDEST, State, dimension_of
from qcompile.executors.sweeps.executors import Dense, Statevector
from qcompile.executors.sweeps.price import sweeps_price
from qcompile.ir.circuit_analysis import depends_on_data
from qcompile.ir.plan import (
    AdjointEvaluation,
    DenseEvaluation,
    Evaluation,
    StatevectorEvaluation,
)
from qcompile.ir.target import DEFAULT_TARGET, Target
from qcompile.ir.work import Work

if TYPE_CHECKING:
    from qcompile.executors.constants import Constants

BLOCK = 2**19
"""Elements of the states of the tokens that go through together: they stay in the cache."""

CACHE = 2**20
"""Elements of the states of all tokens beyond which the other sweeps leave the cache."""

CALLS = 2
"""Of torch for a counted operation, as multiples of those with autograd."""

PASSES = 4.0
"""Forward, the state and the derivative by it back, the derivatives by the tables."""


class Adjoint(Executor):
    """Sweeps over blocks of tokens; the last state is kept, and gates are undone on it."""

    name = "adjoint"

    def plan(self, request: Request) -> Evaluation | Refusal:
        circuit, load = request.circuit, request.load
        if circuit.qubits > WIDEST:
            return Refusal(reason=f"it has more than {WIDEST} qubits")
        if not any(map(depends_on_data, circuit.gates)) and not request.demanded:
            return Refusal(reason="it has one state for all tokens")
        # Demanded is the way back: sweeps forward are those that pay.
        forward = replace(request, demanded=False)
        found = [
            AdjointEvaluation(circuit=circuit, sweeps=sweeps)
            for sweeps in (Statevector().plan(forward), Dense().plan(forward))
            if isinstance(sweeps, DenseEvaluation | StatevectorEvaluation)
        ]
        return min(found, key=lambda evaluation: self.price(evaluation, load).seconds)

    def price(self, evaluation: Evaluation, load: Workload) -> Price:
        assert isinstance(evaluation, AdjointEvaluation)
        if evaluation.circuit.qubits > WIDEST:
            return sweeps_price(evaluation.sweeps, load)
        work, state, parts = _work(evaluation.sweeps)
        block = min(load.tokens, block_of(parts, evaluation.circuit.qubits))
        kept = state.size if state.batched else 0
        each, once = work.each, work.once
        held = once.kept + load.tokens * kept
        at_once = STATES_AT_ONCE * (once.largest + block * each.largest)
        return Price(
            seconds=_seconds(work, state.size, block, load),
            bytes=load.item_bytes * (held + at_once) + TABLE_BYTES * work.tables,
            cost=circuit_cost(evaluation.circuit, each.flops, once.flops, kept),
            largest_hoisted=int(once.largest),
            backward=PASSES - 1,
        )

    def build(self, evaluation: Evaluation, target: Target, constants: Constants) -> Evaluator:
        from qcompile.executors.sweeps.adjoint import AdjointEvaluator

        assert isinstance(evaluation, AdjointEvaluation)
        program = sweep_program(evaluation.sweeps, target)
        _, _, parts = _work(evaluation.sweeps)
        return AdjointEvaluator(program, block_of(parts, program.wires), constants)


def block_of(parts: int, wires: int) -> int:
    """Tokens at once, of states with so many real numbers for each amplitude."""
    return max(1, BLOCK // (parts * dimension_of(wires)))


@lru_cache(maxsize=256)
def _work(sweeps: DenseEvaluation | StatevectorEvaluation) -> tuple[Work, State, int]:
    """Forward, the last state, and the parts of the states."""
    program = sweep_program(sweeps, DEFAULT_TARGET)
    counter = Counter(program.wires)
    work = counter.program(program)
    assert counter.last is not None
    return work, counter.last, counter.last.parts


def _seconds(work: Work, size: int, block: int, load: Workload) -> float:
    """Blocks are a gain where the states of all tokens, `size` each, are not in the cache."""
    once, each, tokens = work.once, work.each, load.tokens
    machine = load.machine
    cached = tokens * size > CACHE
    rate = machine.cached_bytes_per_second if cached else machine.bytes_per_second
    traffic = 2 * PASSES * load.item_bytes * (once.written + tokens * each.written)
    return machine.seconds(
        elementwise=PASSES * (once.elementwise + tokens * each.elementwise),
        operations=CALLS * work.operations * math.ceil(tokens / block),
    ) + (
        PASSES * (once.products + tokens * each.products) / machine.state_flops_per_second
        + traffic / rate
    )
