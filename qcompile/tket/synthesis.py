"""Two-qubit matrices as gates, by pytket."""

from __future__ import annotations

from functools import cache

from qcompile.ir.circuit import Gate
from qcompile.ir.matrices import Matrix
from qcompile.tket.from_pytket import gates_from_pytket


@cache
def synthesised_gates(matrix: Matrix) -> tuple[Gate, ...]:
    """Gates on qubits 0 and 1 that make a unitary matrix (16 entries) up to a global phase.

    The canonical decomposition (Vatan and Williams 2004, quant-ph/0308006): at most three `cx`.
    """
    import numpy as np
    from pytket.circuit import Circuit, OpType, Unitary2qBox
    from pytket.passes import AutoRebase, DecomposeBoxes, SquashTK1

    circuit = Circuit(2)
    table = np.array(matrix, dtype=np.complex128).reshape(4, 4)
    circuit.add_unitary2qbox(Unitary2qBox(table), 0, 1)
    DecomposeBoxes().apply(circuit)
    AutoRebase({OpType.CX, OpType.TK1}).apply(circuit)
    SquashTK1().apply(circuit)
    AutoRebase({OpType.CX, OpType.U3}).apply(circuit)
    return gates_from_pytket(circuit)
