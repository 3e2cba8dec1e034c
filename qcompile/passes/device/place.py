"""Where the qubits of a circuit start: candidates from pytket's placements, completed by us."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from qcompile.ir.circuit import Gate
from qcompile.ir.device import Device
from qcompile.passes.device.native import couplings_among, region, usable_qubits

if TYPE_CHECKING:
    from pytket.circuit import Circuit as TketCircuit

MATCHES = 100
"""Subgraph matches that pytket compares."""

PATIENCE = 20_000
"""Milliseconds, far beyond what the searches allowed here take: a clock must not decide."""

LARGEST_PATTERN = 16
"""Qubits of a circuit up to which it is matched as a subgraph; the search is exponential."""

WIDE_SEARCH = 24
"""Qubits of a device up to which any such circuit is matched against the whole of it."""


def placements(circuit: TketCircuit, gates: tuple[Gate, ...], device: Device) -> list[Placement]:
    """Different candidates, in a fixed order: physical qubit of each of the circuit's qubits."""
    found: dict[Placement, None] = {}
    for field, search in _searches(circuit, gates, device):
        partial = search(circuit)
        if partial is None:
            continue
        placed = _completed(partial, circuit.n_qubits, gates, field, device)
        found.setdefault((placed, field))
    return list(found)


Placement = tuple[tuple[int, ...], tuple[int, ...]]
"""(physical qubit of each qubit, region that routing may use)."""

Search = Callable[["TketCircuit"], "dict[int, int] | None"]
"""The places it found, possibly not of all qubits; None where it gave up."""


def _searches(
    circuit: TketCircuit, gates: tuple[Gate, ...], device: Device
) -> Iterator[tuple[tuple[int, ...], Search]]:
    """Regions with a way to place the circuit's qubits in each of them."""
    from pytket.placement import GraphPlacement, LinePlacement, NoiseAwarePlacement

    qubits = circuit.n_qubits
    usable = usable_qubits(device)
    tight = region(device, qubits, "couplings")
    yield tight, lambda _: dict(enumerate(tight))
    loose = region(device, min(len(usable), qubits + 1 + qubits // 2), "couplings")
    fields = [tight, loose]
    if device.gate_errors:
        quiet = min(len(usable), qubits + 1 + qubits // 2)
        fields += [region(device, qubits, "errors"), region(device, quiet, "errors")]
    sparse = _is_sparse(gates, device)
    if sparse or len(usable) <= WIDE_SEARCH:
        fields.append(usable)
    for field in fields:
        if qubits > LARGEST_PATTERN:
            yield field, _search(LinePlacement(_architecture(device, field)))
            continue
        if not sparse and len(field) > WIDE_SEARCH:
            continue
        architecture = _architecture(device, field)
        yield field, _search(GraphPlacement(architecture, MATCHES, PATIENCE))
        if device.gate_errors:
            noise = _noise(device, field)
            noisy = NoiseAwarePlacement(architecture, *noise, MATCHES, PATIENCE)
            yield field, _search(noisy)
    yield usable, _search(LinePlacement(_architecture(device, usable)))


def _is_sparse(gates: tuple[Gate, ...], device: Device) -> bool:
    """Whether matching the pairs that interact against a large device is quick."""
    pairs = {frozenset(gate.qubits) for gate in gates if len(gate.qubits) == 2}
    degree: dict[int, int] = {}
    for pair in pairs:
        for qubit in pair:
            degree[qubit] = degree.get(qubit, 0) + 1
    couplings: dict[int, int] = {}
    for edge in device.edges:
        for qubit in edge:
            couplings[qubit] = couplings.get(qubit, 0) + 1
    return max(degree.values(), default=0) <= max(couplings.values(), default=0)


def _search(placement: Any) -> Search:
    def search(circuit: TketCircuit) -> dict[int, int] | None:
        try:
            found = placement.get_placement_map(circuit)
        except RuntimeError:  # out of patience
            return None
        return {
            qubit.index[0]: node.index[0]
            for qubit, node in found.items()
            if node.reg_name == "node"
        }

    return search


def _architecture(device: Device, field: tuple[int, ...]) -> Any:
    from pytket.architecture import Architecture

    return Architecture(list(couplings_among(device, field)))


def _noise(device: Device, field: tuple[int, ...]) -> tuple[Any, Any, Any]:
    from pytket.circuit import Node

    inside = set(field)
    nodes: dict[Any, float] = {}
    links: dict[Any, float] = {}
    for qubits, error in device.gate_errors:
        match qubits:
            case (qubit,) if qubit in inside:
                nodes[Node(qubit)] = error
            case (a, b) if a in inside and b in inside:
                # Without an entry for the other direction pytket takes it for perfect.
                links[Node(a), Node(b)] = links[Node(b), Node(a)] = error
            case _:
                pass
    reading = {Node(q): sum(device.readout_errors[q]) / 2 for q in field if device.readout_errors}
    return nodes, links, reading


def _completed(
    partial: dict[int, int],
    qubits: int,
    gates: tuple[Gate, ...],
    field: tuple[int, ...],
    device: Device,
) -> tuple[int, ...]:
    """Give the qubits that a search left out the free places nearest to their partners."""
    import networkx as nx

    placed = dict(partial)
    graph = nx.Graph()
    graph.add_nodes_from(field)
    graph.add_edges_from(couplings_among(device, field))
    distance = dict(nx.all_pairs_shortest_path_length(graph)) if len(placed) < qubits else {}
    while len(placed) < qubits:
        partners: dict[int, list[int]] = {q: [] for q in range(qubits) if q not in placed}
        for gate in gates:
            for here, there in (gate.qubits, gate.qubits[::-1]) if len(gate.qubits) == 2 else ():
                if here in partners and there in placed:
                    partners[here].append(placed[there])
        qubit = min(partners, key=lambda q: (-len(partners[q]), q))
        taken = set(placed.values())
        anchors = partners[qubit] or sorted(taken)[:1]
        placed[qubit] = min(
            (node for node in field if node not in taken),
            key=lambda node: (sum(distance[node][anchor] for anchor in anchors), node),
        )
    return tuple(placed[qubit] for qubit in range(qubits))
