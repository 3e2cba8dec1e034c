"""Placement and routing by Qiskit's SABRE.

Li, Ding, Xie 2019, arXiv:1809.02573, as LightSABRE, arXiv:2409.08368. Gates travel through Qiskit
as opaque ones that are numbered, so that nothing of them can change.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from qcompile.ir.circuit import Gate
from qcompile.ir.routing import Draft, Routing, Variant
from qcompile.passes.base import Context, DevicePass
from qcompile.passes.device.lexi_route import ensure_coupled
from qcompile.passes.device.native import Couplings, quiet_parts
from qcompile.passes.device.rewrite import with_moves
from qcompile.passes.device.swaps import pairs_left

TRIALS = 20
"""Layouts, and routings of each, of one search. Qiskit's default depends on the machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sabre(DevicePass):
    """Add candidates that SABRE places and routes, on the whole device and on its better parts."""

    name: ClassVar[str] = "sabre"

    seeds: int = 6
    """Searches on each part, for each variant."""

    keep: int = 2
    """Of these, by the two-qubit gates that are left when swaps have merged with neighbours."""

    def run(self, routing: Routing, context: Context) -> Routing:
        drafts = list(routing.drafts)
        for variant in routing.variants:
            if any(len(gate.qubits) == 2 for gate in variant.gates):
                drafts += self._searched(variant, routing)
        return replace(routing, drafts=tuple(drafts))

    def ensures(self, before: Routing, after: Routing, context: Context) -> None:
        ensure_coupled(after)

    def _searched(self, variant: Variant, routing: Routing) -> Iterator[Draft]:
        source = _opaque(variant.gates, routing.circuit.qubits)
        for field, couplings in quiet_parts(routing.device, routing.circuit.qubits):
            found = [_routed(source, variant, field, couplings, s) for s in range(self.seeds)]
            # Sorting is stable: of equals the first seed wins.
            yield from sorted(found, key=_cost)[: self.keep]


def _cost(draft: Draft) -> int:
    return pairs_left(with_moves(draft).gates or ())


def _opaque(gates: tuple[Gate, ...], qubits: int) -> Any:
    from qiskit import QuantumCircuit
    from qiskit.circuit import Gate as Opaque

    circuit = QuantumCircuit(qubits)
    for index, gate in enumerate(gates):
        circuit.append(Opaque(str(index), len(gate.qubits), []), gate.qubits)
    return circuit


def _routed(
    source: Any, variant: Variant, field: tuple[int, ...], couplings: Couplings, seed: int
) -> Draft:
    from qiskit.transpiler import CouplingMap, PassManager
    from qiskit.transpiler.passes import SabreLayout

    number = {physical: index for index, physical in enumerate(field)}
    forward = [(number[a], number[b]) for a, b in couplings]
    both = CouplingMap([*forward, *((b, a) for a, b in forward)])
    search = PassManager([SabreLayout(both, seed=seed, swap_trials=TRIALS, layout_trials=TRIALS)])
    result = search.run(source)
    layout = search.property_set["layout"]
    initial = tuple(field[layout[qubit]] for qubit in source.qubits)
    place = {qubit: field[index] for index, qubit in enumerate(result.qubits)}
    at = {physical: physical for physical in field}
    gates: list[Gate] = []
    for item in result.data:
        qubits = tuple(place[qubit] for qubit in item.qubits)
        if item.operation.name == "swap":
            a, b = qubits
            at[a], at[b] = at[b], at[a]
            gates.append(Gate(name="swap", qubits=qubits))
        else:
            gates.append(replace(variant.gates[int(item.operation.name)], qubits=qubits))
    ends = {content: physical for physical, content in at.items()}
    return Draft(
        variant=variant,
        placement=f"SABRE {seed} on {len(field)} qubits",
        field=field,
        initial=initial,
        final=tuple(ends[physical] for physical in initial),
        gates=tuple(gates),
    )
