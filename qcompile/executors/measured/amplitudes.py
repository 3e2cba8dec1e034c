"""Amplitude encoding in gates whose angles depend on the data, one circuit for all tokens.

A binary tree of norms gives the angles: each rotation shares a norm among two halves of the
amplitudes (Möttönen, Vartiainen, Bergholm, Salomaa, arXiv:quant-ph/0407010). A rotation that other
qubits control is as many plain ones with cx between them, in the order of a Gray code.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from qcompile.ir.circuit import Affine, AmplitudeState, Circuit, Gate, ZeroState

if TYPE_CHECKING:
    from numpy import float64
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodedAmplitudes:
    """The data of a circuit's state: z[offset : offset + width]."""

    offset: int
    width: int
    qubits: int
    """Of the circuit before it was routed."""

    @property
    def tree(self) -> int:
        """Angles that make the state."""
        amplitudes: int = 2**self.qubits
        return amplitudes - 1


def amplitudes_of(circuit: Circuit) -> EncodedAmplitudes | None:
    """What the circuit's state is made of; None: it starts in |0…0⟩."""
    state = circuit.initial
    if not isinstance(state, AmplitudeState):
        return None
    return EncodedAmplitudes(offset=state.offset, width=state.width, qubits=circuit.qubits)


def in_gates(circuit: Circuit) -> Circuit:
    """The circuit from |0…0⟩, of 2^n - 1 tree angles followed by its data.

    The same as `circuit` where it starts in |0…0⟩.
    """
    amplitudes = amplitudes_of(circuit)
    if amplitudes is None:
        return circuit
    count = amplitudes.tree
    gates = [
        replace(gate, angles=tuple(_moved(angle, count) for angle in gate.angles))
        for gate in circuit.gates
    ]
    return replace(
        circuit,
        initial=ZeroState(),
        gates=(*_preparation(circuit.qubits), *gates),
        data_width=count + circuit.data_width,
    )


def tree_angles(amplitudes: NDArray[float64], qubits: int) -> NDArray[float64]:
    """(…, width) of any norm → (…, 2^n - 1): the root first, each level from the left.

    An angle of two zeros is zero, so that a row of zeros is |0…0⟩.
    """
    import numpy as np

    level = np.zeros((*amplitudes.shape[:-1], 2**qubits))
    # Squares of tiny and huge numbers leave the range of float64.
    largest = np.abs(amplitudes).max(axis=-1, keepdims=True, initial=0.0)
    level[..., : amplitudes.shape[-1]] = np.divide(
        amplitudes, largest, out=np.zeros_like(amplitudes), where=largest > 0
    )
    found = []
    for _ in range(qubits):
        left, right = level[..., 0::2], level[..., 1::2]
        found.append(2 * np.arctan2(right, left))
        level = np.hypot(left, right)
    return np.concatenate(found[::-1], axis=-1)


def _preparation(qubits: int) -> Iterator[Gate]:
    first = 0
    for target in range(qubits):
        count = 2**target
        for step in range(count):
            code = step ^ step >> 1
            # The transform that a Gray code of signs inverts.
            data = tuple(
                (first + place, (-1.0) ** (place & code).bit_count() / count)
                for place in range(count)
            )
            yield Gate(name="ry", qubits=(target,), angles=(Affine(data=data),))
            if count > 1:
                following = (step + 1) % count
                changed = (code ^ following ^ following >> 1).bit_length() - 1
                yield Gate(name="cx", qubits=(target - 1 - changed, target))
        first += count


def _moved(angle: Affine, count: int) -> Affine:
    return replace(angle, data=tuple((index + count, factor) for index, factor in angle.data))
