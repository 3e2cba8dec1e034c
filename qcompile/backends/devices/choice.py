"""What a name stands for: a target, a device, a file with one, or a coupling map."""

from __future__ import annotations

import re
from collections.abc import Iterable

from qcompile.backends.devices.registry import list_devices
from qcompile.diagnostics.errors import CompileError, UsageError
from qcompile.diagnostics.messages.devices import SizesMissing
from qcompile.diagnostics.messages.usage import UnknownTargetOption
from qcompile.diagnostics.nearest import nearest
from qcompile.ir.coupling_maps import COUPLING_MAPS
from qcompile.ir.device import Device
from qcompile.ir.extensions import ExtensionError
from qcompile.ir.limits import MAX_DEVICE_QUBITS
from qcompile.ir.target import DeviceChoice, NamedDevice, Objective, Target

_CALL = re.compile(r"\s*([a-z_][a-z0-9_]*)\(\s*([0-9]{1,6}(?:\s*,\s*[0-9]{1,6})*)\s*\)\s*")


def choice_of(text: str) -> DeviceChoice:
    """What a text outside a source names: `fake_torino`, `torino.json`, `grid(3, 4)`.

    Raises:
        CompileError: QA4242, where a coupling map is given the wrong sizes.
    """
    call = _CALL.fullmatch(text)
    try:
        family = COUPLING_MAPS.get(call[1]) if call else None
        if call is None or family is None:
            return NamedDevice.called(text)
        sizes = tuple(map(int, call[2].split(",")))
        fits = len(sizes) == len(family.sizes) and all(1 <= n <= family.largest for n in sizes)
        if not fits or family.qubits(*sizes) > MAX_DEVICE_QUBITS:
            wanted = tuple(meaning for _, meaning in family.sizes)
            raise CompileError(SizesMissing(name=call[1], sizes=wanted, most=MAX_DEVICE_QUBITS))
        return family.device(call[1], *sizes)
    except ExtensionError as error:
        raise CompileError(error.at(None)) from None


def target_named(name: str, targets: Iterable[Target]) -> Target:
    """The target of that name, or one that is made for the device that it names.

    Args:
        name: Of a target, a device, a file with a device, or a coupling map.
        targets: Those that a file declares.

    Raises:
        CompileError: QA4242.
        UsageError: QA0021.
    """
    declared = {target.name: target for target in targets}
    if name in declared:
        return declared[name]
    choice = choice_of(name)
    known = list_devices()
    if isinstance(choice, NamedDevice) and choice.file is None and name not in known:
        raise UsageError(
            UnknownTargetOption(name=name, candidates=nearest(name, (*declared, *known)))
        )
    # As for a device that a source names.
    objective: Objective = "fidelity" if isinstance(choice, NamedDevice) else "gates"
    return Target(name=name, device=choice, optimise=objective)


def target_for(device: Device) -> Target:
    """A target that is made for a device: where its errors are known, for the fewest."""
    return Target(
        name=device.name,
        device=NamedDevice(name=device.name),
        optimise="fidelity" if device.gate_errors else "gates",
    )
