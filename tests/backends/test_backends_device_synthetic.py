"""Ideal devices with drawn calibrations."""

from __future__ import annotations

from statistics import median

import pytest

from qcompile.backends.devices import device_of, device_text, synthetic_device
from qcompile.backends.devices.files import read_device_file
from qcompile.backends.devices.invariants import defect
from qcompile.ir.device import gates_of

MAPS = ("ring(8)", "grid(4, 5)", "full(6)", "line(1)")


@pytest.mark.parametrize("name", MAPS)
def test_every_gate_and_qubit_has_figures(name: str) -> None:
    ideal = device_of(name)
    assert ideal is not None
    device = synthetic_device(ideal, seed=3)
    assert defect(device) is None and device == synthetic_device(ideal, seed=3)
    assert device != synthetic_device(ideal, seed=4)
    assert (device.edges, device.native) == (ideal.edges, ideal.native)
    gates = gates_of(device)
    assert gates.keys() == gates_of(ideal).keys()
    assert all(gate.error is not None and gate.duration is not None for gate in gates.values())
    assert len(device.gate_errors) == device.qubits + len(device.edges)
    assert len(device.relaxation) == len(device.readout_errors) == device.qubits


def test_figures_are_spread_around_those_given() -> None:
    ideal = device_of("grid(20, 20)")
    assert ideal is not None
    device = synthetic_device(ideal, two_qubit=0.01, readout=0.03, t1=1e-4, t2=1e-4, seed=1)
    errors = [error for place, error in device.gate_errors if len(place) == 2]
    assert median(errors) == pytest.approx(0.01, rel=0.1)
    assert median(up for up, _ in device.readout_errors) == pytest.approx(0.03, rel=0.1)
    assert all(t1 and t2 and t2 <= 2 * t1 for t1, t2 in device.relaxation)
    even = synthetic_device(ideal, two_qubit=0.01, spread=0.0)
    assert {error for place, error in even.gate_errors if len(place) == 2} == {0.01}


def test_it_is_written_as_a_file(tmp_path: object) -> None:
    ideal = device_of("ring(4)")
    assert ideal is not None
    device = synthetic_device(ideal)
    path = f"{tmp_path}/ring.json"
    with open(path, "w", encoding="utf-8") as stream:
        stream.write(device_text(device))
    assert read_device_file(path, "ring.json") == device
