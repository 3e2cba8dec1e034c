"""Routing by pytket's LexiRoute.

Cowtan et al. 2019, arXiv:1902.08091, as developed further in pytket. Each angle travels through
pytket as one symbol of its own, so that it comes back exactly.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from qcompile.ir.circuit import Gate
from qcompile.ir.routing import Draft, Routing
from qcompile.ir.verification import VerificationError
from qcompile.passes.base import Context, DevicePass
from qcompile.passes.device.native import couplings_among
from qcompile.passes.device.symbols import with_angles, with_own_symbols

if TYPE_CHECKING:
    from pytket.circuit import Circuit as TketCircuit


@dataclass(frozen=True, slots=True, kw_only=True)
class Route(DevicePass):
    """Insert swaps into every candidate until all pairs are coupled (LexiRoute of pytket)."""

    name: ClassVar[str] = "route"

    def run(self, routing: Routing, context: Context) -> Routing:
        return replace(routing, drafts=tuple(_placed(draft, routing) for draft in routing.drafts))

    def ensures(self, before: Routing, after: Routing, context: Context) -> None:
        ensure_coupled(after)


def ensure_coupled(routing: Routing) -> None:
    """Every draft's pairs are coupled within its field, and it has kept all wires.

    Raises:
        VerificationError: it is not so.
    """
    for draft in routing.drafts:
        edges = set(couplings_among(routing.device, draft.field))
        for gate in draft.gates or ():
            pair = tuple(sorted(gate.qubits))
            if len(pair) == 2 and pair not in edges:
                raise VerificationError(f"{pair} are not coupled")
        for places in (draft.initial, draft.final):
            if len(set(places)) != routing.circuit.qubits or not set(places) <= set(draft.field):
                raise VerificationError("a qubit is lost")


def _placed(draft: Draft, routing: Routing) -> Draft:
    if draft.gates is not None:
        return draft
    gates = draft.variant.gates
    if not any(len(gate.qubits) == 2 for gate in gates):
        return replace(draft, gates=gates_on(gates, draft.initial))
    from qcompile.tket.to_pytket import gates_to_pytket

    named, angles = with_own_symbols(gates)
    source = gates_to_pytket(routing.circuit.qubits, named)
    routed, final = _routed(source, draft, routing)
    return replace(draft, gates=with_angles(routed, angles), final=final)


def _routed(
    source: TketCircuit, draft: Draft, routing: Routing
) -> tuple[tuple[Gate, ...], tuple[int, ...]]:
    """Gates on physical qubits, and the physical qubit on which each qubit ends."""
    from pytket.architecture import Architecture
    from pytket.circuit import Node, Qubit
    from pytket.passes import RoutingPass
    from pytket.placement import Placement as Placing
    from pytket.predicates import CompilationUnit

    from qcompile.tket.from_pytket import gates_from_pytket

    where = draft.initial
    circuit = source.copy()
    Placing.place_with_map(
        circuit, {Qubit(index): Node(physical) for index, physical in enumerate(where)}
    )
    unit = CompilationUnit(circuit)
    RoutingPass(Architecture(list(couplings_among(routing.device, draft.field)))).apply(unit)
    numbering = {qubit: qubit.index[0] for qubit in unit.circuit.qubits}
    # Spare qubits that routing swaps in have entries of a register of their own, whose indices
    # are not those of the device.
    final = tuple(unit.final_map[Node(physical)].index[0] for physical in where)
    return gates_from_pytket(unit.circuit, numbering), final


def gates_on(gates: tuple[Gate, ...], place: Mapping[int, int] | Sequence[int]) -> tuple[Gate, ...]:
    """Gates moved from each qubit to its place."""
    return tuple(replace(gate, qubits=tuple(place[q] for q in gate.qubits)) for gate in gates)
