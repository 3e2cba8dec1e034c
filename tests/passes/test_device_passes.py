"""The passes of the routing stage one by one: what each does, and that it checks its promise."""

from __future__ import annotations

from dataclasses import replace

import pytest

from qcompile.ir.circuit import Affine, Circuit, Expectations, Gate, Pauli, ZeroState
from qcompile.ir.circuit_text import gate_text
from qcompile.ir.device import Device
from qcompile.ir.routing import Routing, start_routing
from qcompile.ir.verification import VerificationError
from qcompile.passes.base import Context, DevicePass
from qcompile.passes.device.lexi_route import Route
from qcompile.passes.device.place import PlaceQubits
from qcompile.passes.device.rewrite import AbsorbSwaps, NativeGates
from qcompile.passes.pipeline import ROUTING, Pipeline, device_passes, preset

LINE = Device(name="line", qubits=4, edges=((0, 1), (1, 2), (2, 3)), native=("rz", "sx", "x", "cz"))
CONTEXT = Context(device=LINE)


def gate(name: str, *qubits: int, angle: int | None = None) -> Gate:
    angles = () if angle is None else (Affine(angles=((angle, 1.0),)),)
    return Gate(name=name, qubits=qubits, angles=angles)


def started(*gates: Gate) -> Routing:
    circuit = Circuit(
        qubits=3,
        data_width=0,
        angle_count=2,
        initial=ZeroState(),
        gates=gates,
        readout=Expectations(paulis=(Pauli(letters=((0, "Z"),)),)),
    )
    return start_routing(circuit, LINE)


def carried(routing: Routing, *passes: DevicePass) -> Routing:
    for step in passes:
        before, routing = routing, step.run(routing, CONTEXT)
        step.ensures(before, routing, CONTEXT)
    return routing


def test_swaps_become_other_wires() -> None:
    routing = started(gate("swap", 0, 2), gate("h", 0), gate("cz", 0, 1))
    (after,) = carried(routing, AbsorbSwaps()).variants
    assert [gate_text(found) for found in after.gates] == ["h 2", "cz 2 1"]
    assert after.wires == (2, 1, 0)
    assert after.readout == Expectations(paulis=(Pauli(letters=((2, "Z"),)),))


def test_wires_of_two_rounds_are_those_of_both() -> None:
    once = carried(started(gate("swap", 0, 1), gate("swap", 1, 2)), AbsorbSwaps())
    (first,) = once.variants
    extended = replace(once, variants=(replace(first, gates=(gate("swap", 0, 1),)),))
    (second,) = carried(extended, AbsorbSwaps()).variants
    # Qubit 0 is on wire 1 after the first round, and its wire's content goes to wire 0.
    assert first.wires == (1, 2, 0)
    assert second.wires == (0, 2, 1)


def test_gates_become_native_on_wires_and_in_drafts() -> None:
    routing = started(gate("ry", 0, angle=0), gate("cx", 0, 2), gate("ry", 2, angle=1))
    after = carried(routing, NativeGates(), PlaceQubits(), Route(), NativeGates())
    written = [variant.gates for variant in after.variants]
    for gates in (*written, *(draft.gates for draft in after.drafts)):
        assert gates and {found.name for found in gates} <= set(LINE.native)
    assert len({(draft.initial, draft.field) for draft in after.drafts}) == len(after.drafts) > 1


def test_circuits_without_pairs_take_the_best_qubits() -> None:
    errors = tuple(((qubit,), 0.1 * (3 - qubit)) for qubit in range(4))
    quiet = replace(LINE, gate_errors=errors)
    routing = replace(started(gate("rz", 0, angle=0)), device=quiet)
    (draft,) = carried(routing, PlaceQubits(), Route()).drafts
    assert draft.initial == draft.final == (1, 2, 3)
    assert draft.gates == (gate("rz", 1, angle=0),)


def test_broken_promises_are_found() -> None:
    routing = started(gate("ry", 0, angle=0), gate("cz", 0, 2), gate("swap", 0, 1))
    good = carried(routing, AbsorbSwaps(), NativeGates(), PlaceQubits(), Route(), NativeGates())
    (draft, *_) = good.drafts
    (variant,) = good.variants
    broken: list[tuple[DevicePass, Routing]] = [
        (AbsorbSwaps(), routing),
        (AbsorbSwaps(), replace(good, variants=(replace(variant, wires=(0, 0, 1)),))),
        (NativeGates(), replace(good, variants=(replace(variant, gates=(gate("h", 0),)),))),
        (NativeGates(), replace(good, drafts=(replace(draft, gates=(gate("h", 0),)),))),
        (PlaceQubits(), replace(good, drafts=(replace(draft, initial=(0, 0, 1)),))),
        (PlaceQubits(), replace(good, drafts=(replace(draft, initial=(0, 1, 9)),))),
        (Route(), replace(good, drafts=(replace(draft, gates=(gate("cz", 0, 3),)),))),
        (Route(), replace(good, drafts=(replace(draft, final=(0, 0, 1)),))),
    ]
    for step, after in broken:
        with pytest.raises(VerificationError):
            step.ensures(routing, after, CONTEXT)


def test_a_pipeline_that_names_some_replaces_the_default() -> None:
    for level, text in enumerate(ROUTING):
        context = replace(CONTEXT, optimisation=level)
        assert device_passes(preset(level), context) == Pipeline.parse(text).passes
    named = Pipeline.parse("light-cone,native-gates,place,route,native-gates,find-paths")
    passes = device_passes(named, CONTEXT)
    assert [step.name for step in passes] == ["native-gates", "place", "route", "native-gates"]
    assert device_passes(named, Context()) == ()
