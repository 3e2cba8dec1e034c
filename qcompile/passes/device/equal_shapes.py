"""Places of a device that have the couplings of a circuit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from qcompile.ir.device import Device
from qcompile.passes.device.native import usable_qubits

STATES = 400_000
"""Steps of the search for equal shapes, far fewer than it could take on a large device."""


def equal_shapes(pairs: Iterable[tuple[int, int]], device: Device) -> Iterator[dict[int, int]]:
    """From the qubits of some couplings to qubits of the device that are coupled in the same way.

    Once for each way to put them there.
    """
    import rustworkx

    couplings = tuple(pairs)
    coupled = sorted({qubit for pair in couplings for qubit in pair})
    whole: Any = rustworkx.PyGraph()
    whole.add_nodes_from(range(device.qubits))
    usable = set(usable_qubits(device))
    whole.add_edges_from_no_data([edge for edge in device.edges if usable.issuperset(edge)])
    number = {qubit: index for index, qubit in enumerate(coupled)}
    part: Any = rustworkx.PyGraph()
    part.add_nodes_from(coupled)
    part.add_edges_from_no_data([(number[a], number[b]) for a, b in couplings])
    found = rustworkx.vf2_mapping(whole, part, subgraph=True, induced=False, call_limit=STATES)
    for match in found:
        yield {coupled[index]: physical for physical, index in match.items()}
