"""Placement and routing by Qiskit's transpiler, with all that it rewrites on the way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from qcompile.ir.circuit import Circuit, Gate
from qcompile.ir.routing import Draft, Routing, Variant
from qcompile.passes.base import Context, DevicePass
from qcompile.passes.device.lexi_route import ensure_coupled
from qcompile.passes.device.native import Couplings, quiet_parts
from qcompile.passes.device.swaps import pairs_left
from qcompile.passes.device.symbols import with_angles, with_own_symbols

BASIS = ("rz", "sx", "x", "cz")

LEVEL = 3
"""Of Qiskit's optimisation."""

MOST_GATES = 1000
"""Of two qubits, up to which circuits are handed over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transpile(DevicePass):
    """Add candidates of Qiskit's transpiler, on the whole device and on its better parts.

    Each angle travels as one parameter of its own; Qiskit adds them up where rotations merge. Gates
    are cancelled through others that commute with them, and rewritten again once they are routed.
    """

    name: ClassVar[str] = "transpile"

    seeds: int = 3
    """Runs on each part, for each variant."""

    keep: int = 1
    """Of these, by two-qubit gates."""

    def run(self, routing: Routing, context: Context) -> Routing:
        drafts = list(routing.drafts)
        for variant in routing.variants:
            if 1 <= sum(len(gate.qubits) == 2 for gate in variant.gates) <= MOST_GATES:
                drafts += self._found(variant, routing)
        return replace(routing, drafts=tuple(drafts))

    def ensures(self, before: Routing, after: Routing, context: Context) -> None:
        ensure_coupled(after)

    def _found(self, variant: Variant, routing: Routing) -> Iterator[Draft]:
        from qcompile.qiskit.to_qiskit import to_qiskit

        named, angles = with_own_symbols(variant.gates)
        source = to_qiskit(_circuit(named, len(angles), routing.circuit))
        for field, couplings in quiet_parts(routing.device, routing.circuit.qubits):
            found = []
            for seed in range(self.seeds):
                draft = _transpiled(source, variant, field, couplings, seed)
                if draft is not None:
                    gates = with_angles(draft.gates or (), angles)
                    found.append(replace(draft, gates=gates))
            # Sorting is stable: of equals the first seed wins.
            yield from sorted(found, key=lambda draft: pairs_left(draft.gates or ()))[: self.keep]


def _circuit(gates: tuple[Gate, ...], angles: int, like: Circuit) -> Circuit:
    return replace(like, gates=gates, data_width=0, angle_count=angles)


def _transpiled(
    source: Any, variant: Variant, field: tuple[int, ...], couplings: Couplings, seed: int
) -> Draft | None:
    """None where something comes back that is not ours."""
    from qiskit import transpile

    from qcompile.qiskit.from_qiskit import NotInGates, gates_from_qiskit

    number = {physical: index for index, physical in enumerate(field)}
    forward = [[number[a], number[b]] for a, b in couplings]
    result = transpile(
        source,
        basis_gates=list(BASIS),
        coupling_map=[*forward, *([b, a] for a, b in forward)],
        optimization_level=LEVEL,
        seed_transpiler=seed,
        num_processes=1,
    )
    layout = result.layout
    starts = layout.initial_index_layout(filter_ancillas=True)
    ends = layout.final_index_layout(filter_ancillas=True)
    try:
        gates = gates_from_qiskit(result)
    except NotInGates:
        return None
    return Draft(
        variant=variant,
        placement=f"Qiskit {seed} on {len(field)} qubits",
        field=field,
        initial=tuple(field[index] for index in starts),
        final=tuple(field[index] for index in ends),
        gates=tuple(replace(g, qubits=tuple(field[q] for q in g.qubits)) for g in gates),
    )
