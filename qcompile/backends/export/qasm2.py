"""OpenQASM 2 (Cross et al. 2017, arXiv:1707.03429): circuits with all angles bound."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qcompile.backends.export.standard_gates import (
    defined_gates,
    gate_call,
    in_library,
    readout_comments,
    require_zero_state,
)
from qcompile.ir.bind import bind_circuit
from qcompile.ir.circuit import Circuit
from qcompile.ir.device import RoutedCircuit
from qcompile.ir.gates import GATES

if TYPE_CHECKING:
    from qcompile.ir.bind import Numbers

QELIB = {name: kind.qasm2 for name, kind in GATES.built_in.items() if kind.qasm2}


def write_qasm2(
    circuit: Circuit | RoutedCircuit,
    data: Numbers = (),
    angles: Numbers = (),
    *,
    width: int | None = None,
) -> str:
    """Return the program for one row of data (data_width,) and angles (angle_count,).

    Equal to the circuit up to a global phase. The read-out is given in comments; nothing is
    measured. A routed circuit is written in its native gates, those that the paper's qelib1.inc
    lacks defined at the start, on a register of the device's `width` qubits.

    Raises CompileError for an amplitude-encoded state, ValueError for values of the wrong number or
    that are not finite.
    """
    routed = circuit if isinstance(circuit, RoutedCircuit) else None
    inner = circuit.circuit if isinstance(circuit, RoutedCircuit) else circuit
    require_zero_state(inner, "OpenQASM 2")
    inner = bind_circuit(inner, data=data, angles=angles)
    defined = {} if routed is None else defined_gates(inner.gates, QELIB)
    known = QELIB | {name: name for name in defined}
    places = tuple(range(inner.qubits)) if routed is None else routed.physical
    size = inner.qubits if width is None else width
    comments = readout_comments(inner, places)
    if routed is not None:
        comments.append(f"// device {routed.device}")
    lines = ["OPENQASM 2.0;", 'include "qelib1.inc";', *comments, *defined.values()]
    lines.append(f"qreg q[{max(size, 1 + max(places, default=0))}];")
    lines += [
        gate_call(known[gate.name], gate, (f"q[{places[qubit]}]" for qubit in gate.qubits))
        for gate in in_library(inner.gates, known)
    ]
    return "\n".join(lines) + "\n"
