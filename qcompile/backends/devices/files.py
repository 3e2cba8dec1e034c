"""Devices in JSON files of our own: written from any device, or by hand."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice

from qcompile.backends.devices.invariants import faults_of_figures
from qcompile.backends.devices.measured import MeasuredDevice, working_device
from qcompile.diagnostics.errors import CompileError
from qcompile.diagnostics.messages.devices import BadDeviceFile
from qcompile.diagnostics.reading import read_regular
from qcompile.diagnostics.source import Span
from qcompile.ir.added_later import ADDED_LATER
from qcompile.ir.codec import CodecError, decode, readable_json, strict_json
from qcompile.ir.device import Device, NativeGate, gates_of
from qcompile.ir.gates import GateName

FORMAT = "qcompile.device"
VERSION = 1
SUFFIX = ".json"

LARGEST = 16 * 2**20
"""Bytes of a file; a device of 1,000 qubits with all figures takes one."""

LARGEST_NUMBER = 10**15
"""Of a figure that is written as a whole number."""

SHOWN = 5
"""Faults that are reported of one file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileGate:
    """A native gate on these qubits, in this direction."""

    name: GateName
    qubits: tuple[int, ...]
    error: float | None = field(default=None, metadata=ADDED_LATER)
    duration: float | None = field(default=None, metadata=ADDED_LATER)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceFile:
    """The contents of a file. Times are seconds, errors probabilities; null: unknown."""

    format: str
    version: int
    name: str
    qubits: int
    gates: tuple[FileGate, ...]
    readout_errors: tuple[tuple[float, float] | None, ...] = field(default=(), metadata=ADDED_LATER)
    readout_durations: tuple[float | None, ...] = field(default=(), metadata=ADDED_LATER)
    relaxation: tuple[tuple[float | None, float | None], ...] = field(
        default=(), metadata=ADDED_LATER
    )
    dt: float | None = field(default=None, metadata=ADDED_LATER)
    calibrated: str | None = field(default=None, metadata=ADDED_LATER)
    angle_bounds: tuple[tuple[GateName, float, float], ...] = field(
        default=(), metadata=ADDED_LATER
    )


def device_text(device: Device) -> str:
    """The JSON text of a device, from which `read_device_file` makes an equal one."""
    gates = (gate for _, gate in sorted(gates_of(device).items()))
    return readable_json(
        DeviceFile(
            format=FORMAT,
            version=VERSION,
            name=device.name,
            qubits=device.qubits,
            gates=tuple(
                FileGate(name=g.name, qubits=g.qubits, error=g.error, duration=g.duration)
                for g in gates
            ),
            readout_errors=device.readout_errors,
            readout_durations=device.readout_durations,
            relaxation=device.relaxation,
            dt=device.dt,
            calibrated=device.calibrated,
            angle_bounds=device.angle_bounds,
        )
    )


def read_device_file(path: str, name: str, span: Span | None = None) -> Device:
    """Read a file.

    Args:
        path: Where it is.
        name: How it was named, for messages.
        span: What messages point at.

    Raises:
        CompileError: QA4240 with all that is wrong with the file; QA4203, QA4204.
    """
    file = _read(path, name, span)
    if (file.format, file.version) != (FORMAT, VERSION):
        reason = f"its format is `{file.format}` {file.version}, not `{FORMAT}` {VERSION}"
        raise CompileError(_bad(name, [reason], span))
    measured = MeasuredDevice(
        name=file.name,
        qubits=file.qubits,
        gates=tuple(
            NativeGate(name=g.name, qubits=g.qubits, error=g.error, duration=g.duration)
            for g in file.gates
        ),
        readout_errors=file.readout_errors,
        readout_durations=file.readout_durations,
        relaxation=file.relaxation,
        dt=file.dt,
        calibrated=file.calibrated,
        angle_bounds=file.angle_bounds,
    )
    reasons = list(islice(faults_of_figures(measured), SHOWN))
    if reasons:
        raise CompileError(_bad(name, reasons, span))
    return working_device(measured, span)


def _read(path: str, name: str, span: Span | None) -> DeviceFile:
    try:
        data, size = read_regular(path, LARGEST)
        if size > LARGEST:
            raise ValueError(f"it has more than {LARGEST} bytes")
        return decode(DeviceFile, _with_floats(strict_json(data.decode("utf-8"))))
    except CodecError as error:
        reason = str(error)
    except UnicodeDecodeError:
        reason = "it is no text in UTF-8"
    except (OSError, ValueError, RecursionError) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    raise CompileError(_bad(name, [reason], span))


def _with_floats(data: object, key: str = "") -> object:
    """Whole numbers as floats, which people write as 0 and 1, where floats are meant."""
    match data:
        case dict():
            return {name: _with_floats(item, name) for name, item in data.items()}
        case list() if key != "qubits":
            return [_with_floats(item, key) for item in data]
        case int() if not isinstance(data, bool) and key not in ("qubits", "version"):
            return float(data) if abs(data) < LARGEST_NUMBER else data
        case _:
            return data


def _bad(name: str, reasons: list[str], span: Span | None) -> BadDeviceFile:
    first, *others = reasons
    return BadDeviceFile(name=name, reason=first, others=tuple(others), span=span)
