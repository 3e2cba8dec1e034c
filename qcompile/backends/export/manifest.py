"""What stands beside a file of a circuit: how to run it and what its values mean, as JSON.

`docs/circuit-manifest.schema.json` is its schema; `docs/export.md` explains it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

from qcompile.backends.export.formats import AnyCircuit, CircuitFormat
from qcompile.backends.export.qir import measured_letters
from qcompile.ir.circuit import AmplitudeState, Circuit, Expectations, Probabilities
from qcompile.ir.device import Device, RoutedCircuit
from qcompile.ir.pauli_sums import ones_of
from qcompile.ir.plan_circuits import DataSource
from qcompile.ir.text import digest

FORMAT = "qcompile.circuit"
FOLDER_FORMAT = "qcompile.circuits"
"""Of the manifest of a folder, which holds those of its files."""

MANIFEST = ".manifest.json"
"""What follows a file's name in that of its manifest."""
VERSION = 1
"""Raised when what stands there already gets another meaning."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CircuitUse:
    """One place of an adapter where the circuit of a file is used."""

    module: str
    """Empty for an adapter that was compiled for a `shape`."""
    adapter: str
    circuit: str
    kind: str
    node: int
    tensor: str | None
    """Name of its angles in the adapter's state; None where nothing is trainable."""
    angles: tuple[float, ...]
    """Trained values, (angle_count,); not finite ones are written as null."""
    sources: tuple[DataSource, ...]
    offset: int = 0
    size: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundRow:
    """A row of data that was bound."""

    row: int
    values: tuple[float, ...]


def circuit_manifest(
    circuit: AnyCircuit,
    form: CircuitFormat,
    *,
    uses: Sequence[CircuitUse],
    device: Device | None,
    figures: Mapping[str, Any] | None = None,
    angles_bound: bool = False,
    row: BoundRow | None = None,
    deviation: float | None = None,
    record: Mapping[str, Mapping[str, str]],
    file: str | None = None,
    contents: bytes | None = None,
) -> dict[str, Any]:
    """Everything that a reader of the file needs, as values of JSON.

    Args:
        circuit: As it was written.
        form: How it was written; names of parameters and qubits are those of the format.
        uses: Where it belongs; several where modules share a circuit with parameters.
        device: Of a routed circuit.
        figures: Of a routed circuit.
        angles_bound: Whether the trained angles are numbers in the file.
        row: The data that are numbers in the file.
        deviation: Of outputs from those of the exact circuit, at most; None: it is the exact one.
        record: `digests` and `versions` of the adapter.
        file: Name of the file.
        contents: Of the file.
    """
    inner = circuit.circuit if isinstance(circuit, RoutedCircuit) else circuit
    found: dict[str, Any] = {
        "format": FORMAT,
        "version": VERSION,
        "file": _file(form, file, contents),
        "angle_unit": form.unit,
        "parameter_unit": "radians",
        "global_phase": "dropped",
        "qubits": _qubits(circuit, form, device),
        "bit_order": "the first qubit of an outcome is its most significant bit",
        "initial_state": _initial(inner),
        "parameters": _parameters(inner, form),
        "bound": {"angles": angles_bound, "data": None if row is None else asdict(row)},
        "outputs": _outputs(inner, _places(circuit)),
        "measured": _measured(inner, _places(circuit)) if form.suffix == ".qir" else [],
        "device": None if device is None else _device(device),
        "predicted": None if figures is None else dict(figures),
        "uses": [_use(use) for use in uses],
    }
    if deviation is not None:
        found["approximation"] = {"deviation": deviation}
    return found | {key: dict(values) for key, values in record.items()}


