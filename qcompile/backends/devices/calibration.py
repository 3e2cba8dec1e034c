"""Devices from calibration files that the package qiskit-ibm-runtime brings along.

The files are read without importing that package, which would start its service client.
Reported gate errors are kept as they are: average gate infidelities.
"""

from __future__ import annotations

import json
import math
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from qcompile.diagnostics.errors import CompileError
from qcompile.diagnostics.message import Message
from qcompile.diagnostics.messages.devices import DeviceNotSupported, DeviceUnusable
from qcompile.diagnostics.source import Span
from qcompile.ir.device import Device
from qcompile.ir.gates import GateName

ONE_QUBIT: tuple[GateName, ...] = ("rz", "sx", "x")
ENTANGLERS: tuple[GateName, ...] = ("cz", "cx")
FOLDER = Path("fake_provider", "backends")


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


def read_calibrated(short: str, name: str, span: Span | None = None) -> Device:
    """Read `conf_<short>.json` and `props_<short>.json`.

    Qubits and couplings with an error rate of 1, or none, are left without couplings. Raises
    CompileError for a device without the gates rz, sx, x and one of cz, cx, or damaged files.
    """
    folder = _folder()
    assert folder is not None
    try:
        configuration = json.loads((folder / short / f"conf_{short}.json").read_text("utf-8"))
        properties = json.loads((folder / short / f"props_{short}.json").read_text("utf-8"))
        outcome = _device(configuration, properties, name, span)
    except (OSError, ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        reason = f"its files cannot be read ({type(error).__name__}: {error})"
        raise CompileError(DeviceUnusable(name=name, reason=reason, span=span)) from error
    if isinstance(outcome, Message):
        raise CompileError(outcome)
    return outcome


def _folder() -> Path | None:
    # The root package's spec is found without executing it; that of a subpackage is not.
    spec = find_spec("qiskit_ibm_runtime")
    if spec is None or not spec.submodule_search_locations:
        return None
    folder = Path(spec.submodule_search_locations[0]) / FOLDER
    return folder if folder.is_dir() else None


def _device(
    configuration: dict[str, Any], properties: dict[str, Any], name: str, span: Span | None
) -> Device | Message:
    qubits = int(configuration["n_qubits"])
    entangler = _entangler(configuration)
    if not _is_supported(configuration):
        gates = tuple(sorted(set(configuration["basis_gates"]) - {"id", "reset"}))
        supported = _supported()
        return DeviceNotSupported(name=name, gates=gates, supported=supported, span=span)
    couplings = () if entangler is None else sorted(_couplings(configuration, entangler))
    errors = _gate_errors(properties)
    reading = [_reading(qubit) for qubit in properties["qubits"]]
    alive = {
        qubit
        for qubit in range(qubits)
        if _works(errors.get(("sx", (qubit,)))) and reading[qubit] is not None
    }
    if not alive:
        return DeviceUnusable(name=name, reason="none of its qubits works", span=span)
    links: dict[tuple[int, int], float] = {}
    for a, b in couplings:
        rate = errors.get((str(entangler), (a, b)))
        if rate is not None and _works(rate) and {a, b} <= alive:
            edge = (min(a, b), max(a, b))
            links[edge] = max(rate, links.get(edge, 0.0))
    if qubits > 1 and not links:
        return DeviceUnusable(name=name, reason="none of its couplings works", span=span)
    rates: list[tuple[tuple[int, ...], float]] = [((q,), errors["sx", (q,)]) for q in alive]
    rates += links.items()
    return Device(
        name=name,
        qubits=qubits,
        edges=tuple(sorted(links)),
        native=ONE_QUBIT if entangler is None else (*ONE_QUBIT, entangler),
        gate_errors=tuple(sorted(rates)),
        readout_errors=tuple(pair if pair is not None else (0.5, 0.5) for pair in reading),
        calibrated=str(properties["last_update_date"]),
    )


def _couplings(configuration: dict[str, Any], gate: str) -> set[tuple[int, ...]]:
    """Directed couplings on which a gate is available."""
    for entry in configuration["gates"]:
        if entry["name"] == gate:
            return {tuple(map(int, pair)) for pair in entry["coupling_map"]}
    return set()


def _entangler(configuration: dict[str, Any]) -> GateName | None:
    for gate in ENTANGLERS:
        if gate in configuration["basis_gates"]:
            directed = _couplings(configuration, gate)
            if all((b, a) in directed for a, b in directed):
                return gate
    return None


def _is_supported(configuration: dict[str, Any]) -> bool:
    if not set(ONE_QUBIT) <= set(configuration["basis_gates"]):
        return False
    return _entangler(configuration) is not None or configuration["n_qubits"] == 1


def _supported() -> tuple[str, ...]:
    """Names, with their prefix, of all installed devices that have the native gates."""
    folder = _folder()
    assert folder is not None
    files = ((name, folder / name / f"conf_{name}.json") for name in calibrated_names())
    return tuple(f"fake_{name}" for name, file in files if _file_is_supported(file))


def _file_is_supported(file: Path) -> bool:
    try:
        return _is_supported(json.loads(file.read_text("utf-8")))
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _gate_errors(properties: dict[str, Any]) -> dict[tuple[str, tuple[int, ...]], float]:
    found: dict[tuple[str, tuple[int, ...]], float] = {}
    for gate in properties["gates"]:
        for parameter in gate["parameters"]:
            if parameter["name"] == "gate_error":
                found[str(gate["gate"]), tuple(map(int, gate["qubits"]))] = float(
                    parameter["value"]
                )
    return found


def _works(rate: float | None) -> bool:
    return rate is not None and math.isfinite(rate) and 0.0 <= rate < 1.0


def _reading(parameters: list[dict[str, Any]]) -> tuple[float, float] | None:
    """(P(read 1 | is 0), P(read 0 | is 1)), or None where unknown or worse than guessing."""
    values = {str(entry["name"]): float(entry["value"]) for entry in parameters}
    overall = values.get("readout_error")
    up = values.get("prob_meas1_prep0", overall)
    down = values.get("prob_meas0_prep1", overall)
    if up is None or down is None or not (min(up, down) >= 0.0 and up + down < 1.0):
        return None
    return up, down
