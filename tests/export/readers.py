"""Files of circuits, read by the libraries that they are for; values through the manifest alone.

Nothing of qcompile is used: what a reader needs stands in the file and in the manifest.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

Manifest = Mapping[str, Any]

QIS = {
    "x__body": "x", "y__body": "y", "z__body": "z", "h__body": "h", "s__body": "s", "s__adj": "sdg",
    "t__body": "t", "t__adj": "tdg", "rx__body": "rx", "ry__body": "ry", "rz__body": "rz",
    "cnot__body": "cx", "cz__body": "cz",
}  # fmt: skip


def values_of(
    contents: bytes, manifest: Manifest, *, use: int = 0, data: Sequence[float] = ()
) -> np.ndarray:
    """All outputs of the circuit for one row of data and the trained angles of one use."""
    form = manifest["file"]["format"]
    symbols = _symbols(manifest, use, data)
    if form == "tket-json":
        state = _pytket_state(contents, manifest, symbols)
    else:
        state = _qiskit_state(_circuit(contents, form), manifest, symbols)
    if form == "qir-base" and manifest["measured"]:
        return np.array([_measured(output, state, manifest) for output in manifest["outputs"]])
    return np.array([_output(output, state, manifest) for output in manifest["outputs"]])


def _symbols(manifest: Manifest, use: int, data: Sequence[float]) -> dict[str, float]:
    angles = manifest["uses"][use]["angles"]
    found = {}
    for parameter in manifest["parameters"]:
        values = data if parameter["kind"] == "data" else angles["values"]
        found[parameter["name"]] = float(values[parameter["index"]])
    return found


def _circuit(contents: bytes, form: str) -> Any:
    from qiskit import qasm2, qasm3, qpy

    match form:
        case "openqasm-3":
            return qasm3.loads(contents.decode())
        case "openqasm-2":
            return qasm2.loads(contents.decode(), strict=True)
        case "qpy":
            (circuit,) = qpy.load(io.BytesIO(contents))
            return circuit
        case "qir-base":
            return _qir(contents)
    raise AssertionError(form)


def _qir(contents: bytes) -> Any:
    import pyqir
    from qiskit import QuantumCircuit

    module = pyqir.Module.from_bitcode(pyqir.Context(), contents)
    assert module.verify() is None
    (entry,) = [function for function in module.functions if pyqir.is_entry_point(function)]
    result = QuantumCircuit(pyqir.required_num_qubits(entry))
    measured = False
    for block in entry.basic_blocks:
        for call in block.instructions:
            if not isinstance(call, pyqir.Call):
                continue
            name = call.callee.name.removeprefix("__quantum__qis__")
            if name.startswith(("mz", "__quantum__rt__")):
                measured = True
                continue
            assert not measured, "a gate after a measurement"
            numbers = [a.value for a in call.args if isinstance(a, pyqir.FloatConstant)]
            qubits = [pyqir.ptr_id(a) for a in call.args if not isinstance(a, pyqir.FloatConstant)]
            getattr(result, QIS[name])(*numbers, *qubits)
    return result


def _qiskit_state(circuit: Any, manifest: Manifest, symbols: Mapping[str, float]) -> np.ndarray:
    """(2,) * used: one axis for each used qubit, in the manifest's order."""
    from qiskit import QuantumCircuit
    from qiskit.quantum_info import Statevector

    assert {parameter.name for parameter in circuit.parameters} == set(symbols)
    bound = circuit.assign_parameters({p: symbols[p.name] for p in circuit.parameters})
    used = manifest["qubits"]["used"]
    assert circuit.num_qubits <= manifest["qubits"]["count"]
    compact = QuantumCircuit(len(used))
    for item in bound.data:
        if item.operation.name == "barrier":
            continue
        places = [used.index(bound.find_bit(qubit).index) for qubit in item.qubits]
        compact.append(item.operation, places)
    state = np.asarray(Statevector(compact).data)
    return state.reshape((2,) * len(used)).transpose()


def _pytket_state(contents: bytes, manifest: Manifest, symbols: Mapping[str, float]) -> np.ndarray:
    from pytket.circuit import Circuit
    from sympy import Symbol  # type: ignore[import-untyped]

    circuit = Circuit.from_dict(json.loads(contents))
    assert {str(symbol) for symbol in circuit.free_symbols()} == set(symbols)
    circuit.symbol_substitution({Symbol(name): value for name, value in symbols.items()})
    names = [str(qubit) for qubit in circuit.qubits]
    assert sorted(names) == sorted(manifest["qubits"]["names"])
    state = np.asarray(circuit.get_statevector()).reshape((2,) * len(names))
    order = [names.index(name) for name in manifest["qubits"]["names"]]
    return state.transpose(order)