def manifest_text(manifest: Mapping[str, Any]) -> bytes:
    """The contents of the manifest's file; the same for the same manifest."""
    return (json.dumps(manifest, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()


def _file(form: CircuitFormat, name: str | None, contents: bytes | None) -> dict[str, Any]:
    total = None if contents is None else hashlib.sha256(contents).hexdigest()
    return {"name": name, "format": form.key, "sha256": total}


def _places(circuit: AnyCircuit) -> tuple[int, ...]:
    """The file's number of every qubit of the circuit."""
    if isinstance(circuit, RoutedCircuit):
        return circuit.physical
    return tuple(range(circuit.qubits))


def _qubits(circuit: AnyCircuit, form: CircuitFormat, device: Device | None) -> dict[str, Any]:
    places = _places(circuit)
    start, end = places, places
    if isinstance(circuit, RoutedCircuit):
        start = tuple(places[compact] for compact in circuit.initial)
        end = tuple(places[compact] for compact in circuit.final)
    name = form.place if isinstance(circuit, RoutedCircuit) else form.qubit
    return {
        "count": len(places) if device is None else device.qubits,
        "logical": len(start),
        "used": list(places),
        "names": [name.replace("{index}", str(place)) for place in places],
        "initial": list(start),
        "final": list(end),
    }


def _initial(circuit: Circuit) -> Any:
    if isinstance(circuit.initial, AmplitudeState):
        return {"offset": circuit.initial.offset, "width": circuit.initial.width}
    return "zero"


def _parameters(circuit: Circuit, form: CircuitFormat) -> list[dict[str, Any]]:
    """Angles, then data, by index: the order of `QuantumCircuit.parameters` for QPY."""
    factors: dict[tuple[str, int], set[float]] = {}
    for gate in circuit.gates:
        for angle in gate.angles:
            for kind, terms in (("t", angle.angles), ("x", angle.data)):
                for index, factor in terms:
                    factors.setdefault((kind, index), set()).add(factor)
    return [
        {
            "name": form.symbol.format(kind=kind, index=index),
            "kind": "angle" if kind == "t" else "data",
            "index": index,
            "factors": sorted(found),
        }
        for (kind, index), found in sorted(factors.items())
    ]


def _outputs(circuit: Circuit, places: tuple[int, ...]) -> list[dict[str, Any]]:
    match circuit.readout:
        case Expectations(paulis=paulis):
            return [
                {
                    "kind": "expectation",
                    "sign": pauli.sign,
                    "pauli": [[letter, places[qubit]] for qubit, letter in pauli.letters],
                }
                for pauli in paulis
            ]
        case Probabilities(qubits=qubits):
            return [
                {
                    "kind": "probability",
                    "qubits": [places[qubit] for qubit in qubits],
                    "outcome": [int(qubit in ones_of(outcome, qubits)) for qubit in qubits],
                }
                for outcome in range(2 ** len(qubits))
            ]


def _measured(circuit: Circuit, places: tuple[int, ...]) -> list[dict[str, Any]]:
    letters = measured_letters(circuit) or {}
    return [
        {"bit": bit, "qubit": places[qubit], "basis": letter}
        for bit, (qubit, letter) in enumerate(letters.items())
    ]


def _device(device: Device) -> dict[str, Any]:
    return {
        "name": device.name,
        "qubits": device.qubits,
        "native": list(device.native),
        "calibrated": device.calibrated,
        "sha256": _device_digest(device),
    }


@lru_cache(maxsize=16)
def _device_digest(device: Device) -> str:
    """A description is long, and the same for every file of a command."""
    return digest(device)


def _use(use: CircuitUse) -> dict[str, Any]:
    angles = None
    if use.tensor is not None:
        # JSON has no NaN.
        values = [value if abs(value) < float("inf") else None for value in use.angles]
        angles = {"tensor": use.tensor, "values": values}
    return {
        "module": use.module,
        "adapter": use.adapter,
        "circuit": use.circuit,
        "kind": use.kind,
        "node": use.node,
        "angles": angles,
        "data": [_source(index, source) for index, source in enumerate(use.sources)],
        "matrix": {"offset": use.offset, "size": use.size} if use.kind == "unitary" else None,
    }


def _source(index: int, source: DataSource) -> dict[str, Any]:
    return {
        "index": index,
        "node": source.node,
        "element": source.element,
        "operation": source.operation,
        "squash": source.squash,
        "squash_applied": source.squash is not None,
        "of": [{"node": node, "element": element} for node, element in source.of],
    }
