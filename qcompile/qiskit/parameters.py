"""Values for the parameters of a circuit that `to_qiskit` made, in the order that Qiskit asks for.

Qiskit sorts a circuit's parameters by the name of the vector, then by index: `t[0]`, `t[2]`,
`x[0]`, …, only those that occur. Arrays of an Estimator's or a Sampler's PUB follow
`circuit.parameters`, and passes of Qiskit may drop parameters, so that the circuit that runs has to
be asked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from qcompile.qiskit.to_qiskit import ANGLES, DATA

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray
    from qiskit import QuantumCircuit


def parameter_values(
    native: QuantumCircuit, data: ArrayLike, angles: ArrayLike
) -> NDArray[np.float64]:
    """Return (K, len(native.parameters)) float64 for K rows of data.

    Args:
        native: What `to_qiskit` made, also after passes of Qiskit.
        data: (K, data_width), or (data_width,) for one row.
        angles: (angle_count,), or (K, angle_count) for angles of their own in every row.

    Raises:
        ValueError: A parameter is none of `to_qiskit`, an array is too narrow, or the numbers of
            rows differ.
    """
    import numpy as np

    rows = np.atleast_2d(np.asarray(data, dtype=np.float64))
    turns = np.atleast_2d(np.asarray(angles, dtype=np.float64))
    count = max(len(rows), len(turns))
    values = {
        DATA: np.broadcast_to(rows, (count, rows.shape[1])),
        ANGLES: np.broadcast_to(turns, (count, turns.shape[1])),
    }
    result = np.empty((count, len(native.parameters)))
    for column, (vector, index) in enumerate(parameter_order(native)):
        if index >= values[vector].shape[1]:
            raise ValueError(f"no value for {vector}[{index}]")
        result[:, column] = values[vector][:, index]
    return result


def parameter_order(native: QuantumCircuit) -> tuple[tuple[str, int], ...]:
    """(`x` or `t`, index) for each of `native.parameters`, in that order.

    Raises:
        ValueError: A parameter is none of `to_qiskit`.
    """
    found = []
    for parameter in native.parameters:
        vector = getattr(parameter, "vector", None)
        if vector is None or vector.name not in (DATA, ANGLES):
            raise ValueError(f"`{parameter.name}` is no element of {DATA} or {ANGLES}")
        found.append((str(vector.name), int(parameter.index)))
    return tuple(found)
