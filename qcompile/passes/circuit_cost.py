"""What a circuit costs under each evaluator: FLOPs, memory traffic, operations, bytes.

Counts are for one token and the forward pass; the state has 2^n amplitudes of p real elements,
p = 1 where all gates are real, else 2. A sweep reads and writes the state once:
- diagonals: one product an amplitude; with data in them their table is read as well;
- one-qubit matrices on k neighbouring qubits: a product with a 2^k × 2^k matrix, 2 p² 2^k 2^n;
- permutations: free but for their traffic;
- a hoisted block: a product with a 2^n × 2^n matrix, 2 p² 4^n, which is built once per call by
  the block's own sweeps on 2^n columns;
- encodings on |0…0⟩ build a product state, which takes one sweep together.
Backward takes twice the forward arithmetic and traffic and needs the state before every sweep.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import assert_never

from qcompile.ir.circuit import Circuit, Expectations, Gate, ZeroState
from qcompile.ir.circuit_analysis import (
    depends_on_data,
    depth,
    is_real,
    leading_encodings,
    two_qubit_gates,
)
from qcompile.ir.machine import DEFAULT_MACHINE, Machine
from qcompile.ir.plan import CircuitCost, DataLayer, HoistedBlock
from qcompile.passes.sweeps import blocks, stages_of

WIDEST = 200
"""Qubits beyond which all counts stay where they are: far out of reach, and still a float."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluatorCost:
    """Of one evaluator for one circuit and batch."""

    seconds: float
    """One step, forward and backward, of the whole batch."""
    bytes: float
    """Memory that the step takes."""
    cost: CircuitCost


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """What costs are weighed for."""

    tokens: int
    item_bytes: int = 4
    machine: Machine = DEFAULT_MACHINE


def amplitudes(circuit: Circuit) -> int:
    """2^n, cut where it no longer matters."""
    return int(2 ** min(circuit.qubits, WIDEST))


def readout_flops(circuit: Circuit) -> float:
    """Probabilities, then one signed sum for each observable."""
    size = float(amplitudes(circuit))
    match circuit.readout:
        case Expectations(paulis=paulis):
            return size * (3 + 2 * len(paulis))
        case _:
            return size * 4


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepCost:
    """Of a run of gates on one column of 2^n amplitudes, forward."""

    products: float = 0.0
    """FLOPs in matrix products."""
    elementwise: float = 0.0
    sweeps: int = 0
    tables: int = 0
    """Sweeps that also read a table as large as the state."""


def sweep_cost(gates: Iterable[Gate], size: int, *, real: bool) -> SweepCost:
    """Merge the gates into sweeps and add up."""
    parts = 1 if real else 2
    products = elementwise = 0.0
    sweeps = tables = 0
    for stage in stages_of(gates, real=real):
        match stage.kind:
            case "phase":
                sweeps, elementwise = sweeps + 1, elementwise + 3.0 * parts * size
            case "data-phase":
                sweeps, elementwise = sweeps + 1, elementwise + 3.0 * parts * size
                tables += 1
            case "turn":
                sweeps += len(stage.qubits)
                elementwise += 3.0 * parts * size * len(stage.qubits)
            case "permute":
                sweeps += 1
            case "local":
                for width in blocks(stage.qubits):
                    sweeps += 1
                    products += 2.0 * parts * parts * size * 2**width
            case _:
                assert_never(stage.kind)
    return SweepCost(products=products, elementwise=elementwise, sweeps=sweeps, tables=tables)


def statevector_cost(circuit: Circuit, load: Workload) -> EvaluatorCost:
    """Every gate on every token's state."""
    return segments_cost(circuit, (DataLayer(gates=circuit.gates),), load)


def segments_cost(
    circuit: Circuit,
    segments: Sequence[HoistedBlock | DataLayer],
    load: Workload,
    *,
    from_start: bool = True,
) -> EvaluatorCost:
    """Some blocks as one unitary each, the other gates one by one.

    `from_start`: the segments begin with the circuit, where qubits in |0⟩ are still untouched.
    """
    size, real = amplitudes(circuit), is_real(circuit)
    parts = 1 if real else 2
    state = parts * size
    elementwise = readout_flops(circuit)
    products = hoisted = hoisted_products = 0.0
    passes, saved, built = 2.0, state, 0.0
    operations = 6
    for position, segment in enumerate(segments):
        gates = segment.gates
        if position == 0 and from_start and isinstance(circuit.initial, ZeroState):
            encodings, gates = leading_encodings(gates)
            passes += 2.0 if encodings else 0.0
            operations += circuit.qubits
        cost = sweep_cost(gates, size, real=real)
        if isinstance(segment, HoistedBlock):
            # A block that starts the circuit acts on one column, |0…0⟩.
            columns = 1.0 if position == 0 and from_start else float(size)
            hoisted += cost.elementwise * columns
            hoisted_products += cost.products * columns
            built += (cost.sweeps + 1) * columns
            products += 2.0 * parts * parts * size * size
            passes += 2.0
            saved += state
            operations += cost.sweeps + 3
        else:
            products += cost.products
            elementwise += cost.elementwise
            passes += 2.0 * cost.sweeps + cost.tables
            saved += state * cost.sweeps
            operations += 2 * cost.sweeps
    batch, item = load.tokens, load.item_bytes
    seconds = load.machine.seconds(
        flops=3.0 * (products * batch + hoisted_products),
        elementwise=3.0 * (elementwise * batch + hoisted),
        bytes=3.0 * item * state * (passes * batch + 2.0 * built),
        operations=operations,
    )
    return EvaluatorCost(
        seconds=seconds,
        bytes=float(item) * (float(saved) * batch + state * built),
        cost=circuit_cost(circuit, elementwise + products, hoisted + hoisted_products, saved),
    )


def density_cost(circuit: Circuit, load: Workload) -> EvaluatorCost:
    """Every gate on ket and bra, and a depolarising channel after each."""
    entries = amplitudes(circuit) ** 2
    channels = sum(len(gate.qubits) for gate in circuit.gates)
    cost = sweep_cost(circuit.gates, entries, real=False)
    sweeps = 2 * len(circuit.gates) + channels
    elementwise = cost.elementwise + 2.0 * entries
    products = 2 * cost.products + 16.0 * entries * channels
    saved = 2 * entries * sweeps
    seconds = load.machine.seconds(
        flops=3.0 * products * load.tokens,
        elementwise=3.0 * elementwise * load.tokens,
        bytes=3.0 * load.item_bytes * 2 * float(saved) * load.tokens,
        operations=sweeps,
    )
    return EvaluatorCost(
        seconds=seconds,
        bytes=float(load.item_bytes) * saved * load.tokens,
        cost=circuit_cost(circuit, products + elementwise, 0.0, saved),
    )


def circuit_cost(circuit: Circuit, flops: float, hoisted: float, saved: int) -> CircuitCost:
    """The costs with the circuit's own figures; without data everything is done once."""
    on_data = circuit.data_width > 0 and (
        not isinstance(circuit.initial, ZeroState) or any(map(depends_on_data, circuit.gates))
    )
    return CircuitCost(
        flops_per_token=flops if on_data else 0.0,
        flops_hoisted=hoisted if on_data else hoisted + flops,
        activations_per_token=saved if on_data else 0,
        gates=len(circuit.gates),
        two_qubit_gates=two_qubit_gates(circuit.gates),
        depth=depth(circuit.gates),
    )
