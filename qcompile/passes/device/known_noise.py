"""What a device's calibration must say for its noise to be simulated on a routed circuit."""

from __future__ import annotations

from qcompile.diagnostics.errors import CompileError
from qcompile.diagnostics.messages.services import NoTimes, ReadingsNotUndone
from qcompile.ir.device import Device, RoutedCircuit
from qcompile.ir.device_noise import untimed_gates
from qcompile.ir.light_cone import observables
from qcompile.ir.target import can_be_undone
from qcompile.passes.base import Context


def check_noise(routed: RoutedCircuit, device: Device, context: Context) -> None:
    """Warn of durations that are not known.

    Raises:
        CompileError: QA7124, where errors of reading are to be undone and leave nothing to read.
    """
    target = context.target
    if device.relaxation:
        untimed = untimed_gates(routed.circuit, routed.physical, device)
        if untimed:
            place = target.place("noise")
            context.remark(NoTimes(device=device.name, gates=untimed, span=place))
    if target.mitigate != "readout" or not device.readout_errors:
        return
    strings = observables(routed.circuit.readout)
    for qubit in sorted({routed.physical[k] for pauli in strings for k, _ in pauli.letters}):
        if not can_be_undone(device.readout_errors[qubit]):
            what = f"qubit {qubit} of `{device.name}`"
            raise CompileError(ReadingsNotUndone(what=what, span=target.place("mitigate")))
