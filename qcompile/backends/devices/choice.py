"""What a name after `--target` stands for."""

from __future__ import annotations

from collections.abc import Iterable

from qcompile.backends.devices.registry import list_devices
from qcompile.diagnostics.errors import UsageError
from qcompile.diagnostics.messages.usage import UnknownTargetOption
from qcompile.diagnostics.nearest import nearest
from qcompile.ir.target import NamedDevice, Target


def target_named(name: str, targets: Iterable[Target]) -> Target:
    """The target of that name, or one that is made for the device of that name or file.

    Args:
        name: Of a target, a device, or a file with a device.
        targets: Those that a file declares.

    Raises:
        UsageError: QA0021.
    """
    declared = {target.name: target for target in targets}
    if name in declared:
        return declared[name]
    choice = NamedDevice.called(name)
    known = list_devices()
    if choice.file is None and name not in known:
        raise UsageError(
            UnknownTargetOption(name=name, candidates=nearest(name, (*declared, *known)))
        )
    return Target(name=name, device=choice)
