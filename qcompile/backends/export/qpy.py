"""QPY, Qiskit's own files: angles stay symbols."""

from __future__ import annotations

import io

from qcompile.backends.export.standard_gates import require_zero_state
from qcompile.ir.circuit import Circuit
from qcompile.ir.device import RoutedCircuit


def write_qpy(circuit: Circuit | RoutedCircuit, *, width: int | None = None) -> bytes:
    """Return a file with one QuantumCircuit, as `qcompile.qiskit.to_qiskit` makes it.

    Its bytes differ from time to time: Qiskit gives parameters random identities. Raises
    CompileError for an amplitude-encoded state.
    """
    from qiskit import qpy

    from qcompile.qiskit.to_qiskit import to_qiskit

    inner = circuit.circuit if isinstance(circuit, RoutedCircuit) else circuit
    require_zero_state(inner, "QPY")
    native = to_qiskit(circuit, width=width)
    # Qiskit numbers circuits in a process.
    native.name = "circuit"
    buffer = io.BytesIO()
    qpy.dump(native, buffer)
    return buffer.getvalue()
