"""Any gates on coupled qubits of a device in its native gates."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from qcompile.ir.circuit import Affine, Gate
from qcompile.ir.device import Device
from qcompile.ir.native_sets import one_qubit_set, sign_of_turn
from qcompile.passes.device.couplings import Couplings
from qcompile.passes.device.native_gates import normal_form, to_native
from qcompile.passes.device.one_qubit import OneQubitRun, rz
from qcompile.passes.device.pulses import PulseWriter


def on_device(
    gates: Iterable[Gate], device: Device, unturned: Collection[int] = ()
) -> tuple[Gate, ...]:
    """Rewrite gates on a device's qubits, equal up to a global phase; angles stay affine.

    Args:
        unturned: Qubits of which a last rotation about Z cannot be seen. It is left out where the
            device would need pulses for it.

    Raises:
        NotCoupled: a two-qubit gate on qubits without one.
    """
    kind = one_qubit_set(device.native)
    assert kind is not None
    form = normal_form(device)
    plain = to_native(gates, device.qubits, form.entangler, rzz=form.rzz)
    written = tuple(Couplings(device).write(plain))
    bounded = {name for name, _, _ in device.angle_bounds}
    any_rx = "rx" in device.native and "rx" not in bounded
    if written == plain and {"rz", "sx", "x"} <= set(device.native) and not any_rx:
        return written
    writer = PulseWriter(kind=kind, native=device.native, any_rx=any_rx)
    return _Merged(device.qubits, writer).run(written, set(unturned))


class _Merged:
    """One-qubit gates between two-qubit gates, written together; turns about Z wait if they can."""

    def __init__(self, qubits: int, writer: PulseWriter) -> None:
        self._writer = writer
        self._runs = [OneQubitRun() for _ in range(qubits)]
        self._written: list[Gate] = []

    def run(self, gates: Iterable[Gate], unturned: Collection[int]) -> tuple[Gate, ...]:
        for gate in gates:
            if len(gate.qubits) == 1:
                self._runs[gate.qubits[0]].append(gate)
            elif gate.name == "ms":
                # A turn before the gate is the same turn after it, with shifted phases.
                angle, *phases = gate.angles
                turns = [self._flush(qubit) for qubit in gate.qubits]
                shifted = [p.plus(t.times(-1.0)) for p, t in zip(phases, turns, strict=True)]
                self._written.append(
                    Gate(name=gate.name, qubits=gate.qubits, angles=(angle, *shifted))
                )
                for qubit, turn in zip(gate.qubits, turns, strict=True):
                    self._wait(qubit, turn)
            else:
                turns = [self._flush(qubit) for qubit in gate.qubits]
                signs = [sign_of_turn(gate.name, place) for place in (0, 1)]
                for qubit, turn, sign in zip(gate.qubits, turns, signs, strict=True):
                    if sign == 0:
                        self._written += self._writer.turn(qubit, turn)
                self._written.append(gate)
                for qubit, turn, sign in zip(gate.qubits, turns, signs, strict=True):
                    self._wait(qubit, turn.times(float(sign)))
        for qubit in range(len(self._runs)):
            turn = self._flush(qubit)
            if self._writer.turns or qubit not in unturned:
                self._written += self._writer.turn(qubit, turn)
        return tuple(self._written)

    def _flush(self, qubit: int) -> Affine:
        """Write the pulses that wait on a qubit; the turn about Z that is left."""
        gates, turn = self._writer.write(self._runs[qubit], qubit)
        self._written += gates
        self._runs[qubit] = OneQubitRun()
        return turn

    def _wait(self, qubit: int, turn: Affine) -> None:
        for gate in rz(qubit, turn):
            self._runs[qubit].append(gate)
