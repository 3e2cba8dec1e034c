"""Gates that make an amplitude-encoded state, for one row of data.

Qiskit's synthesis needs 2^n - n - 1 two-qubit gates for n qubits (Iten et al. 2016,
arXiv:1501.06911) and is exact; pytket's StatePreparationBox takes about twice as many.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

from qcompile.ir.circuit import Affine, AmplitudeState, Circuit, Gate, ZeroState

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from qcompile.ir.bind import Numbers

BASIS = ("rx", "ry", "rz", "cx")
"""What the state is made of; ours of the same names."""


def prepared(circuit: Circuit, data: Numbers) -> Circuit:
    """The circuit from |0…0⟩, with the gates in front that make its state for these data.

    The same up to a global phase; equal to `circuit` where it starts in |0…0⟩. Gates that encode
    data by their angles keep them.

    Args:
        data: (data_width,), finite.

    Raises:
        ValueError: Data of the wrong number, or not finite.
    """
    import numpy as np

    if not isinstance(circuit.initial, AmplitudeState):
        return circuit
    values = np.asarray(data, dtype=np.float64)
    if values.shape != (circuit.data_width,) or not np.isfinite(values).all():
        raise ValueError(f"{circuit.data_width} finite numbers are needed")
    start, width = circuit.initial.offset, circuit.initial.width
    amplitudes = np.zeros(2**circuit.qubits)
    amplitudes[:width] = values[start : start + width]
    gates = _state_gates(amplitudes, circuit.qubits)
    return replace(circuit, initial=ZeroState(), gates=gates + circuit.gates)


def _state_gates(amplitudes: NDArray[np.float64], qubits: int) -> tuple[Gate, ...]:
    """For real amplitudes (2^qubits,) of any norm; none for zero."""
    import numpy as np

    (places,) = np.nonzero(amplitudes)
    if len(places) < 2:
        bits = int(places[0]) if len(places) else 0
        return tuple(
            Gate(name="x", qubits=(qubit,))
            for qubit in range(qubits)
            if bits >> (qubits - 1 - qubit) & 1
        )
    # Squares of tiny and huge numbers leave the range of float64.
    amplitudes = amplitudes / np.abs(amplitudes).max()
    return _synthesised(amplitudes / np.linalg.norm(amplitudes), qubits)


def _synthesised(amplitudes: NDArray[np.float64], qubits: int) -> tuple[Gate, ...]:
    from qiskit import QuantumCircuit
    from qiskit.circuit.library import StatePreparation

    native = QuantumCircuit(qubits)
    native.append(StatePreparation(amplitudes), range(qubits))
    native = _passes().run(native)
    return tuple(
        Gate(
            name=item.operation.name,
            # Qiskit's qubit 0 is the least significant bit of an index.
            qubits=tuple(qubits - 1 - native.find_bit(qubit).index for qubit in item.qubits),
            angles=tuple(Affine(constant=float(value)) for value in item.operation.params),
        )
        for item in native.data
    )


@cache
def _passes() -> Any:
    from qiskit.transpiler import generate_preset_pass_manager

    return generate_preset_pass_manager(
        optimization_level=1, basis_gates=list(BASIS), seed_transpiler=0
    )
