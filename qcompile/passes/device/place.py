"""Where the qubits of a circuit start: candidates from pytket's placements, completed by us."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, ClassVar

from qcompile.ir.circuit import Gate
from qcompile.ir.device import Device
from qcompile.ir.routing import Draft, Routing, Variant
from qcompile.ir.verification import VerificationError
from qcompile.passes.base import Context, DevicePass
from qcompile.passes.device.native import couplings_among, region, usable_qubits
from qcompile.passes.device.symbols import with_own_symbols

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


Search = Callable[["TketCircuit"], "dict[int, int] | None"]
"""The places it found, possibly not of all qubits; None where it gave up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceQubits(DevicePass):
    """Choose places for all qubits in several ways, each a candidate of its own."""

    name: ClassVar[str] = "place"

    searches: int = 12
    """Ways that are tried for each variant, at most; fewer where a device offers fewer."""

    def run(self, routing: Routing, context: Context) -> Routing:
        placed = (_placed(variant, routing, self.searches) for variant in routing.variants)
        return replace(routing, drafts=routing.drafts + tuple(chain.from_iterable(placed)))

    def ensures(self, before: Routing, after: Routing, context: Context) -> None:
        for draft in after.drafts:
            within = set(draft.initial) <= set(draft.field) <= set(range(after.device.qubits))
            if not within or len(set(draft.initial)) != after.circuit.qubits:
                raise VerificationError("place did not give every qubit a place of its own")


def _placed(variant: Variant, routing: Routing, searches: int) -> Iterator[Draft]:
    gates, device, qubits = variant.gates, routing.device, routing.circuit.qubits
    if not any(len(gate.qubits) == 2 for gate in gates):
        where = region(device, qubits, "errors")
        yield Draft(
            variant=variant, placement="best qubits", field=where, initial=where, final=where
        )
        return
    from qcompile.tket.to_pytket import gates_to_pytket

    circuit = gates_to_pytket(qubits, with_own_symbols(gates)[0])
    found: dict[tuple[tuple[int, ...], tuple[int, ...]], str] = {}
    for kind, field, search in islice(_searches(circuit, gates, device), searches):
        partial = search(circuit)
        if partial is not None:
            placed = _completed(partial, qubits, gates, field, device)
            found.setdefault((placed, field), f"{kind} on {len(field)} qubits")
    for (placed, field), kind in found.items():
        yield Draft(variant=variant, placement=kind, field=field, initial=placed, final=placed)


def _searches(
    circuit: TketCircuit, gates: tuple[Gate, ...], device: Device
) -> Iterator[tuple[str, tuple[int, ...], Search]]:
    """Ways to place the circuit's qubits, each with the region in which it does."""
    from pytket.placement import GraphPlacement, LinePlacement, NoiseAwarePlacement

    qubits = circuit.n_qubits
    usable = usable_qubits(device)
    tight = region(device, qubits, "couplings")
    yield "in order", tight, lambda _: dict(enumerate(tight))
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
            yield "line", field, _search(LinePlacement(_architecture(device, field)))
            continue
        if not sparse and len(field) > WIDE_SEARCH:
            continue
        architecture = _architecture(device, field)
        yield "graph", field, _search(GraphPlacement(architecture, MATCHES, PATIENCE))
        if device.gate_errors:
            noise = _noise(device, field)
            noisy = NoiseAwarePlacement(architecture, *noise, MATCHES, PATIENCE)
            yield "noise-aware", field, _search(noisy)
    yield "line", usable, _search(LinePlacement(_architecture(device, usable)))


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
