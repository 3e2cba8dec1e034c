"""Devices in JSON files: written, read back, and refused where they cannot be."""

from __future__ import annotations

import contextlib
import copy
import json
import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import qcompile
from qcompile.backends.devices import list_devices, load_device
from qcompile.backends.devices.files import device_text, read_device_file
from qcompile.backends.devices.invariants import defect
from qcompile.diagnostics import CompileError
from qcompile.ir.coupling_maps import COUPLING_MAPS
from qcompile.ir.device import Device, gates_of
from qcompile.ir.plan import EvaluationNode
from qcompile.ir.target import NamedDevice

SOURCE = """qa 1
target hw { device: "devices/two.json" }
adapter a() on hw {
    shape 4 -> 4
    h = linear(x, to: 2)
    q = circuit(2 qubits) { encode angle(h, gate: ry); cx all; ry; measure z }
    update linear(q, to: out_features)
}
"""


def two() -> dict[str, Any]:
    """An ecr device of two qubits."""
    single = [
        {"name": name, "qubits": [qubit], "error": error, "duration": 3e-8}
        for name, error in (("rz", 0.0), ("sx", 1e-4), ("x", 1e-4))
        for qubit in (0, 1)
    ]
    return {
        "format": "qcompile.device",
        "version": 1,
        "name": "two",
        "qubits": 2,
        "gates": [
            *single,
            {"name": "ecr", "qubits": [1, 0], "error": 0.007, "duration": 5e-7},
        ],
        "readout_errors": [[0.01, 0.02], [0.01, 0.03]],
        "readout_durations": [1e-6, None],
        "relaxation": [[2e-4, 1e-4], [2e-4, None]],
        "dt": 2e-10,
        "calibrated": "2026-04-17T12:29:46+02:00",
    }


def written(folder: Path, content: Any) -> str:
    path = folder / "two.json"
    text = content if isinstance(content, str) else json.dumps(content)
    path.write_text(text, encoding="utf-8")
    return str(path)


def reasons(path: str) -> str:
    with pytest.raises(CompileError) as caught:
        read_device_file(path, "two.json")
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.code == "QA4240", str(caught.value)
    return str(caught.value)


def test_a_file_by_hand(tmp_path: Path) -> None:
    device = read_device_file(written(tmp_path, two()), "two.json")
    assert (device.name, device.qubits, device.edges) == ("two", 2, ((0, 1),))
    assert device.native == ("rz", "sx", "x", "ecr")
    assert dict(device.gate_errors) == {(0,): 1e-4, (1,): 1e-4, (0, 1): 0.007}
    assert gates_of(device)["ecr", (1, 0)].duration == 5e-7
    assert device.relaxation == ((2e-4, 1e-4), (2e-4, None))


def test_only_gates_are_needed(tmp_path: Path) -> None:
    content = {key: two()[key] for key in ("format", "version", "name", "qubits")}
    gates = [{"name": gate["name"], "qubits": gate["qubits"]} for gate in two()["gates"]]
    device = read_device_file(written(tmp_path, {**content, "gates": gates}), "two.json")
    assert device.edges == ((0, 1),) and not device.gate_errors and device.calibrated is None


@pytest.mark.parametrize(
    "name",
    ["fake_torino", "fake_cairo", "fake_almaden", "fake_fractional", "fake_armonk", "fake_geneva"],
)
def test_what_is_written_is_read_back_equal(name: str, tmp_path: Path) -> None:
    device = load_device(NamedDevice(name=name))
    assert read_device_file(written(tmp_path, device_text(device)), "x.json") == device
    assert name in list_devices()


def test_ideal_devices_are_written_with_their_gates(tmp_path: Path) -> None:
    device = load_device(COUPLING_MAPS["grid"].device("grid", 2, 3))
    back = read_device_file(written(tmp_path, device_text(device)), "x.json")
    assert (back.name, back.edges, back.native) == ("grid(2, 3)", device.edges, device.native)
    assert gates_of(back) == gates_of(device)


