"""The targets and devices that a compilation is for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from qcompile.diagnostics.errors import UsageError
from qcompile.diagnostics.messages.usage import UnknownTargetOption
from qcompile.diagnostics.nearest import nearest
from qcompile.ir.device import Device
from qcompile.ir.spec import Spec
from qcompile.ir.target import DEFAULT_TARGET, NamedDevice, Target


def with_target(spec: Spec, name: str) -> Spec:
    """The spec with every adapter on one target, of the file or made for a device."""
    chosen = next((target for target in spec.targets if target.name == name), None)
    if chosen is None:
        from qcompile.backends.devices import list_devices

        known = list_devices()
        if name not in known:
            near = nearest(name, (*(target.name for target in spec.targets), *known))
            raise UsageError(UnknownTargetOption(name=name, candidates=near))
        chosen = Target(name=name, device=NamedDevice(name=name))
        spec = replace(spec, targets=(*spec.targets, chosen))
    adapters = tuple(replace(adapter, target=name) for adapter in spec.adapters)
    return replace(spec, adapters=adapters)


def targets_of(spec: Spec) -> dict[str, Target]:
    """The target of each adapter, by the adapter's name."""
    named = {target.name: target for target in spec.targets}
    return {
        adapter.name: named[adapter.target] if adapter.target else DEFAULT_TARGET
        for adapter in spec.adapters
    }


def devices_of(targets: Mapping[str, Target]) -> dict[str, Device]:
    """The devices of the targets in use, by the target's name."""
    from qcompile.backends.devices import load_device

    return {
        target.name: load_device(target.device, target.place("device"))
        for target in targets.values()
        if target.device is not None
    }
