"""Random circuits in every format, read back by its own library, values through the manifest."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qcompile.backends.devices import load_device
from qcompile.backends.export.formats import FORMATS, AnyCircuit, CircuitFormat
from qcompile.backends.export.manifest import BoundRow, CircuitUse, circuit_manifest
from qcompile.ir.bind import bind_circuit, bind_routed
from qcompile.ir.circuit import Circuit
from qcompile.ir.device import Device, RoutedCircuit
from qcompile.ir.plan_circuits import DataSource
from qcompile.ir.target import CouplingDevice
from qcompile.qiskit.prepare import prepared
from qcompile.testing.circuit_strategies import circuits, sample_inputs, seeds
from qcompile.testing.dense_oracle import dense_outputs
from tests.export.readers import schema_errors, values_of
from tests.passes.routed import route

SCHEMA = json.loads(
    (Path(__file__).parents[2] / "docs/circuit-manifest.schema.json").read_text("utf-8")
)
LINE = load_device(
    CouplingDevice(qubits=7, edges=tuple((q, q + 1) for q in range(6)), label="line(7)")
)
SYMBOLIC = [suffix for suffix, form in FORMATS.items() if form.symbolic]


def manifest_for(
    circuit: AnyCircuit,
    form: CircuitFormat,
    contents: bytes,
    angles: Any,
    device: Device | None,
    row: BoundRow | None,
) -> dict[str, Any]:
    sources = tuple(DataSource(node=1, element=k, operation="linear") for k in range(4))
    use = CircuitUse(
        module="m",
        adapter="a",
        circuit="q",
        kind="circuit",
        node=2,
        tensor="m.a.q.angles",
        angles=tuple(map(float, angles)),
        sources=sources,
    )
    found = circuit_manifest(
        circuit,
        form,
        uses=[use],
        device=device,
        angles_bound=row is not None,
        row=row,
        record={"digests": {}, "versions": {}},
        file=f"c{form.suffix}",
        contents=contents,
    )
    read: dict[str, Any] = json.loads(json.dumps(found))
    assert schema_errors(SCHEMA, read) == []
    return read


def routed(circuit: Circuit) -> RoutedCircuit:
    found = route(circuit, LINE, "gates", remark=lambda _: None)
    assert found is not None
    return found


@pytest.mark.parametrize("on_device", [False, True], ids=["logical", "routed"])
@pytest.mark.parametrize("suffix", FORMATS)
@settings(max_examples=12)
@given(circuit=circuits(), seed=seeds)
def test_bound_circuits_keep_their_values(
    suffix: str, on_device: bool, circuit: Circuit, seed: int
) -> None:
    """Encoded states are among them: binding makes them gates."""
    form = FORMATS[suffix]
    data, angles = sample_inputs(circuit, seed, batch=1)
    gates = prepared(circuit, data[0])
    place: AnyCircuit
    if on_device:
        place = bind_routed(routed(gates), data=data[0], angles=angles)
    else:
        place = bind_circuit(gates, data=data[0], angles=angles)
    device = LINE if on_device else None
    contents = form.write(place, None if device is None else device.qubits)
    row = BoundRow(row=0, values=tuple(map(float, data[0])))
    manifest = manifest_for(place, form, contents, angles, device, row)
    assert manifest["parameters"] == []
    expected = dense_outputs(circuit, data, angles)[0]
    np.testing.assert_allclose(values_of(contents, manifest), expected, atol=1e-9)


@pytest.mark.parametrize("on_device", [False, True], ids=["logical", "routed"])
@pytest.mark.parametrize("suffix", SYMBOLIC)
@settings(max_examples=12)
@given(circuit=circuits(amplitude=False), seed=seeds)
def test_circuits_with_parameters_keep_their_values(
    suffix: str, on_device: bool, circuit: Circuit, seed: int
) -> None:
    form = FORMATS[suffix]
    data, angles = sample_inputs(circuit, seed, batch=2)
    place = routed(circuit) if on_device else circuit
    device = LINE if on_device else None
    contents = form.write(place, None if device is None else device.qubits)
    manifest = manifest_for(place, form, contents, angles, device, None)
    expected = dense_outputs(circuit, data, angles)
    for row, values in zip(data, expected, strict=True):
        np.testing.assert_allclose(values_of(contents, manifest, data=row), values, atol=1e-9)


@given(seed=st.integers(0, 40), circuit=circuits(amplitude=False, max_data=0))
@settings(max_examples=10)
def test_parameters_have_the_order_that_qiskit_asks_for(seed: int, circuit: Circuit) -> None:
    import io

    from qiskit import qpy

    contents = FORMATS[".qpy"].write(circuit, None)
    manifest = manifest_for(circuit, FORMATS[".qpy"], contents, np.zeros(4), None, None)
    (native,) = qpy.load(io.BytesIO(contents))
    assert [p.name for p in native.parameters] == [p["name"] for p in manifest["parameters"]]


@settings(max_examples=20)
@given(circuit=circuits(amplitude=False), seed=seeds)
def test_routed_files_hold_native_gates_alone(circuit: Circuit, seed: int) -> None:
    from qiskit import qasm2, qasm3

    data, angles = sample_inputs(circuit, seed, batch=1)
    place = bind_routed(routed(circuit), data=data[0], angles=angles)
    loads = {".qasm": qasm3.loads, ".qasm2": lambda text: qasm2.loads(text, strict=True)}
    for suffix, read in loads.items():
        native = read(FORMATS[suffix].write(place, 7).decode())
        assert {item.operation.name for item in native.data} <= set(LINE.native)
        for item in native.data:
            qubits = sorted(native.find_bit(qubit).index for qubit in item.qubits)
            assert len(qubits) == 1 or tuple(qubits) in LINE.edges


def test_the_command_line_knows_the_formats_without_loading_them() -> None:
    from qcompile.cli.circuit_output import SUFFIXES

    assert tuple(FORMATS) == SUFFIXES


def test_the_schema_refuses_what_is_no_manifest() -> None:
    assert schema_errors(SCHEMA, {"format": "qcompile.circuit"})
    assert schema_errors(SCHEMA, [])
    wrong = {"kind": "expectation", "sign": 2, "pauli": []}
    assert schema_errors(SCHEMA["properties"]["outputs"], [wrong])
