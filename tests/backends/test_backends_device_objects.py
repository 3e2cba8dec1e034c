"""Devices from objects of Qiskit and pytket, and what is compiled and run with them."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from pytket.backends.backendinfo import BackendInfo, fully_connected_backendinfo
from pytket.circuit import OpType
from qiskit.circuit import Parameter
from qiskit.circuit.library import CXGate, CZGate, RXGate, RZGate, RZZGate, SXGate, XGate
from qiskit.circuit.measure import Measure
from qiskit.transpiler import InstructionProperties, QubitProperties, Target
from qiskit_ibm_runtime import fake_provider

import qcompile
from qcompile.backends.devices import device_of, device_text, load_device
from qcompile.backends.devices.files import read_device_file
from qcompile.backends.devices.invariants import defect
from qcompile.diagnostics import CompileError, QCompileError
from qcompile.ir.device import Device, gates_of
from qcompile.ir.plan import EvaluationNode
from qcompile.ir.target import NamedDevice

ANGLE = Parameter("a")
SPEC = """qa 1

adapter low() {
    shape 4 -> 4
    h = linear(x, to: 3)
    q = circuit(3 qubits) { encode angle(h, gate: ry); cx ring; ry; measure z }
    update linear(q, to: out_features)
}
"""


def described(what: object) -> Device:
    device = device_of(what)
    assert device is not None and defect(device) is None
    return device


def target(**changes: Any) -> Target:
    """A line of three qubits in cz, with the properties that are given of the last of a kind."""
    properties = InstructionProperties
    times = [QubitProperties(t1=2e-4, t2=1e-4), QubitProperties(t1=2e-4, t2=1e-4)]
    found = Target(dt=1e-9, qubit_properties=[*times, QubitProperties(**changes.get("qubit", {}))])
    one = {(0,): properties(3e-8, 1e-4), (1,): properties(3e-8, 1e-4)}
    found.add_instruction(RZGate(ANGLE), {(q,): properties(0.0, 0.0) for q in range(3)})
    found.add_instruction(SXGate(), {**one, (2,): properties(**changes.get("sx", {}))})
    found.add_instruction(XGate(), {(q,): properties(3e-8, 1e-4) for q in range(3)})
    pairs = {(0, 1): properties(7e-8, 0.004), (1, 2): properties(**changes.get("cz", {}))}
    found.add_instruction(CZGate(), pairs)
    read = {(q,): properties(1e-6, 0.02) for q in range(2)}
    found.add_instruction(Measure(), {**read, (2,): properties(**changes.get("measure", {}))})
    return found


KNOWN = {
    "sx": {"error": 1e-4, "duration": 3e-8},
    "cz": {"error": 0.004, "duration": 7e-8},
    "measure": {"error": 0.02, "duration": 1e-6},
    "qubit": {"t1": 2e-4, "t2": 1e-4},
}


@pytest.mark.parametrize(
    "name", ["FakeManilaV2", "FakeCairoV2", "FakeAlmadenV2", "FakeFractionalBackend", "FakeFez"]
)
def test_a_backend_gives_the_device_of_its_calibration(name: str) -> None:
    backend = getattr(fake_provider, name)()
    found, known = described(backend), load_device(NamedDevice(name=backend.name))
    assert found.gate_errors == known.gate_errors
    assert found.readout_errors == known.readout_errors
    assert (found.name, found.edges, found.native) == (known.name, known.edges, known.native)
    assert (found.calibrated, found.angle_bounds) == (known.calibrated, known.angle_bounds)
    ours, theirs = gates_of(found), gates_of(known)
    assert ours.keys() == theirs.keys()
    assert [ours[place].error for place in ours] == [theirs[place].error for place in ours]
    # Prefixes of units are divided by in one place, and multiplied by in the other.
    for place, gate in ours.items():
        assert gate.duration == pytest.approx(theirs[place].duration)
    assert [t for pair in found.relaxation for t in pair] == pytest.approx(
        [t for pair in known.relaxation for t in pair]
    )
    assert found.readout_durations == pytest.approx(known.readout_durations)


def test_a_target_alone_has_its_errors_times_and_directions() -> None:
    device = described(target(**KNOWN))
    assert device.name == "target" and device.calibrated is None
    assert device.edges == ((0, 1), (1, 2)) and device.native == ("rz", "sx", "x", "cz")
    gates = gates_of(device)
    assert ("cz", (1, 0)) not in gates
    assert (gates["cz", (1, 2)].error, gates["cz", (1, 2)].duration) == (0.004, 7e-8)
    assert device.readout_errors == ((0.02, 0.02),) * 3
    assert device.readout_durations == (1e-6,) * 3
    assert device.relaxation == ((2e-4, 1e-4),) * 3 and device.dt == 1e-9


@pytest.mark.parametrize("error", [None, 1.0, 1.5, -0.01, math.nan, math.inf])
@pytest.mark.parametrize("gate", ["sx", "cz", "measure"])
def test_what_has_no_possible_error_is_not_used(gate: str, error: float | None) -> None:
    device = described(target(**{**KNOWN, gate: {"error": error, "duration": 1e-7}}))
    assert device.edges == ((0, 1),)
    assert (2,) not in dict(device.gate_errors) or gate == "cz"


@pytest.mark.parametrize("time", [0.0, -1e-9, math.nan, math.inf])
def test_impossible_times_are_unknown(time: float) -> None:
    changed = {gate: {"error": 0.01, "duration": time} for gate in ("sx", "cz", "measure")}
    device = described(target(**changed, qubit={"t1": time, "t2": 1e-4}))
    gates = gates_of(device)
    assert gates["sx", (2,)].duration is gates["cz", (1, 2)].duration is None
    assert device.readout_durations[2] is None and device.relaxation[2] == (None, 1e-4)


def test_t2_is_at_most_twice_t1() -> None:
    device = described(target(**{**KNOWN, "qubit": {"t1": 1e-5, "t2": 1e-3}}))
    assert device.relaxation[2] == (1e-5, 2e-5)


def test_gates_with_bounds_and_at_one_angle() -> None:
    found = Target(num_qubits=2)
    pair = {(0, 1): InstructionProperties(1e-7, 0.01)}
    found.add_instruction(RZGate(ANGLE), {(q,): None for q in range(2)})
    found.add_instruction(SXGate(), {(q,): InstructionProperties(1e-8, 1e-4) for q in range(2)})
    found.add_instruction(
        RXGate(ANGLE), {(q,): None for q in range(2)}, angle_bounds=[(0.0, math.pi)]
    )
    found.add_instruction(RZZGate(ANGLE), pair, angle_bounds=[(0.0, math.pi / 2)])
    device = described(found)
    assert set(device.angle_bounds) == {("rx", 0.0, math.pi), ("rzz", 0.0, math.pi / 2)}
    fixed = Target(num_qubits=2)
    fixed.add_instruction(RZGate(ANGLE), {(q,): None for q in range(2)})
    fixed.add_instruction(SXGate(), {(q,): None for q in range(2)})
    fixed.add_instruction(RZZGate(math.pi / 2), pair)
    assert described(fixed).angle_bounds == (("rzz", math.pi / 2, math.pi / 2),)


def test_a_gate_without_the_angle_of_a_quarter_is_not_used() -> None:
    found = Target(num_qubits=2)
    for gate in (RZGate(ANGLE), SXGate()):
        found.add_instruction(gate, {(q,): None for q in range(2)})
    found.add_instruction(RZZGate(0.3), {(0, 1): InstructionProperties(1e-7, 0.01)})
    with pytest.raises(CompileError, match="none of its couplings works"):
        device_of(found)


def test_gates_without_places_are_everywhere() -> None:
    found = Target(num_qubits=3)
    for gate in (RZGate(ANGLE), SXGate(), CXGate()):
        found.add_instruction(gate)
    device = described(found)
    assert device.edges == ((0, 1), (0, 2), (1, 2)) and ("cx", (2, 0)) in gates_of(device)


def test_a_backend_info_of_pytket_gives_the_same_device() -> None:
    from pytket.extensions.qiskit.backends.ibm import IBMQBackend

    backend = fake_provider.FakeTorino()
    info = IBMQBackend._get_backend_info(backend.configuration(), backend.properties())
    found, known = described(info), load_device(NamedDevice(name="fake_torino"))
    assert (found.name, found.native, found.edges) == (known.name, known.native, known.edges)
    assert found.gate_errors == known.gate_errors
    # Of reading pytket-qiskit keeps the mean of both errors.
    means = [sum(pair) / 2 for pair in known.readout_errors]
    assert [pair[0] for pair in found.readout_errors] == pytest.approx(means)
    assert [t for pair in found.relaxation for t in pair] == pytest.approx(
        [t for pair in known.relaxation for t in pair]
    )
    assert gates_of(found)["cz", (0, 1)].duration == pytest.approx(68e-9)


def trapped(*gates: OpType) -> BackendInfo:
    ions: BackendInfo = fully_connected_backendinfo(
        "Quantinuum", "H1", "1", 4, {OpType.Rz, OpType.PhasedX, OpType.Measure, *gates}
    )
    return ions


def test_a_backend_info_without_errors() -> None:
    device = described(trapped(OpType.ZZPhase, OpType.ZZMax))
    assert (device.name, device.qubits, len(device.edges)) == ("H1", 4, 6)
    assert device.native == ("rz", "prx", "rzz") and not device.angle_bounds
    assert not device.gate_errors and not device.readout_errors


def test_own_errors_of_a_backend_info_come_before_those_of_its_places() -> None:
    from pytket.architecture import Architecture
    from pytket.unit_id import Node

    a, b = Node(0), Node(1)
    info = BackendInfo(
        "lab",
        None,
        "1",
        Architecture([(a, b)]),
        {OpType.Rz, OpType.PhasedX, OpType.ZZMax},
        all_node_gate_errors={a: {OpType.PhasedX: 1e-4}},
        averaged_node_gate_errors={a: 2e-4, b: 3e-4},
        averaged_edge_gate_errors={(a, b): 0.02},
        all_readout_errors={a: [[0.99, 0.01], [0.03, 0.97]]},
        averaged_readout_errors={b: 0.05},
    )
    device = described(info)
    assert dict(device.gate_errors) == {(0,): 1e-4, (1,): 3e-4, (0, 1): 0.02}
    assert device.readout_errors == ((0.01, 0.03), (0.05, 0.05))
    assert device.angle_bounds == (("rzz", math.pi / 2, math.pi / 2),)


def test_an_adapter_for_an_object_keeps_its_device_and_runs_on_it() -> None:
    backend = fake_provider.FakeManilaV2()
    adapter = qcompile.compile(SPEC, target=backend)
    assert adapter.manifest.devices == (described(backend),)
    (plan,) = adapter.manifest.planned.plans
    assert (plan.target.name, plan.target.optimise) == ("fake_manila", "fidelity")
    (node,) = (node for node in plan.nodes if isinstance(node, EvaluationNode))
    (circuit,) = adapter.circuits()
    (same,) = adapter.circuits(target=backend)
    assert node.routed is not None and circuit.routed == same.routed == node.routed
    x = torch.rand(2, 4, generator=torch.Generator().manual_seed(1))
    noisy = adapter.on(described(backend))(x)
    shots = adapter.on(backend, shots=20_000)(x)
    assert torch.allclose(noisy, shots, atol=0.05)
    assert not torch.allclose(noisy, adapter.on("simulator")(x), atol=1e-3)


def test_an_adapter_for_ions_with_one_angle() -> None:
    adapter = qcompile.compile(SPEC, target=trapped(OpType.ZZMax))
    (circuit,) = adapter.circuits()
    assert circuit.routed is not None
    turns = [gate for gate in circuit.routed.circuit.gates if gate.name == "rzz"]
    assert turns and {gate.angles[0].constant for gate in turns} == {math.pi / 2}


class Broken:
    """A backend whose description fails."""

    name = "broken"

    @property
    def target(self) -> Any:
        return SimpleNamespace(operation_names=["sx"], num_qubits="many")


@pytest.mark.parametrize("what", [3, object(), SimpleNamespace(target=None), ["fake_torino"]])
def test_what_describes_no_device_is_refused(what: object) -> None:
    assert device_of(what) is None
    adapter = qcompile.compile(SPEC)
    for refused in (
        lambda: qcompile.compile(SPEC, target=what),
        lambda: adapter.circuits(target=what),
    ):
        with pytest.raises(QCompileError) as caught:
            refused()
        assert caught.value.diagnostics[0].code == "QA6013"
    with pytest.raises(QCompileError) as caught:
        adapter.on(what)
    assert caught.value.diagnostics[0].code == "QA7112"


@pytest.mark.parametrize(
    ("what", "code"),
    [
        (Broken(), "QA4204"),
        (Target(num_qubits=2), "QA4204"),
        (Device(name="lab", qubits=0, edges=(), native=()), "QA4204"),
        ("grid(4)", "QA4242"),
        ("grid(0, 4)", "QA4242"),
        ("line(999999)", "QA4242"),
        ("fake_turin", "QA4201"),
        ("hexagon(3)", "QA4201"),
    ],
)
def test_devices_that_cannot_be_used(what: object, code: str) -> None:
    with pytest.raises(CompileError) as caught:
        device_of(what)
    assert caught.value.diagnostics[0].code == code


def test_coupling_maps_by_name_are_targets() -> None:
    adapter = qcompile.compile(SPEC, target="ring(3)")
    (device,) = adapter.manifest.devices
    assert (device.name, device.edges) == ("ring(3)", ((0, 1), (0, 2), (1, 2)))


def test_what_is_written_of_an_object_is_read_back_equal(tmp_path: Any) -> None:
    device = described(target(**KNOWN))
    (tmp_path / "lab.json").write_text(device_text(device), encoding="utf-8")
    assert read_device_file(str(tmp_path / "lab.json"), "lab.json") == device
