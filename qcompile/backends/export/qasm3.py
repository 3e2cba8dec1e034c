"""OpenQASM 3 (Cross et al. 2022, arXiv:2104.14722): angles stay symbols, given as inputs."""

from __future__ import annotations

from qcompile.backends.export.standard_gates import (
    defined_gates,
    gate_call,
    in_library,
    readout_comments,
    require_zero_state,
)
from qcompile.ir.circuit import Circuit
from qcompile.ir.device import RoutedCircuit
from qcompile.ir.gates import GATES

STDGATES = {name: kind.qasm3 for name, kind in GATES.built_in.items() if kind.qasm3}


def write_qasm3(circuit: Circuit | RoutedCircuit) -> str:
    """Return the program with inputs x<i> for data[i] and t<j> for angles[j], those in use.

    Equal to the circuit up to a global phase. A routed circuit is written in its native gates,
    those that stdgates.inc lacks defined at the start, on the device's physical qubits `$k`. The
    read-out is given in comments; nothing is measured. Raises CompileError for an
    amplitude-encoded state.
    """
    routed = circuit if isinstance(circuit, RoutedCircuit) else None
    inner = circuit.circuit if isinstance(circuit, RoutedCircuit) else circuit
    require_zero_state(inner, "OpenQASM 3")
    defined = {} if routed is None else defined_gates(inner.gates, STDGATES)
    known = STDGATES | {name: name for name in defined}
    gates = tuple(in_library(inner.gates, known))
    angles = [angle for gate in gates for angle in gate.angles]
    inputs = [f"x{i}" for i in sorted({i for angle in angles for i, _ in angle.data})]
    inputs += [f"t{j}" for j in sorted({j for angle in angles for j, _ in angle.angles})]
    lines = ["OPENQASM 3.0;", 'include "stdgates.inc";', *readout_comments(inner)]
    if routed is None:
        names = tuple(f"q[{qubit}]" for qubit in range(inner.qubits))
    else:
        names = tuple(f"${physical}" for physical in routed.physical)
        lines += [f"// device {routed.device}", *_map_comments(names, routed)]
    lines += [*defined.values(), *(f"input float[64] {name};" for name in inputs)]
    if routed is None:
        lines.append(f"qubit[{inner.qubits}] q;")
    lines += [
        gate_call(known[gate.name], gate, (names[qubit] for qubit in gate.qubits)) for gate in gates
    ]
    return "\n".join(lines) + "\n"


def _map_comments(names: tuple[str, ...], routed: RoutedCircuit) -> list[str]:
    """Where q[k] of the read-out is, and where each logical qubit starts and ends."""
    lines = [f"// q[{compact}] is {name}" for compact, name in enumerate(names)]
    for logical, (start, end) in enumerate(zip(routed.initial, routed.final, strict=True)):
        lines.append(f"// logical qubit {logical}: from {names[start]} to {names[end]}")
    return lines
