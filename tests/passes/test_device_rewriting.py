"""Every variant and every candidate of the routing stage has the circuit's outputs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qcompile.ir.circuit import Affine, Circuit, Expectations, Gate, Pauli, Readout, ZeroState
from qcompile.ir.circuit_analysis import depth, two_qubit_gates
from qcompile.ir.circuit_text import gate_text
from qcompile.ir.device import Device
from qcompile.ir.routing import Draft, Routing, moved, start_routing
from qcompile.ir.target import Target
from qcompile.ir.verification import VerificationError
from qcompile.passes.base import Context, DevicePass
from qcompile.passes.device.absorb_tail import AbsorbTail
from qcompile.passes.device.lexi_route import gates_on
from qcompile.passes.device.parallelise import Parallelise
from qcompile.passes.device.predict import UNDONE, attenuations, predicted_error
from qcompile.passes.device.relocate import Relocate
from qcompile.passes.device.restore_parities import RestoreParities
from qcompile.passes.device.resynthesise import Resynthesise
from qcompile.passes.device.rewrite import AbsorbSwaps, MoveToVacant, NativeGates
from qcompile.passes.device.sabre import Sabre
from qcompile.passes.device.transpile import Transpile
from qcompile.testing.circuit_strategies import circuits, sample_inputs, seeds
from qcompile.testing.dense_oracle import dense_outputs


def grid(reading: float = 0.02, gate: float = 0.004) -> Device:
    """2 × 4 qubits; the right half is better than the left."""
    edges = tuple(sorted([(q, q + 1) for q in (0, 1, 2, 4, 5, 6)] + [(q, q + 4) for q in range(4)]))
    worse = {q: 2.0 if q % 4 < 2 else 1.0 for q in range(8)}
    rates: list[tuple[tuple[int, ...], float]] = [((q,), 1e-4 * worse[q]) for q in range(8)]
    rates += [(edge, gate * max(worse[q] for q in edge)) for edge in edges]
    return Device(
        name="grid",
        qubits=8,
        edges=edges,
        native=("rz", "sx", "x", "cz"),
        gate_errors=tuple(sorted(rates)),
        readout_errors=tuple((reading * worse[q], reading * worse[q]) for q in range(8)),
        relaxation=tuple((1e-4 / worse[q], 1e-4 / worse[q]) for q in range(8)),
    )


def carried(routing: Routing, context: Context, *passes: DevicePass) -> Routing:
    for step in passes:
        before, routing = routing, step.run(routing, context)
        step.ensures(before, routing, context)
    return routing


def on(device: Device, mitigate: str = "none") -> Context:
    target = Target(
        name="t", optimise="fidelity", mitigate="readout" if mitigate == "readout" else "none"
    )
    return Context(device=device, target=target)


def written(routing: Routing) -> Iterator[Circuit]:
    """All variants as circuits, and all drafts on the qubits that they use."""
    circuit = routing.circuit
    for variant in routing.variants:
        yield replace(circuit, gates=variant.gates, readout=variant.readout)
    for draft in routing.drafts:
        if draft.gates is not None:
            yield compact(draft, circuit)


def compact(draft: Draft, circuit: Circuit) -> Circuit:
    gates = draft.gates or ()
    used = sorted({*draft.final, *(qubit for gate in gates for qubit in gate.qubits)})
    number = {qubit: index for index, qubit in enumerate(used)}
    table = tuple(number.get(qubit, -1) for qubit in range(max(used) + 1))
    return replace(
        circuit,
        qubits=len(used),
        gates=gates_on(gates, number),
        readout=moved(draft.readout, table),
    )


@settings(max_examples=30)
@given(
    circuit=circuits(max_qubits=4, max_gates=14, amplitude=False),
    mitigate=st.sampled_from(("none", "readout")),
    seed=seeds,
)
def test_all_that_is_compared_has_the_outputs(circuit: Circuit, mitigate: str, seed: int) -> None:
    device = grid(reading=0.1)
    routing = carried(
        start_routing(circuit, device),
        on(device, mitigate),
        AbsorbSwaps(),
        AbsorbTail(),
        Resynthesise(),
        AbsorbSwaps(),
        AbsorbTail(),
        Parallelise(),
        NativeGates(),
        Sabre(seeds=2, keep=1),
        Transpile(seeds=1),
        MoveToVacant(),
        NativeGates(),
        Relocate(best=2, keep=2),
        RestoreParities(best=2),
        NativeGates(),
    )
    data, angles = sample_inputs(circuit, seed, batch=2)
    expected = dense_outputs(circuit, data, angles)
    for other in written(routing):
        np.testing.assert_allclose(dense_outputs(other, data, angles), expected, atol=1e-9)


def layered(*layers: str, qubits: int = 4) -> Circuit:
    """`r`: ry on every qubit; `f`: cx between all pairs; `c`: a chain of cx; `z`: cz likewise."""
    gates: list[Gate] = []
    count = 0
    pairs = [(a, b) for a in range(qubits) for b in range(a + 1, qubits)]
    for layer in layers:
        if layer == "r":
            for qubit in range(qubits):
                angle = Affine(angles=((count, 1.0),))
                gates.append(Gate(name="ry", qubits=(qubit,), angles=(angle,)))
                count += 1
        else:
            chosen = pairs if layer == "f" else [(a, b) for a, b in pairs if b == a + 1]
            name = "cz" if layer == "z" else "cx"
            gates += [Gate(name=name, qubits=pair) for pair in chosen]
    return Circuit(
        qubits=qubits,
        data_width=0,
        angle_count=count,
        initial=ZeroState(),
        gates=tuple(gates),
        readout=Expectations(paulis=tuple(Pauli(letters=((q, "Z"),)) for q in range(qubits))),
    )


def test_the_tail_goes_through_several_layers() -> None:
    routing = carried(start_routing(layered("r", "c", "z", "f"), grid()), on(grid()), AbsorbTail())
    (variant,) = routing.variants
    assert [gate_text(gate) for gate in variant.gates] == [f"ry(t[{q}]) {q}" for q in range(4)]


def test_all_pairs_become_a_chain() -> None:
    circuit = layered("r", "f", "r", qubits=6)
    routing = carried(start_routing(circuit, grid()), on(grid()), Resynthesise(), AbsorbTail())
    assert [two_qubit_gates(variant.gates) for variant in routing.variants] == [15, 5]


def test_a_ring_of_commuting_gates_runs_in_two_layers() -> None:
    ring = tuple(
        Gate(name="crz", qubits=(q, (q + 1) % 4), angles=(Affine(angles=((q, 1.0),)),))
        for q in range(4)
    )
    circuit = replace(layered("r"), gates=layered("r").gates + ring + layered("r").gates)
    after = carried(start_routing(circuit, grid()), on(grid()), Parallelise())
    (variant,) = after.variants
    assert (depth(circuit.gates), depth(variant.gates)) == (6, 4)


def test_moves_to_vacant_qubits_take_two_gates() -> None:
    start = start_routing(layered("r", qubits=2), grid())
    draft = Draft(
        variant=start.variants[0],
        placement="by hand",
        field=(0, 1, 2, 3),
        initial=(0, 3),
        final=(3, 2),
        gates=tuple(Gate(name="swap", qubits=p) for p in ((0, 1), (1, 2), (2, 3), (0, 1))),
    )
    (after,) = carried(replace(start, drafts=(draft,)), on(grid()), MoveToVacant()).drafts
    moves = ["cx 0 1", "cx 1 0", "cx 1 2", "cx 2 1", "swap 2 3"]
    assert [gate_text(gate) for gate in after.gates or ()] == moves


def found_error(draft: Draft, device: Device) -> float:
    return predicted_error(draft.gates or (), draft.readout, device, mitigated=False)


def test_candidates_move_to_better_qubits() -> None:
    device = grid()
    start = start_routing(layered("r", "c", "r", qubits=3), device)
    (variant,) = start.variants
    bad = Draft(
        variant=variant,
        placement="by hand",
        field=(0, 1, 4, 5),
        initial=(0, 4, 5),
        final=(0, 4, 5),
        gates=gates_on(variant.gates, (0, 4, 5)),
    )
    after = carried(replace(start, drafts=(bad,)), on(device), Relocate())
    assert after.drafts[0] == bad
    assert {after.drafts[1].initial} <= {(2, 3, 7), (2, 6, 7), (3, 7, 6), (6, 2, 3), (7, 3, 2)} | {
        (3, 2, 6),
        (6, 7, 3),
        (7, 6, 2),
    }
    assert found_error(after.drafts[1], device) < found_error(bad, device)


@pytest.mark.parametrize(
    ("reading", "mitigate", "appended"),
    [(0.05, "none", 3), (0.05, "readout", 0), (1e-4, "none", 0)],
)
def test_parities_are_restored_where_reading_costs_more(
    reading: float, mitigate: str, appended: int
) -> None:
    device = grid(reading=reading)
    start = carried(start_routing(layered("r", "c"), device), on(device), AbsorbTail())
    (variant,) = start.variants
    draft = Draft(
        variant=variant,
        placement="by hand",
        field=(0, 1, 2, 3),
        initial=(0, 1, 2, 3),
        final=(0, 1, 2, 3),
        gates=variant.gates,
    )
    after = carried(replace(start, drafts=(draft,)), on(device, mitigate), RestoreParities())
    assert [two_qubit_gates(found.gates or ()) for found in after.drafts[1:]] == (
        [appended] if appended else []
    )


def test_attenuation_follows_the_backward_cone() -> None:
    device = grid()
    gates = (
        Gate(name="cz", qubits=(0, 1)),
        Gate(name="sx", qubits=(1,)),
        Gate(name="cz", qubits=(2, 3)),
    )
    readout: Readout = Expectations(
        paulis=(Pauli(letters=((1, "Z"),)), Pauli(letters=((2, "Z"),)), Pauli(letters=((4, "Z"),)))
    )
    first, second, third = attenuations(gates, readout, device, mitigated=False)
    assert first == pytest.approx((1 - 4 / 3 * 0.008) * (1 - 2 * 2e-4) * (1 - 0.08))
    assert second == pytest.approx((1 - 4 / 3 * 0.004) * (1 - 0.04))
    assert third == pytest.approx(1 - 0.08)
    undone = attenuations(gates, readout, device, mitigated=True)[2]
    assert undone == pytest.approx((1 - 0.08) ** UNDONE)


def test_waiting_counts_where_times_are_known() -> None:
    from qcompile.ir.device import NativeGate

    device = replace(
        grid(),
        gates=tuple(
            NativeGate(name="cz", qubits=pair, error=0.0, duration=1e-6)
            for pair in sorted(p for edge in grid().edges for p in (edge, edge[::-1]))
        ),
    )
    # Qubit 0 waits for one gate between its two.
    gates = tuple(Gate(name="cz", qubits=pair) for pair in ((0, 1), (1, 2), (0, 1)))
    readout = Expectations(paulis=(Pauli(letters=((0, "Z"),)),))
    (left,) = attenuations(gates, readout, device, mitigated=True)
    assert left == pytest.approx(np.exp(-1e-6 / 5e-5) * (1 - 0.08) ** UNDONE)


def test_broken_promises_are_found() -> None:
    device = grid()
    circuit = layered("r", "c", "r", "c")
    start = start_routing(circuit, device)
    good = carried(start, on(device), NativeGates(), Sabre(seeds=2, keep=1))
    draft = good.drafts[0]
    (variant,) = good.variants
    uncoupled = replace(draft, gates=(Gate(name="cz", qubits=(0, 7)),))
    more = replace(draft, gates=(draft.gates or ()) + (draft.gates or ()))
    longer = replace(variant, gates=variant.gates + variant.gates)
    broken: list[tuple[DevicePass, Routing]] = [
        (AbsorbTail(), replace(good, variants=(longer,))),
        (AbsorbTail(), replace(good, variants=())),
        (Resynthesise(), replace(good, variants=(longer,))),
        (Parallelise(), replace(good, variants=(longer,))),
        (Parallelise(), replace(good, variants=())),
        (Sabre(), replace(good, drafts=(uncoupled,))),
        (Sabre(), replace(good, drafts=(replace(draft, initial=(0, 0, 1, 2)),))),
        (Transpile(), replace(good, drafts=(uncoupled,))),
        (Relocate(), replace(good, drafts=(uncoupled,))),
        (MoveToVacant(), replace(good, drafts=(more, *good.drafts[1:]))),
        (RestoreParities(), replace(good, drafts=())),
    ]
    for step, after in broken:
        with pytest.raises(VerificationError):
            step.ensures(good, after, on(device))
