"""Splits a circuit into hoisted blocks and layers that are applied gate by gate."""

from __future__ import annotations

from itertools import groupby

from qcompile.ir.circuit import Circuit
from qcompile.ir.circuit_analysis import depends_on_data
from qcompile.ir.plan import DataLayer, HoistedBlock
from qcompile.passes.circuit_cost import Workload, segments_cost

Segments = tuple[HoistedBlock | DataLayer, ...]


def hoist_all(circuit: Circuit) -> Segments:
    """Every maximal run of data-free gates is a block."""
    return tuple(
        DataLayer(gates=tuple(gates)) if on_data else HoistedBlock(gates=tuple(gates))
        for on_data, gates in groupby(circuit.gates, depends_on_data)
    )


def hoist_where_cheaper(circuit: Circuit, load: Workload) -> Segments:
    """As `hoist_all`, but runs that are cheaper gate by gate join the layers around them."""
    segments = list(hoist_all(circuit))
    for index, segment in enumerate(segments):
        inline = DataLayer(gates=segment.gates)
        together, apart = (
            segments_cost(circuit, (choice,), load, from_start=index == 0).seconds
            for choice in (segment, inline)
        )
        if apart <= together:
            segments[index] = inline
    return _joined(segments)


def _joined(segments: list[HoistedBlock | DataLayer]) -> Segments:
    result: list[HoistedBlock | DataLayer] = []
    for segment in segments:
        last = result[-1] if result else None
        if isinstance(segment, DataLayer) and isinstance(last, DataLayer):
            result[-1] = DataLayer(gates=last.gates + segment.gates)
        else:
            result.append(segment)
    return tuple(result)
