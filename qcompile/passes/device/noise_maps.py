"""A device's noise as real matrices over Pauli strings, made of its calibration.

The model is that of qiskit-aer's `NoiseModel.from_backend`: with each gate, its qubits relax for
the gate's duration (T1, T2, towards |0⟩), and depolarise as far as the calibrated error is more
than that. Rows and columns are the strings I, X, Y, Z, of two qubits II, IX, …, the first qubit
most significant. What is not known is perfect.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import product
from typing import TYPE_CHECKING, Any

from qcompile.ir.circuit import Gate
from qcompile.ir.device import Device, gates_of
from qcompile.ir.gates import GATES, GateName
from qcompile.ir.matrices import PAULIS, kron

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Real = NDArray[Any]


@lru_cache(maxsize=4096)
def transfer(name: GateName, angles: tuple[float, ...]) -> Real:
    """(4^k, 4^k) of a gate without noise: entry (P, Q) is tr(P U Q U†) / 2^k."""
    import numpy as np

    kind = GATES[name]
    size = 2**kind.qubits
    unitary = np.array(kind.at(*angles), dtype=complex).reshape(size, size)
    strings = _strings(kind.qubits)
    images = unitary @ strings @ unitary.conj().T
    flat = strings.reshape(len(strings), -1).conj() @ images.reshape(len(images), -1).T
    result: Real = np.real(flat) / size
    return result


@lru_cache(maxsize=2)
def _strings(qubits: int) -> Any:
    """(4^k, 2^k, 2^k)."""
    import numpy as np

    found = []
    for letters in product("IXYZ", repeat=qubits):
        matrix = PAULIS[letters[0]]
        for letter in letters[1:]:
            matrix = kron(matrix, PAULIS[letter])
        found.append(matrix)
    return np.array(found, dtype=complex).reshape(-1, 2**qubits, 2**qubits)


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
        import numpy as np

        t1, t2 = self.device.relaxation[qubit] if self.device.relaxation else (None, None)
        decay = 1.0 if t1 is None else math.exp(-seconds / t1)
        blur = math.sqrt(decay) if t2 is None else math.exp(-seconds / t2)
        result: Real = np.diag([1.0, blur, blur, decay])
        result[3, 0] = 1.0 - decay
        return result

    def _after(self, gate: Gate) -> Real | None:
        import numpy as np

        native = gates_of(self.device).get((gate.name, gate.qubits))
        if native is None or (native.error is None and native.duration is None):
            return None
        relaxed: Real = np.eye(1)
        for qubit in gate.qubits:
            relaxed = np.kron(relaxed, self.waiting(qubit, native.duration or 0.0))
        size = 2 ** len(gate.qubits)
        fidelity = (float(np.trace(relaxed)) / size + 1) / (size + 1)
        beyond = (native.error or 0.0) - (1 - fidelity)
        if beyond > 0.0:
            share = min(size * beyond / (size * fidelity - 1), size**2 / (size**2 - 1))
            relaxed = relaxed @ np.diag([1.0, *[1.0 - share] * (size**2 - 1)])
        return relaxed


@lru_cache(maxsize=4)
def noise_maps(device: Device) -> NoiseMaps:
    """Of a device, shared by all who ask."""
    return NoiseMaps(device)
