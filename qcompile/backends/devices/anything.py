"""A device from whatever describes one: a name, a file, an object of Qiskit or pytket."""

from __future__ import annotations

from typing import Any

from qcompile.backends.devices.choice import choice_of
from qcompile.backends.devices.from_pytket import device_from_info
from qcompile.backends.devices.from_qiskit import device_from_backend, device_from_target
from qcompile.backends.devices.invariants import defect
from qcompile.backends.devices.registry import load_device
from qcompile.diagnostics.errors import CompileError
from qcompile.diagnostics.messages.devices import DeviceUnusable
from qcompile.ir.device import Device

DESCRIPTIONS = (
    "a name, the path of a JSON file, a Device, a BackendV2 or Target of Qiskit, or a Backend or"
    " BackendInfo of pytket,"
)


def device_of(what: object) -> Device | None:
    """The device that something describes, None where it describes none.

    Args:
        what: A Device; a name, such as `fake_torino`; a coupling map with its sizes, such as
            `grid(3, 4)`; the path of a JSON file; a Qiskit `Target` or `BackendV2`; a pytket
            `BackendInfo`, or a `Backend` that has one.

    Raises:
        CompileError: QA4201 to QA4204, QA4240, QA4242.
    """
    if isinstance(what, str):
        return load_device(choice_of(what))
    try:
        found = what if isinstance(what, Device) else _foreign(what)
        reason = None if found is None else defect(found)
    except CompileError:
        raise
    except Exception as error:
        # Objects of other packages fail in ways of their own.
        reason = f"its description cannot be read ({type(error).__name__}: {error})"
        raise CompileError(DeviceUnusable(name=type(what).__name__, reason=reason)) from error
    if found is not None and reason is not None:
        raise CompileError(DeviceUnusable(name=found.name, reason=reason))
    return found


def _foreign(what: Any) -> Device | None:
    """Told apart by what they have, so that none of their packages is imported."""
    info = getattr(what, "backend_info", what)
    if hasattr(info, "gate_set") and hasattr(info, "architecture"):
        return device_from_info(info)
    if hasattr(getattr(what, "target", None), "operation_names"):
        return device_from_backend(what)
    if hasattr(what, "operation_names") and hasattr(what, "qubit_properties"):
        return device_from_target(what, str(getattr(what, "description", None) or "target"))
    return None
