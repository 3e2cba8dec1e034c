"""Devices that other packages offer: entry points of the group `qcompile.devices`.

An entry point's name is the device's name; it refers to a callable without arguments that
returns a `Device`.
"""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points

from qcompile.backends.devices.invariants import defect
from qcompile.diagnostics.errors import CompileError
from qcompile.diagnostics.messages.devices import DeviceEntryPointFailed
from qcompile.diagnostics.source import Span
from qcompile.ir.device import Device

GROUP = "qcompile.devices"


def plugin_names() -> tuple[str, ...]:
    """Names of the offered devices, sorted; nothing of theirs is imported."""
    return tuple(sorted({point.name for point in entry_points(group=GROUP)}))


def load_plugin(name: str, span: Span | None) -> Device:
    """Import and call the entry point. Raises CompileError where that fails."""
    offered = sorted(entry_points(group=GROUP, name=name), key=lambda point: point.value)
    point = offered[0]
    try:
        found: object = point.load()()
    except Exception as error:
        raise _failed(point, f"{type(error).__name__}: {error}", span) from error
    if not isinstance(found, Device):
        raise _failed(point, f"it returned a {type(found).__name__}, not a Device", span)
    reason = defect(found)
    if reason is not None:
        raise _failed(point, reason, span)
    return found


def _failed(point: EntryPoint, reason: str, span: Span | None) -> CompileError:
    return CompileError(
        DeviceEntryPointFailed(name=point.name, entry=point.value, reason=reason, span=span)
    )
