"""Devices: coupling maps, calibration files read without their package, entry points."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from dataclasses import replace
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path
from typing import Any

import pytest

import qcompile
from qcompile.backends.devices import calibration, list_devices, load_device
from qcompile.backends.devices.invariants import defect
from qcompile.backends.devices.measured import MeasuredDevice, working_device
from qcompile.backends.devices.registry import DEVICES
from qcompile.diagnostics import CompileError
from qcompile.ir.device import Device, NativeGate, gates_of
from qcompile.ir.extensions import Table
from qcompile.ir.target import CouplingDevice, NamedDevice


def code_of(name: str) -> str:
    with pytest.raises(CompileError) as caught:
        load_device(NamedDevice(name=name))
    return caught.value.diagnostics[0].code


def test_coupling_map_becomes_an_ideal_device() -> None:
    choice = CouplingDevice(qubits=3, edges=((0, 1), (1, 2)), label="line(3)")
    device = load_device(choice)
    assert (device.name, device.edges) == ("line(3)", ((0, 1), (1, 2)))
    assert device.native == ("rz", "sx", "x", "cz")
    assert not device.gate_errors and not device.readout_errors and device.calibrated is None
    with pytest.raises(CompileError) as caught:
        load_device(CouplingDevice(qubits=2, edges=((0, 2),), label="bad"))
    assert caught.value.diagnostics[0].code == "QA4204"


def test_calibrated_device_leaves_out_what_does_not_work() -> None:
    device = load_device(NamedDevice(name="fake_torino"))
    assert device.qubits == 133 and device.native == ("rz", "sx", "x", "cz")
    # The lattice has 150 couplings; some are calibrated as certain to fail.
    assert 100 < len(device.edges) < 150
    assert device.calibrated == "2025-02-26T15:26:08-05:00"
    rates = dict(device.gate_errors)
    assert all(0.0 < rates[edge] < 1.0 for edge in device.edges)
    assert len(device.readout_errors) == 133


def test_calibration_is_in_seconds_and_probabilities() -> None:
    """Figures of the files themselves."""
    device = load_device(NamedDevice(name="fake_torino"))
    gates = gates_of(device)
    assert gates["cz", (0, 1)].error == 0.004854875406855308
    times = [gates["cz", (0, 1)].duration, gates["sx", (0,)].duration, device.dt]
    times += [device.readout_durations[0], *device.relaxation[0]]
    expected = [68e-9, 32e-9, 4e-9, 1.56e-6, 224.0872756807e-6, 314.5961798898e-6]
    assert times == pytest.approx(expected)
    assert gates["rz", (0,)] == NativeGate(name="rz", qubits=(0,), error=0.0, duration=0.0)
    # A fit gave this one more than 2 T1.
    aachen = load_device(NamedDevice(name="fake_aachen"))
    assert aachen.relaxation[19] == pytest.approx((78.31374222678846e-6, 156.62748445357692e-6))


def test_ideal_devices_have_every_gate_everywhere() -> None:
    choice = CouplingDevice(qubits=3, edges=((0, 1), (1, 2)), label="line(3)")
    gates = gates_of(load_device(choice))
    assert {place for name, place in gates if name == "cz"} == {(0, 1), (1, 0), (1, 2), (2, 1)}
    assert [place for name, place in gates if name == "sx"] == [(0,), (1,), (2,)]
    assert gates["cz", (1, 0)].error is gates["sx", (0,)].error is None
    assert gates["rz", (0,)].error == 0.0


def test_every_installed_device_loads_or_says_why_not() -> None:
    loaded: list[Device] = []
    refused: list[tuple[str, str]] = []
    for name in list_devices():
        try:
            loaded.append(load_device(NamedDevice(name=name)))
        except CompileError as error:
            refused.append((name, error.diagnostics[0].code))
    assert len(loaded) == 67 and refused == [("fake_kyoto", "QA4204")]
    assert [device.name for device in loaded if defect(device) is not None] == []


def test_circuits_compile_for_every_device_that_loads() -> None:
    refused = []
    for name in list_devices():
        qubits, gates = (1, "ry") if name == "fake_armonk" else (2, "cx all; ry")
        text = f"""qa 1
