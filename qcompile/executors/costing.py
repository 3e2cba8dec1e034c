"""From counted work to seconds and bytes: how executors are compared."""

from __future__ import annotations

from dataclasses import dataclass

from qcompile.ir.circuit import Circuit, ZeroState
from qcompile.ir.circuit_analysis import depends_on_data, depth, two_qubit_gates
from qcompile.ir.machine import DEFAULT_MACHINE, Machine
from qcompile.ir.plan import CircuitCost
from qcompile.ir.work import Work

STATES_AT_ONCE = 3
"""Of the size of the largest tensor: an operation's operand, its result, a gradient."""

TABLE_BYTES = 8
"""Of an element of a fixed table: they are made in float64 and int64."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """What costs are weighed for."""

    tokens: int
    item_bytes: int = 4
    machine: Machine = DEFAULT_MACHINE


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """Of one way to run one circuit, for a batch."""

    seconds: float
    """One step, forward and backward, of the whole batch."""
    bytes: float
    """Memory that the step takes."""
    cost: CircuitCost
    largest_hoisted: int = 0
    """Elements of the largest tensor that is built once a step."""
    backward: float = 2.0
    """FLOPs of a token on the way back, as a multiple of those forward."""


def price(circuit: Circuit, work: Work, load: Workload) -> Price:
    """Backward takes twice the forward work."""
    return Price(
        seconds=state_seconds(work, load),
        bytes=memory(work, load),
        cost=circuit_cost(circuit, work.each.flops, work.once.flops, int(work.each.kept)),
        largest_hoisted=int(work.once.largest),
    )


def seconds(work: Work, load: Workload) -> float:
    """One step, forward and backward. What is written was read before."""
    once, each, tokens = work.once, work.each, load.tokens
    return load.machine.seconds(
        flops=3.0 * (once.products + tokens * each.products),
        elementwise=3.0 * (once.elementwise + tokens * each.elementwise),
        bytes=6.0 * load.item_bytes * (once.written + tokens * each.written),
        operations=work.operations,
    )


def state_seconds(work: Work, load: Workload) -> float:
    """The same of work on states, whose products are slower."""
    machine = load.machine
    products = 3.0 * (work.once.products + load.tokens * work.each.products)
    slower = products / machine.state_flops_per_second - products / machine.flops_per_second
    return seconds(work, load) + slower


def memory(work: Work, load: Workload) -> float:
    """Bytes of tables, kept tensors and the largest operation: linear in the tokens."""
    once, each = (part.kept + STATES_AT_ONCE * part.largest for part in (work.once, work.each))
    return load.item_bytes * (once + load.tokens * each) + TABLE_BYTES * work.tables


def circuit_cost(circuit: Circuit, flops: float, hoisted: float, kept: int) -> CircuitCost:
    """The costs with the circuit's own figures; without data everything is done once."""
    on_data = circuit.data_width > 0 and (
        not isinstance(circuit.initial, ZeroState) or any(map(depends_on_data, circuit.gates))
    )
    return CircuitCost(
        flops_per_token=flops if on_data else 0.0,
        flops_hoisted=hoisted if on_data else hoisted + flops,
        activations_per_token=kept if on_data else 0,
        gates=len(circuit.gates),
        two_qubit_gates=two_qubit_gates(circuit.gates),
        depth=depth(circuit.gates),
    )