def _output(output: Mapping[str, Any], state: np.ndarray, manifest: Manifest) -> float:
    used = manifest["qubits"]["used"]
    if output["kind"] == "probability":
        index: list[Any] = [slice(None)] * len(used)
        for qubit, bit in zip(output["qubits"], output["outcome"], strict=True):
            index[used.index(qubit)] = bit
        return float((np.abs(state[tuple(index)]) ** 2).sum())
    turned = state
    for letter, qubit in output["pauli"]:
        turned = np.moveaxis(turned, used.index(qubit), 0)
        zero, one = turned[0], turned[1]
        turned = {
            "X": lambda zero=zero, one=one: np.stack((one, zero)),
            "Y": lambda zero=zero, one=one: np.stack((-1j * one, 1j * zero)),
            "Z": lambda zero=zero, one=one: np.stack((zero, -one)),
        }[letter]()
        turned = np.moveaxis(turned, 0, used.index(qubit))
    return float(output["sign"] * np.vdot(state, turned).real)


def _measured(output: Mapping[str, Any], state: np.ndarray, manifest: Manifest) -> float:
    """From the bits alone, which were turned to the letters' bases."""
    bases = {item["qubit"]: item["basis"] for item in manifest["measured"]}
    if output["kind"] == "probability":
        assert all(bases[qubit] == "Z" for qubit in output["qubits"])
        return _output(output, state, manifest)
    assert all(bases[qubit] == letter for letter, qubit in output["pauli"])
    in_z = {**output, "pauli": [["Z", qubit] for _, qubit in output["pauli"]]}
    return _output(in_z, state, manifest)


def schema_errors(schema: Mapping[str, Any], value: Any, place: str = "$") -> list[str]:
    """What of a value a JSON schema forbids; of the keywords that our schema has."""
    known = {
        "$schema", "$id", "title", "description", "type", "properties", "required", "items", "enum",
        "const", "additionalProperties", "anyOf", "minimum", "prefixItems", "pattern", "$defs",
        "$ref",
    }  # fmt: skip
    assert set(schema) <= known, set(schema) - known
    found: list[str] = []
    if "anyOf" in schema:
        options = [schema_errors(option, value, place) for option in schema["anyOf"]]
        if all(options):
            found.append(f"{place}: {min(options, key=len)}")
    if "const" in schema and value != schema["const"]:
        found.append(f"{place}: {value!r} is not {schema['const']!r}")
    if "enum" in schema and value not in schema["enum"]:
        found.append(f"{place}: {value!r} is none of {schema['enum']}")
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if kinds and not any(_is(value, kind) for kind in kinds):
        return [*found, f"{place}: {value!r} is no {kinds}"]
    if "minimum" in schema and _is(value, "number") and value < schema["minimum"]:
        found.append(f"{place}: {value} is too small")
    if isinstance(value, dict):
        inside = schema.get("properties", {})
        found += [f"{place}: no {key}" for key in schema.get("required", []) if key not in value]
        for key, item in value.items():
            if key in inside:
                found += schema_errors(inside[key], item, f"{place}.{key}")
            elif schema.get("additionalProperties") is False:
                found.append(f"{place}: {key} is not expected")
            elif isinstance(schema.get("additionalProperties"), dict):
                found += schema_errors(schema["additionalProperties"], item, f"{place}.{key}")
    if isinstance(value, list) and "items" in schema:
        for index, item in enumerate(value):
            found += schema_errors(schema["items"], item, f"{place}[{index}]")
    return found


def _is(value: Any, kind: str) -> bool:
    match kind:
        case "null":
            return value is None
        case "boolean":
            return isinstance(value, bool)
        case "integer":
            return isinstance(value, int) and not isinstance(value, bool)
        case "number":
            return isinstance(value, (int, float)) and not isinstance(value, bool)
        case "string":
            return isinstance(value, str)
        case "array":
            return isinstance(value, list)
        case "object":
            return isinstance(value, dict)
    raise AssertionError(kind)