BAD: list[tuple[str, Any, str]] = [
    ("gates", [{"name": "cz", "qubits": [0, 1], "error": -0.1}], "an error of -0.1"),
    ("gates", [{"name": "cz", "qubits": [0, 0]}], "qubits that the device does not have"),
    ("gates", [{"name": "cz", "qubits": [0, 7]}], "qubits that the device does not have"),
    ("gates", [{"name": "cz", "qubits": [0]}], "another number of qubits"),
    ("gates", [{"name": "fsim", "qubits": [0, 1]}], "no gate of qcompile"),
    ("gates", [{"name": "cz", "qubits": [0, 1]}] * 2, "given twice"),
    ("gates", [{"name": "cz", "qubits": [0, 1], "duration": -1e-7}], "takes -1e-07 seconds"),
    ("gates", {}, "gates"),
    ("qubits", 0, "0 qubits"),
    ("qubits", 10**9, "1000000000 qubits"),
    ("qubits", "two", "qubits"),
    ("name", " ", "its name is empty"),
    ("relaxation", [[1e-4, 3e-4], [1e-4, 1e-4]], "T2 of qubit 0 is greater than 2 T1"),
    ("relaxation", [[0.0, 1e-4], [1e-4, 1e-4]], "not positive"),
    ("relaxation", [[1e-4, 1e-4]], "given for 1 of 2 qubits"),
    ("readout_errors", [[0.1, 1.2], [0.1, 0.1]], "a read-out error of qubit 0"),
    ("readout_durations", [-1e-6, 1e-6], "the read-out of qubit 0"),
    *(("dt", dt, "up to its shortest duration") for dt in (-1e-9, 0, 1e-18, 1e-7, 1e30)),
    ("angle_bounds", [["cz", 0.0, 1.0]], "no bounds"),
    ("format", "qiskit.target", "its format is `qiskit.target` 1"),
    ("version", 2, "its format is `qcompile.device` 2"),
    ("frequency", 5.0, "frequency"),
    ("calibrated", "yesterday", "none of ISO 8601"),
    ("gates", [{"name": "cz", "qubits": [0, 1], "duration": 0}], "takes 0.0 seconds"),
    ("readout_durations", [0, 1e-6], "the read-out of qubit 0 takes 0.0 seconds"),
    ("angle_bounds", [["prx", 0.0, 1.0]], "no bounds"),
    ("gates", [{"name": "cz", "qubits": [0, 1], "duration": 1e300}], "takes 1e+300 seconds"),
    ("readout_durations", [1e300, 1e-6], "the read-out of qubit 0 takes 1e+300 seconds"),
]


@pytest.mark.parametrize(("key", "value", "reason"), BAD)
def test_absurd_files_are_refused(key: str, value: Any, reason: str, tmp_path: Path) -> None:
    assert reason in reasons(written(tmp_path, {**two(), key: value}))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "JSON"),
        ("[]", "expected a DeviceFile"),
        ("{}", "without"),
        ("\x00", "JSON"),
        ('{"format": NaN}', "NaN"),
        (json.dumps(two()).replace("0.007", "NaN"), "NaN"),
        (json.dumps(two()).replace("0.007", "1e999"), ""),
        ("[" * 100_000, ""),
        ('{"a": 1, "a": 2}', "repeats"),
    ],
)
def test_what_is_no_device_is_refused(text: str, reason: str, tmp_path: Path) -> None:
    assert reason in reasons(written(tmp_path, text))


def test_all_faults_of_a_file_are_said_at_once(tmp_path: Path) -> None:
    found = reasons(written(tmp_path, {**two(), "dt": math.pi * -1, "readout_durations": [-1, 1]}))
    assert "the read-out of qubit 0" in found and "also: its dt is" in found


def test_missing_files_folders_pipes(tmp_path: Path) -> None:
    assert "No such file" in reasons(str(tmp_path / "none.json"))
    assert "directory" in reasons(str(tmp_path))
    os.mkfifo(tmp_path / "pipe.json")
    assert "regular file" in reasons(str(tmp_path / "pipe.json"))


