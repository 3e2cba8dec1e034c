"""From a name, or a backend object, to what runs circuits."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from qcompile.backends.devices import device_of, list_devices, load_device
from qcompile.backends.devices.choice import choice_of
from qcompile.diagnostics.errors import UsageError
from qcompile.diagnostics.messages.services import (
    NoCredentials,
    ServicePackageMissing,
    UnknownBackend,
    UnknownService,
)
from qcompile.diagnostics.messages.usage import OptionWithoutEffect
from qcompile.diagnostics.nearest import nearest
from qcompile.ir.device import Device
from qcompile.ir.target import NamedDevice
from qcompile.services.provider import Provider
from qcompile.services.runtime_options import JOBS, RuntimeOptions

SIMULATOR = "simulator"
"""Circuits in torch, as without a service."""

AER = "aer"

IBM = "ibm_"
"""How the names of IBM's devices begin."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """What runs circuits, and the device that they are routed for."""

    provider: Provider
    device: Device | None


def open_provider(
    where: object,
    *,
    seed: int = 0,
    snapshots: Sequence[Device] = (),
    runtime: RuntimeOptions = JOBS,
) -> Opened:
    """Open a service.

    Args:
        where: `aer`; the name of a device, or the path of a file with one; a back end of Qiskit
            or pytket; whatever else describes a device, whose noise is simulated.
        seed: Of simulated shots.
        snapshots: Devices as an adapter was compiled for them: these, not what is installed now,
            are simulated.
        runtime: How jobs are handed to IBM Quantum.

    Raises:
        UsageError: QA0052, QA7101, QA7102, QA7111, QA7112, QA7122.
        CompileError: QA42xx, for a device that cannot be used.
    """
    opened = _opened(where, seed, snapshots, runtime)
    if runtime != JOBS and not opened.provider.takes_runtime_options:
        option = "batch" if runtime.mode == "batch" else "runtime"
        raise UsageError(OptionWithoutEffect(option=option, needed="a device of IBM Quantum"))
    return opened


def _opened(
    where: object, seed: int, snapshots: Sequence[Device], runtime: RuntimeOptions
) -> Opened:
    if not isinstance(where, str):
        return _of_object(where, seed, runtime)
    if where == AER:
        return Opened(provider=_aer(where, None, seed), device=None)
    if where.startswith(IBM):
        return _ibm(where, runtime)
    device = next((device for device in snapshots if device.name == where), None)
    if device is None:
        choice = choice_of(where)
        known = list_devices()
        if isinstance(choice, NamedDevice) and choice.file is None and where not in known:
            near = nearest(where, (SIMULATOR, AER, *known))
            raise UsageError(UnknownService(name=where, candidates=near))
        device = load_device(choice)
    return _simulated(device, seed)


def _simulated(device: Device, seed: int) -> Opened:
    return Opened(provider=_aer(device.name, device, seed), device=device)


def _aer(name: str, device: Device | None, seed: int) -> Provider:
    if find_spec("qiskit_aer") is None:
        message = ServicePackageMissing(
            name=name, package="qiskit-aer", install="qcompile[hardware]"
        )
        raise UsageError(message)
    from qcompile.services.aer import AerProvider

    return AerProvider(name, device, seed=seed)


def _ibm(name: str, runtime: RuntimeOptions) -> Opened:
    from qiskit_ibm_runtime import QiskitRuntimeService
    from qiskit_ibm_runtime.accounts.exceptions import AccountNotFoundError

    try:
        service = QiskitRuntimeService()
        backend = service.backend(name)
    except AccountNotFoundError:
        raise UsageError(NoCredentials(service=name, reason="no account is saved")) from None
    except Exception as error:
        # Its own words may repeat what was sent.
        reason = f"IBM Quantum refused ({type(error).__name__})"
        raise UsageError(NoCredentials(service=name, reason=reason)) from None
    return _runtime(service, backend, runtime)


def _runtime(service: Any, backend: Any, options: RuntimeOptions) -> Opened:
    from qcompile.services.runtime import RuntimeProvider

    device = _coupled(backend)
    return Opened(provider=RuntimeProvider(service, backend, device, options), device=device)


def _of_object(backend: object, seed: int, runtime: RuntimeOptions) -> Opened:
    # Whoever has such an object has imported the package of its class.
    if _is_a(backend, "qiskit.providers", "BackendV2"):
        service = getattr(backend, "service", None)
        if service is not None and hasattr(service, "jobs"):
            return _runtime(service, backend, runtime)
        from qcompile.services.qiskit_backend import BackendProvider

        device = _coupled(backend)
        return Opened(provider=BackendProvider(backend, device, seed=seed), device=device)
    if _is_a(backend, "pytket.backends", "Backend") and getattr(backend, "supports_counts", False):
        from qcompile.services.tket_backend import TketProvider

        device = _wired(backend)
        name = type(backend).__name__ if device is None else device.name
        return Opened(provider=TketProvider(backend, device, name, seed=seed), device=device)
    runs = _is_a(backend, "pytket.backends", "Backend")
    device = None if runs else device_of(backend)
    if device is None:
        raise UsageError(UnknownBackend(kind=type(backend).__name__))
    return _simulated(device, seed)


def _coupled(backend: Any) -> Device | None:
    """Its device; None where all qubits are coupled, so that nothing has to be routed."""
    target = backend.target
    if target is None or target.num_qubits is None or target.build_coupling_map() is None:
        return None
    return device_of(backend)


def _wired(backend: Any) -> Device | None:
    """The device of a back end of pytket; None without couplings, where nothing is routed."""
    info = getattr(backend, "backend_info", None)
    coupled = getattr(getattr(info, "architecture", None), "coupling", None)
    return device_of(backend) if coupled else None


def _is_a(backend: object, module: str, name: str) -> bool:
    found = getattr(sys.modules.get(module), name, None)
    return isinstance(found, type) and isinstance(backend, found)
