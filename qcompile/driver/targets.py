"""The targets and devices that a compilation is for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from qcompile.diagnostics.errors import CompileError
from qcompile.diagnostics.message import Message
from qcompile.diagnostics.messages.devices import DeviceNameTaken
from qcompile.ir.device import Device
from qcompile.ir.spec import Spec
from qcompile.ir.target import DEFAULT_TARGET, NamedDevice, Target
from qcompile.passes.base import ignore


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


def with_evaluator(spec: Spec, name: str) -> Spec:
    """The spec with one way to run circuits on every target."""
    default = replace(DEFAULT_TARGET, evaluator=name)
    targets = tuple(replace(target, evaluator=name) for target in spec.targets)
    if all(adapter.target for adapter in spec.adapters):
        return replace(spec, targets=targets)
    adapters = tuple(
        replace(adapter, target=adapter.target or default.name) for adapter in spec.adapters
    )
    return replace(spec, targets=(*targets, default), adapters=adapters)


def targets_of(spec: Spec) -> dict[str, Target]:
    """The target of each adapter, by the adapter's name."""
    named = {target.name: target for target in spec.targets}
    return {
        adapter.name: named[adapter.target] if adapter.target else DEFAULT_TARGET
        for adapter in spec.adapters
    }


def devices_of(
    targets: Mapping[str, Target],
    given: str | Device | None = None,
    remark: Callable[[Message], None] = ignore,
) -> dict[str, Device]:
    """The devices of the targets in use, by the target's name.

    Args:
        targets: By the adapter's name.
        given: What `with_target` was told: a device is not loaded again.
        remark: Told of calibrations that are old.

    Raises:
        CompileError: QA4201 to QA4204, QA4240; QA4243 where two of them have one name.
    """
    from qcompile.backends.devices import load_device
    from qcompile.backends.devices.age import old_calibration, utc_now

    found: dict[str, Device] = {}
    named: dict[str, Target] = {}
    for target in targets.values():
        if target.device is None or target.name in found:
            continue
        span = target.place("device")
        device = given if isinstance(given, Device) else load_device(target.device, span)
        first = named.setdefault(device.name, target)
        if found.get(first.name, device) != device:
            raise CompileError(
                DeviceNameTaken(
                    name=device.name,
                    one=_source(first),
                    other=_source(target),
                    first=first.place("device"),
                    span=span,
                )
            )
        found[target.name] = device
        old = old_calibration(device, utc_now(), span)
        if old is not None:
            remark(old)
    return found


def _source(target: Target) -> str:
    choice = target.device
    if isinstance(choice, NamedDevice) and choice.file is not None:
        return f"the file `{choice.name}` of target `{target.name}`"
    return f"that of target `{target.name}`"