target hw {{ device: "{name}" }}
adapter a() on hw {{
    shape 4 -> 4
    h = linear(x, to: {qubits})
    q = circuit({qubits} qubits) {{ encode angle(h, gate: ry); {gates}; measure z }}
    update linear(q, to: out_features)
}}
"""
        try:
            qcompile.compile(text)
        except CompileError as error:
            refused.append((name, error.diagnostics[0].code))
    assert refused == [("fake_kyoto", "QA4204")]


def test_unsupported_and_unknown_names() -> None:
    with pytest.raises(CompileError, match="none of its couplings works"):
        load_device(NamedDevice(name="fake_kyoto"))
    assert code_of("torino") == "QA4201"
    with pytest.raises(CompileError, match="did you mean `fake_torino`"):
        load_device(NamedDevice(name="fake_turino"))


def test_directions_and_gates_of_real_devices() -> None:
    sherbrooke = load_device(NamedDevice(name="fake_sherbrooke"))
    gates = gates_of(sherbrooke)
    assert ("ecr", (1, 0)) in gates and ("ecr", (0, 1)) not in gates
    assert gates["ecr", (1, 0)].error == pytest.approx(0.007494257741828603)
    # Some couplings of this one are calibrated for ecr, the others for cx.
    cairo = load_device(NamedDevice(name="fake_cairo"))
    kinds = {gate.qubits: gate.name for gate in cairo.gates if len(gate.qubits) == 2}
    assert len(kinds) == len(cairo.edges) and set(kinds.values()) == {"cx", "ecr"}
    old = load_device(NamedDevice(name="fake_almaden"))
    assert old.native == ("cx", "phase", "rot", "u2")
    fractional = load_device(NamedDevice(name="fake_fractional"))
    assert {"rx", "rzz"} <= set(fractional.native)
    assert fractional.angle_bounds == (("rzz", 0.0, math.pi / 2),)
    assert sherbrooke.angle_bounds == ()


def test_a_device_without_a_set_of_native_gates_says_what_it_lacks() -> None:
    gates = (NativeGate(name="ry", qubits=(0,)), NativeGate(name="ry", qubits=(1,)))
    pair = NativeGate(name="cz", qubits=(0, 1))
    with pytest.raises(CompileError, match="it lacks one-qubit gates"):
        working_device(MeasuredDevice(name="lab", qubits=2, gates=(*gates, pair)))
    turns = tuple(NativeGate(name="rot", qubits=(qubit,)) for qubit in (0, 1))
    swap = NativeGate(name="swap", qubits=(0, 1))
    with pytest.raises(CompileError, match="it lacks a two-qubit gate"):
        working_device(MeasuredDevice(name="lab", qubits=2, gates=(*turns, swap)))


def test_missing_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibration, "_folder", lambda: None)
    assert code_of("fake_torino") == "QA4202"


@pytest.mark.parametrize("damage", ["", "[]", "{}", '{"n_qubits": "many"}', "\x00"])
def test_damaged_files(damage: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for part in ("conf", "props"):
        (tmp_path / "lab").mkdir(exist_ok=True)
        (tmp_path / "lab" / f"{part}_lab.json").write_text(damage, encoding="utf-8")
    monkeypatch.setattr(calibration, "_folder", lambda: tmp_path)
    assert code_of("fake_lab") == "QA4204"


def test_dead_qubits_and_couplings_are_dropped(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pairs = [[0, 1], [1, 0], [1, 2], [2, 1], [2, 3], [3, 2], [0, 3], [3, 0]]
    bad = {(1, 2): 1.0, (0, 3): None}
    configuration = {
        "n_qubits": 4,
        "basis_gates": ["rz", "sx", "x", "cz"],
        "gates": [{"name": "cz", "coupling_map": pairs}],
    }

    def entry(gate: str, qubits: list[int], rate: float | None) -> dict[str, object]:
        parameters = [] if rate is None else [{"name": "gate_error", "value": rate}]
        return {"gate": gate, "qubits": qubits, "parameters": parameters}

    properties = {
        "last_update_date": "2026-01-01",
        "qubits": [[{"name": "readout_error", "value": 0.02}]] * 4,
        "gates": [entry("sx", [q], 0.001 * q) for q in range(4)]
        + [entry("cz", p, bad.get((min(p), max(p)), 0.01 * p[0] + 0.01)) for p in pairs],
    }
    (tmp_path / "lab").mkdir()
    (tmp_path / "lab" / "conf_lab.json").write_text(json.dumps(configuration), encoding="utf-8")
    (tmp_path / "lab" / "props_lab.json").write_text(json.dumps(properties), encoding="utf-8")
    monkeypatch.setattr(calibration, "_folder", lambda: tmp_path)
    device = load_device(NamedDevice(name="fake_lab"))
    assert device.edges == ((0, 1), (2, 3))
    # The worse of the two directions counts.
    assert dict(device.gate_errors)[2, 3] == pytest.approx(0.04)
    assert device.readout_errors == ((0.02, 0.02),) * 4


def good() -> Device:
    return Device(name="lab2", qubits=2, edges=((0, 1),), native=("rz", "sx", "x", "cz"))


def with_gates(**changes: Any) -> Device:
    gate = NativeGate(name="cz", qubits=(0, 1), error=0.01, duration=1e-7)
    return replace(
        Device(name="lab2", qubits=2, edges=((0, 1),), native=("rz", "sx", "x", "cz")),
        gates=(replace(gate, **changes),),
    )


@pytest.mark.parametrize(
    ("device", "reason"),
    [
        (with_gates(error=-0.1), "an error of -0.1, outside [0, 1]"),
        (with_gates(error=math.nan), "an error of nan, outside [0, 1]"),
        (with_gates(error=1.0), "it does not work"),
        (with_gates(duration=math.inf), "takes inf seconds"),
        (with_gates(qubits=(0, 0)), "on no coupling"),
        (with_gates(name="cx"), "not among its native gates"),
        (with_gates(name="sx"), "acts on another number of qubits"),
        (replace(with_gates(), edges=((0, 1), (0, 2)), qubits=3), "coupling 0-2 has no gate"),
        (replace(with_gates(), relaxation=((1e-4, 3e-4),) * 2), "greater than 2 T1"),
        (replace(with_gates(), relaxation=((1e-4, 0.0),) * 2), "not positive"),
        (replace(with_gates(), relaxation=((1e-4, 1e-4),)), "given for 1 of 2 qubits"),
        (
            replace(with_gates(), readout_durations=(1e-6, -1e-6)),
            "the read-out of qubit 1 takes -1e-06 seconds",
        ),
        (replace(with_gates(), dt=0.0), "its dt is 0.0, not 1e-15 seconds"),
    ],
)
def test_impossible_calibrations_are_defects(device: Device, reason: str) -> None:
    assert defect(with_gates()) is None
    assert reason in str(defect(device))


def no_device() -> str:
    return "a string"


def broken() -> Device:
    return Device(name="lab2", qubits=1, edges=((0, 1),), native=("cz",))


def failing() -> Device:
    raise RuntimeError("no connection")


def anew() -> Table[Device]:
    """The table before anything was looked up."""
    return Table(DEVICES.group, Device, {}, defect, words=False)


def test_entry_points(monkeypatch: pytest.MonkeyPatch) -> None:
    found = {
        "lab": good,
        "text": no_device,
        "odd": broken,
        "down": failing,
        "fake_torino": good,
    }
    monkeypatch.setattr(EntryPoint, "load", lambda self: found[self.name])
    offered = EntryPoints(
        EntryPoint(name=name, value=f"lab:{name}", group=DEVICES.group) for name in found
    )
    monkeypatch.setattr(
        "importlib.metadata.entry_points", lambda **wanted: offered.select(**wanted)
    )
    monkeypatch.setattr("qcompile.backends.devices.registry.DEVICES", anew())
    assert {"lab", "text", "odd", "down"} <= set(list_devices())
    assert load_device(NamedDevice(name="lab")) == good()
    assert [code_of(name) for name in ("text", "odd", "down")] == ["QA8001"] * 3
    # Both this package and another one have it.
    assert code_of("fake_torino") == "QA4243"


def test_reading_imports_neither_the_package_nor_pytket() -> None:
    script = (
        "import sys\n"
        "from qcompile.backends.devices import load_device\n"
        "from qcompile.ir.target import NamedDevice\n"
        "load_device(NamedDevice(name='fake_torino'))\n"
        "bad = {'qiskit_ibm_runtime', 'qiskit', 'pytket', 'torch', 'numpy', 'networkx'}\n"
        "print(sorted(bad & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")
