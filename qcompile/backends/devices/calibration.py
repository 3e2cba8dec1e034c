"""Devices from calibration files that the package qiskit-ibm-runtime brings along.

The files are read without importing that package, which would start its service client.
Reported gate errors are kept as they are: average gate infidelities.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from qcompile.backends.devices.measured import (
    MeasuredDevice,
    better_than_guessing,
    native_name,
    working_device,
)
from qcompile.diagnostics.errors import CompileError
from qcompile.diagnostics.messages.devices import DeviceUnusable
from qcompile.diagnostics.source import Span
from qcompile.ir.device import VIRTUAL, Device, NativeGate
from qcompile.ir.gates import GATES, GateName

PREFIXES = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "GHz": 1e9}
FOLDER = Path("fake_provider", "backends")

BOUNDS: tuple[tuple[GateName, float, float], ...] = (("rzz", 0.0, math.pi / 2),)
"""Of IBM's fractional gate: its Targets state them, the files do not."""


def calibrated_names() -> tuple[str, ...]:
    """Names of the devices whose files are installed, sorted, without the prefix `fake_`."""
    folder = _folder()
    if folder is None:
        return ()
    return tuple(sorted(path.parent.name for path in folder.glob("*/props_*.json")))


def calibration_files() -> tuple[Path, ...]:
    """All files that devices are read from."""
    folder = _folder()
    return () if folder is None else tuple(sorted(folder.glob("*/*.json")))


def known_coordinates(qubits: int) -> Iterator[tuple[tuple[int, int], ...]]:
    """Of every device of so many qubits whose file says where they are: (x, y) of each, y down."""
    folder = _folder()
    for path in () if folder is None else sorted(folder.glob("*/conf_*.json")):
        try:
            configuration = json.loads(path.read_text("utf-8"))
            listed = configuration.get("coords") or ()
            points = tuple((int(x), int(y)) for x, y in listed)
        except (OSError, ValueError, TypeError, AttributeError):
            continue
        if points and len(points) == configuration["n_qubits"] == qubits:
            yield points


def read_calibrated(short: str, name: str, span: Span | None = None) -> Device:
    """Read `conf_<short>.json` and `props_<short>.json`.

    Raises:
        CompileError: QA4203, QA4204: its gates do not suffice, nothing works, damaged files.
    """
    folder = _folder()
    assert folder is not None
    try:
        configuration = json.loads((folder / short / f"conf_{short}.json").read_text("utf-8"))
        properties = json.loads((folder / short / f"props_{short}.json").read_text("utf-8"))
        return _device(configuration, properties, name, span)
    except CompileError:
        raise
    except (OSError, ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        reason = f"its files cannot be read ({type(error).__name__}: {error})"
        raise CompileError(DeviceUnusable(name=name, reason=reason, span=span)) from error


def _folder() -> Path | None:
    # The root package's spec is found without executing it; that of a subpackage is not.
    spec = find_spec("qiskit_ibm_runtime")
    if spec is None or not spec.submodule_search_locations:
        return None
    folder = Path(spec.submodule_search_locations[0]) / FOLDER
    return folder if folder.is_dir() else None


def _device(
    configuration: dict[str, Any], properties: dict[str, Any], name: str, span: Span | None
) -> Device:
    qubits = [_values(entries) for entries in properties["qubits"]]
    dt = configuration.get("dt")
    measured = MeasuredDevice(
        name=name,
        qubits=int(configuration["n_qubits"]),
        gates=_gates(properties, configuration),
        readout_errors=tuple(map(_reading, qubits)),
        readout_durations=tuple(values.get("readout_length") for values in qubits),
        relaxation=tuple((values.get("T1"), values.get("T2")) for values in qubits),
        # Nanoseconds by the schema of configurations; one of the files has seconds.
        dt=None if dt is None else float(dt) * (1e-9 if dt > 1e-6 else 1.0),
        calibrated=str(properties["last_update_date"]),
        angle_bounds=BOUNDS,
    )
    return working_device(measured, span)


def _gates(properties: dict[str, Any], configuration: dict[str, Any]) -> tuple[NativeGate, ...]:
    """Gates of which no qubit has figures, which are rotations about Z, are on all of them."""
    found: dict[tuple[GateName, tuple[int, ...]], NativeGate] = {}
    basis = set(configuration["basis_gates"])
    for name in filter(None, map(native_name, basis - {g["gate"] for g in properties["gates"]})):
        virtual = 0.0 if name in VIRTUAL else None
        for qubit in range(configuration["n_qubits"]) if GATES[name].qubits == 1 else ():
            found[name, (qubit,)] = NativeGate(
                name=name, qubits=(qubit,), error=virtual, duration=virtual
            )
    for gate in properties["gates"]:
        own = native_name(str(gate["gate"]))
        if gate["gate"] in basis and own is not None:
            qubits = tuple(map(int, gate["qubits"]))
            values = _values(gate["parameters"])
            error, duration = values.get("gate_error"), values.get("gate_length")
            found[own, qubits] = NativeGate(name=own, qubits=qubits, error=error, duration=duration)
    return tuple(found.values())


def _values(entries: list[dict[str, Any]]) -> dict[str, float]:
    """By name, in units without a prefix."""
    return {
        str(entry["name"]): float(entry["value"]) * PREFIXES.get(str(entry.get("unit", "")), 1.0)
        for entry in entries
    }


def _reading(values: dict[str, float]) -> tuple[float, float] | None:
    overall = values.get("readout_error")
    return better_than_guessing(
        values.get("prob_meas1_prep0", overall), values.get("prob_meas0_prep1", overall)
    )