def test_a_spec_names_a_file_relative_to_itself(tmp_path: Path) -> None:
    (tmp_path / "devices").mkdir()
    # A date would grow old.
    written(tmp_path / "devices", {**two(), "calibrated": None})
    (tmp_path / "a.qa").write_text(SOURCE, encoding="utf-8")
    adapter = qcompile.compile(tmp_path / "a.qa")
    (device,) = adapter.manifest.devices
    assert isinstance(device, Device) and device.name == "two"
    (plan,) = adapter.manifest.planned.plans
    (routed,) = (node.routed for node in plan.nodes if isinstance(node, EvaluationNode))
    assert routed is not None and routed.device == "two"
    directions = {gate.qubits for gate in routed.circuit.gates if gate.name == "ecr"}
    assert directions == {(1, 0)}


CHANGES: tuple[Any, ...] = (
    *(None, True, 0, -1, 2, 10**20, 1e-9, -0.1, 1.0, 1.5, 1e308, 1e-308, -0.0, math.inf, math.nan),
    *("", "x", "cz", "fake", "2026-01-01", "9999-12-31T23:59:59-23:59", "\u0000", "\ud800"),
    *([], [0], [0, 1], [1, 0], [[0, 1]], [None], [[None, None]], {}, {"name": "cz"}),
)


def places(content: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where something stands in JSON."""
    if path:
        yield path
    if isinstance(content, dict | list):
        keys = content if isinstance(content, dict) else range(len(content))
        for key in keys:
            yield from places(content[key], (*path, key))


@given(st.data())
@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_file_is_a_device_or_refused(tmp_path: Path, data: st.DataObject) -> None:
    content = two()
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from(list(places(content))))
        holder = content
        for key in path[:-1]:
            holder = holder[key]
        if data.draw(st.integers(0, 4)) and not isinstance(path[-1], bool):
            holder[path[-1]] = copy.deepcopy(data.draw(st.sampled_from(CHANGES)))
        else:
            del holder[path[-1]]
        if not content:
            break
    path_of_file = written(tmp_path, content)
    device = None
    with contextlib.suppress(CompileError):
        device = read_device_file(path_of_file, "two.json")
    if device is None:
        return
    assert defect(device) is None
    assert read_device_file(written(tmp_path, device_text(device)), "two.json") == device


@given(st.binary(max_size=60))
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_bytes_are_a_traceback(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "two.json").write_bytes(content)
    reasons(str(tmp_path / "two.json"))


ODD: dict[str, dict[str, Any]] = {
    "no times of qubits": {"relaxation": []},
    "one time": {"relaxation": [[None, 1e-4], [1e-4, None]]},
    "short times": {"relaxation": [[1e-300, 1e-300], [1e300, 1e300]]},
    "no read-out": {"readout_errors": [], "readout_durations": []},
    "bad read-out": {"readout_errors": [[0.5, 0.4999], [0.0, 0.0]]},
    "long samples": {"dt": 1e-8},
    "short samples": {"dt": 1e-15},
    "no samples": {"dt": None},
}


@pytest.mark.parametrize("change", ODD)
def test_odd_figures_that_can_be_are_simulated(change: str, tmp_path: Path) -> None:
    content = {**two(), "calibrated": None, **ODD[change]}
    path = written(tmp_path, content)
    source = SOURCE.replace("on hw ", "")
    adapter = qcompile.compile(source, target=path).on(path)
    assert torch.isfinite(adapter(torch.zeros(1, 4))).all()


def test_a_circuit_that_fits_no_connected_part_is_refused(tmp_path: Path) -> None:
    device = json.loads(device_text(load_device(NamedDevice(name="fake_manila"))))
    split = [gate for gate in device["gates"] if sorted(gate["qubits"]) != [2, 3]]
    path = written(tmp_path, {**device, "gates": split})
    source = SOURCE.replace("on hw ", "").replace("to: 2)", "to: 4)").replace("(2 q", "(4 q")
    with pytest.raises(CompileError) as caught:
        qcompile.compile(source, target=path)
    (found,) = caught.value.diagnostics
    assert found.code == "QA4205" and "4 qubits does not fit" in found.title
