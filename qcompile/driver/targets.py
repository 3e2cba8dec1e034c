"""The targets and devices that a compilation is for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from qcompile.ir.device import Device
from qcompile.ir.spec import Spec
from qcompile.ir.target import DEFAULT_TARGET, Target


def with_target(spec: Spec, wanted: str | Device) -> Spec:
    """The spec with every adapter on one target, of the file or made for a device."""
    from qcompile.backends.devices.choice import target_for, target_named

    if isinstance(wanted, Device):
        chosen = target_for(wanted)
    else:
        chosen = target_named(wanted, spec.targets)
    others = tuple(target for target in spec.targets if target.name != chosen.name)
    adapters = tuple(replace(adapter, target=chosen.name) for adapter in spec.adapters)
    return replace(spec, targets=(*others, chosen), adapters=adapters)


def targets_of(spec: Spec) -> dict[str, Target]:
    """The target of each adapter, by the adapter's name."""
    named = {target.name: target for target in spec.targets}
    return {
        adapter.name: named[adapter.target] if adapter.target else DEFAULT_TARGET
        for adapter in spec.adapters
    }


def devices_of(
    targets: Mapping[str, Target], given: str | Device | None = None
) -> dict[str, Device]:
    """The devices of the targets in use, by the target's name.

    Args:
        targets: By the adapter's name.
        given: What `with_target` was told: a device is not loaded again.
    """
    from qcompile.backends.devices import load_device

    if isinstance(given, Device):
        return {target.name: given for target in targets.values()}
    return {
        target.name: load_device(target.device, target.place("device"))
        for target in targets.values()
        if target.device is not None
    }
