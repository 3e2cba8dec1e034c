"""Pauli transfer matrices of gates and of noise: entry (P, Q) is tr(P E(Q)) / 2^k.

Rows and columns are the strings I, X, Y, Z, of two qubits II, IX, …, the first qubit most
significant.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from qcompile.ir.device_noise import GateNoise, Times, relaxed
from qcompile.ir.gates import GATES, GateName
from qcompile.ir.matrices import all_strings, pauli_matrix

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Real = NDArray[Any]


@lru_cache(maxsize=4096)
def transfer(name: GateName, angles: tuple[float, ...]) -> Real:
    """(4^k, 4^k) of a gate without noise."""
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

    found = [pauli_matrix(letters) for letters in all_strings(qubits)]
    return np.array(found, dtype=complex).reshape(-1, 2**qubits, 2**qubits)


def relaxation(times: Times, seconds: float) -> Real:
    """(4, 4) of a qubit that waits: amplitude damping towards |0⟩, and dephasing."""
    import numpy as np

    blur, decay = relaxed(times, seconds)
    result: Real = np.diag([1.0, blur, blur, decay])
    result[3, 0] = 1.0 - decay
    return result


def gate_channel(noise: GateNoise, times: Sequence[Times]) -> Real:
    """(4^k, 4^k), what follows a native gate on qubits with these T1 and T2."""
    import numpy as np

    result: Real = np.eye(1)
    for time in times:
        result = np.kron(result, relaxation(time, noise.duration))
    kept = [1.0, *[1.0 - noise.depolarising] * (len(result) - 1)]
    return np.asarray(result @ np.diag(kept))
