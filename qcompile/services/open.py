"""From a name, or a backend object, to what runs circuits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec

from qcompile.backends.devices import list_devices, load_device
from qcompile.diagnostics.errors import UsageError
from qcompile.diagnostics.messages.services import (
    ServicePackageMissing,
    UnknownBackend,
    UnknownService,
)
from qcompile.diagnostics.nearest import nearest
from qcompile.ir.device import Device
from qcompile.ir.target import NamedDevice
from qcompile.services.provider import Provider

SIMULATOR = "simulator"
"""Circuits in torch, as without a service."""

AER = "aer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """What runs circuits, and the device that they are routed for."""

    provider: Provider
    device: Device | None


def open_provider(where: object, *, seed: int = 0, snapshots: Sequence[Device] = ()) -> Opened:
    """Open a service.

    Args:
        where: `aer`, the name of a device, or a backend object.
        seed: Of simulated shots.
        snapshots: Devices as an adapter was compiled for them: these, not what is installed now,
            are simulated.

    Raises:
        UsageError: QA7101, QA7102, QA7112.
        CompileError: QA42xx, for a device that cannot be used.
    """
    if not isinstance(where, str):
        raise UsageError(UnknownBackend(kind=type(where).__name__))
    if where == AER:
        return Opened(provider=_aer(where, None, seed), device=None)
    device = next((device for device in snapshots if device.name == where), None)
    if device is None:
        known = list_devices()
        if where not in known:
            near = nearest(where, (SIMULATOR, AER, *known))
            raise UsageError(UnknownService(name=where, candidates=near))
        device = load_device(NamedDevice(name=where))
    return Opened(provider=_aer(where, device, seed), device=device)


def _aer(name: str, device: Device | None, seed: int) -> Provider:
    if find_spec("qiskit_aer") is None:
        message = ServicePackageMissing(
            name=name, package="qiskit-aer", install="qcompile[hardware]"
        )
        raise UsageError(message)
    from qcompile.services.aer import AerProvider

    return AerProvider(name, device, seed=seed)
