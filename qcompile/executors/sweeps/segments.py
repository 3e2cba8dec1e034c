"""Splits a circuit into hoisted blocks and layers that are applied gate by gate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby

from qcompile.executors.costing import Workload, state_seconds
from qcompile.executors.sweeps.count import Counter
from qcompile.executors.sweeps.count_state import State
from qcompile.executors.sweeps.program import Sweep, sweeps_of_primitives
from qcompile.ir.circuit import Circuit, ZeroState
from qcompile.ir.circuit_analysis import depends_on_data, is_real
from qcompile.ir.plan import DataLayer, HoistedBlock
from qcompile.ir.primitives import decompose_all
from qcompile.ir.work import Work

Segments = tuple[HoistedBlock | DataLayer, ...]


def hoist_all(circuit: Circuit) -> Segments:
    """Every maximal run of data-free gates is a block."""
    return tuple(
        DataLayer(gates=tuple(gates)) if on_data else HoistedBlock(gates=tuple(gates))
        for on_data, gates in groupby(circuit.gates, depends_on_data)
    )


def hoist_where_cheaper(circuit: Circuit, load: Workload) -> Segments:
    """As `hoist_all`, but runs that are cheaper gate by gate join the layers around them."""
    real = is_real(circuit)
    segments = list(hoist_all(circuit))
    for index, segment in enumerate(segments):
        if isinstance(segment, DataLayer):
            continue
        # A block that starts the circuit acts on one column, |0…0⟩, either way.
        first = index == 0 and isinstance(circuit.initial, ZeroState)
        sweeps = sweeps_of_primitives(decompose_all(segment.gates, real=real))
        if first or not _is_cheaper(sweeps, circuit.qubits, real, load):
            segments[index] = DataLayer(gates=segment.gates)
    return _joined(segments)


def _is_cheaper(sweeps: Sequence[Sweep], qubits: int, real: bool, load: Workload) -> bool:
    """Whether one unitary on a token's state takes less time than the sweeps."""
    state = State(parts=1 if real else 2, dimension=2**qubits, batched=True, grad=True)
    inline = _tables(sweeps, qubits)
    inline.sweeps(sweeps, state)
    hoisted = _tables(sweeps, qubits)
    hoisted.unitary(hoisted.unitaries((tuple(sweeps),)), replace(state))
    return state_seconds(hoisted.work, load) < state_seconds(inline.work, load)


def _tables(sweeps: Sequence[Sweep], qubits: int) -> Counter:
    counter = Counter(qubits)
    counter.tables.collect(sweeps)
    counter.tables.count()
    # Both ways need the tables.
    counter.work = Work()
    return counter


def _joined(segments: list[HoistedBlock | DataLayer]) -> Segments:
    result: list[HoistedBlock | DataLayer] = []
    for segment in segments:
        last = result[-1] if result else None
        if isinstance(segment, DataLayer) and isinstance(last, DataLayer):
            result[-1] = DataLayer(gates=last.gates + segment.gates)
        else:
            result.append(segment)
    return tuple(result)
