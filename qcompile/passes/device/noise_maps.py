"""A device's noise as Pauli transfer matrices, made of its calibration as they are asked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from qcompile.executors.transfer.channels import gate_channel, relaxation
from qcompile.ir.circuit import Gate
from qcompile.ir.device import Device, gates_of
from qcompile.ir.device_noise import Times, gate_noise
from qcompile.ir.gates import GateName

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Real = NDArray[Any]


@dataclass(frozen=True, eq=False)
class NoiseMaps:
    """Of one device, computed as they are asked for."""

    device: Device
    _known: dict[tuple[GateName, tuple[int, ...]], Real | None] = field(default_factory=dict)

    def after(self, gate: Gate) -> Real | None:
        """(4^k, 4^k), what follows a native gate; None where that is nothing."""
        key = gate.name, gate.qubits
        if key not in self._known:
            self._known[key] = self._after(gate)
        return self._known[key]

    def seconds(self, gate: Gate) -> float:
        """How long a native gate takes."""
        native = gates_of(self.device).get((gate.name, gate.qubits))
        return 0.0 if native is None else native.duration or 0.0

    def waiting(self, qubit: int, seconds: float) -> Real:
        """(4, 4), relaxation of a qubit."""
        times = self.device.relaxation[qubit] if self.device.relaxation else (None, None)
        return relaxation(times, seconds)

    def depolarising(self, gate: Gate) -> float:
        """The share p of ρ → (1 - p) ρ + p · 1/2^k that a native gate's error is beyond the
        relaxation of its qubits."""
        native = gates_of(self.device).get((gate.name, gate.qubits))
        if native is None:
            return 0.0
        return gate_noise(native, gate.qubits, self._times(gate)).depolarising

    def _times(self, gate: Gate) -> list[Times]:
        known = self.device.relaxation
        return [known[qubit] if known else (None, None) for qubit in gate.qubits]

    def _after(self, gate: Gate) -> Real | None:
        native = gates_of(self.device).get((gate.name, gate.qubits))
        if native is None or (native.error is None and native.duration is None):
            return None
        times = self._times(gate)
        return gate_channel(gate_noise(native, gate.qubits, times), times)


@lru_cache(maxsize=4)
def noise_maps(device: Device) -> NoiseMaps:
    """Of a device, shared by all who ask."""
    return NoiseMaps(device)
