"""What the sweeps of a circuit cost: the program that is run, counted."""

from __future__ import annotations

from functools import lru_cache

from qcompile.executors.costing import Price, Workload, price
from qcompile.executors.sweeps.assemble import Evaluation, sweep_program
from qcompile.executors.sweeps.count import count
from qcompile.executors.sweeps.count_state import WIDEST
from qcompile.ir.target import DEFAULT_TARGET
from qcompile.ir.work import Work


def sweeps_price(evaluation: Evaluation, load: Workload) -> Price:
    """Gate by gate, with hoisted blocks, or on the density matrix. Shots are not counted."""
    return price(evaluation.circuit, _work(evaluation), load)


@lru_cache(maxsize=256)
def _work(evaluation: Evaluation) -> Work:
    if evaluation.circuit.qubits > WIDEST:
        # Far out of reach: nothing that grows with the number of qubits may be written down.
        work = Work()
        work.add(written=2.0**WIDEST, batched=True)
        return work
    return count(sweep_program(evaluation, DEFAULT_TARGET))
