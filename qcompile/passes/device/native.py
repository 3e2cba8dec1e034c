"""Connected regions of a device, and the couplings inside them. No pytket here."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, Literal

from qcompile.ir.device import Device

Preference = Literal["couplings", "errors"]


def native_pairs(device: Device, qubits: int) -> tuple[tuple[int, int], ...]:
    """Couplings (smaller, larger) among `qubits` connected qubits, renumbered 0..qubits - 1.

    The region has many couplings and, among equals, low error rates. Raises ValueError where the
    device has no connected region of this size.
    """
    chosen = region(device, qubits, "couplings")
    number = {physical: index for index, physical in enumerate(chosen)}
    return tuple(
        sorted((number[a], number[b]) for a, b in device.edges if a in number and b in number)
    )


def usable_qubits(device: Device) -> tuple[int, ...]:
    """The largest connected set of qubits, sorted; ties go to the one with the smallest qubit."""
    import networkx as nx

    parts = [tuple(sorted(part)) for part in nx.connected_components(_graph(device))]
    return min(parts, key=lambda part: (-len(part), part), default=())


def region(device: Device, count: int, prefer: Preference) -> tuple[int, ...]:
    """`count` connected qubits, sorted: grown from every qubit greedily, the best result taken.

    Raises ValueError where there are not so many.
    """
    usable = usable_qubits(device)
    if not 1 <= count <= len(usable):
        raise ValueError(f"no {count} connected qubits on {device.name}")
    graph = _graph(device).subgraph(usable)
    grown = [_grow(graph, seed, count, prefer) for seed in usable]
    *_, best = min(grown)
    return best


SHARES = (0.0, 0.1, 0.25)
"""Of the couplings and of the qubits, by errors, that the better parts of a device leave out."""


Couplings = tuple[tuple[int, int], ...]


def quiet_parts(device: Device, count: int) -> tuple[tuple[tuple[int, ...], Couplings], ...]:
    """The device, and what is connected without its worst couplings and qubits.

    (qubits, couplings) of each part, sorted, smaller numbers first; parts of at least `count`
    qubits, the whole first. Where no errors are known there is no other.
    """
    import networkx as nx

    graph = _graph(device).subgraph(usable_qubits(device))
    parts: list[tuple[tuple[int, ...], Couplings]] = []
    for share in SHARES if device.gate_errors or device.readout_errors else SHARES[:1]:
        kept = nx.Graph(graph)
        edges = sorted(graph.edges, key=lambda edge: (graph.edges[edge]["cost"], sorted(edge)))
        nodes = sorted(graph, key=lambda node: (graph.nodes[node]["cost"], node))
        kept.remove_edges_from(edges[len(edges) - int(share * len(edges)) :])
        kept.remove_nodes_from(nodes[len(nodes) - int(share * len(nodes)) :])
        found = [tuple(sorted(part)) for part in nx.connected_components(kept)]
        best = min(found, key=lambda part: (-len(part), part), default=())
        couplings = sorted((min(e), max(e)) for e in kept.subgraph(best).edges)
        if len(best) >= count:
            parts.append((best, tuple(couplings)))
    return tuple(dict.fromkeys(parts))


def _grow(
    graph: Any, seed: int, count: int, prefer: Preference
) -> tuple[float, float, tuple[int, ...]]:
    """(first criterion, second criterion, region), smaller is better."""
    chosen = {seed}
    cost = graph.nodes[seed]["cost"]
    couplings = 0
    border = set(graph[seed])
    while len(chosen) < count:
        offers = []
        for qubit in border:
            links = [graph.edges[qubit, other]["cost"] for other in graph[qubit] if other in chosen]
            added = graph.nodes[qubit]["cost"] + min(links)
            key = (-len(links), added) if prefer == "couplings" else (added, -len(links))
            offers.append((*key, qubit, added, len(links)))
        *_, qubit, added, links_in = min(offers)
        chosen.add(qubit)
        cost += added
        couplings += links_in
        border = (border | set(graph[qubit])) - chosen
    # Sums of floats in another order differ in the last digits, which must not decide.
    total = round(cost, 12)
    first, second = (-couplings, total) if prefer == "couplings" else (total, -couplings)
    return first, second, tuple(sorted(chosen))


def _graph(device: Device) -> Any:
    """Nodes and edges with `cost` -ln(1 - error); unknown errors cost nothing."""
    import networkx as nx

    errors = dict(device.gate_errors)
    graph = nx.Graph()
    for qubit in range(device.qubits):
        reading = device.readout_errors[qubit] if device.readout_errors else (0.0, 0.0)
        graph.add_node(qubit, cost=_cost(errors.get((qubit,), 0.0)) + _cost(sum(reading) / 2))
    for edge in device.edges:
        graph.add_edge(*edge, cost=_cost(errors.get(edge, 0.0)))
    return graph


def _cost(error: float) -> float:
    return -math.log1p(-min(error, 0.999999))


def couplings_among(device: Device, qubits: Iterable[int]) -> tuple[tuple[int, int], ...]:
    """The device's couplings between the given physical qubits, sorted."""
    kept = set(qubits)
    return tuple(edge for edge in device.edges if edge[0] in kept and edge[1] in kept)
