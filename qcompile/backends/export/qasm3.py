"""OpenQASM 3 (Cross et al. 2022, arXiv:2104.14722): angles stay symbols, given as inputs."""

from __future__ import annotations

from qcompile.backends.export.standard_gates import (
    in_library,
    readout_comments,
    real_literal,
    require_zero_state,
)
from qcompile.ir.circuit import Affine, Circuit
from qcompile.ir.device import RoutedCircuit
from qcompile.ir.gates import GATES

STDGATES = {name: kind.qasm3 for name, kind in GATES.built_in.items() if kind.qasm3}


def write_qasm3(circuit: Circuit | RoutedCircuit) -> str:
    """Return the program with inputs x<i> for data[i] and t<j> for angles[j], those in use.

    Equal to the circuit up to a global phase. A routed circuit is written on the device's
    physical qubits `$k`. The read-out is given in comments; nothing is measured. Raises
    CompileError for an amplitude-encoded state.
    """
    routed = circuit if isinstance(circuit, RoutedCircuit) else None
    inner = circuit.circuit if isinstance(circuit, RoutedCircuit) else circuit
    require_zero_state(inner, "OpenQASM 3")
    gates = tuple(in_library(inner.gates, STDGATES))
    angles = [angle for gate in gates for angle in gate.angles]
    inputs = [f"x{i}" for i in sorted({i for angle in angles for i, _ in angle.data})]
    inputs += [f"t{j}" for j in sorted({j for angle in angles for j, _ in angle.angles})]
    lines = ["OPENQASM 3.0;", 'include "stdgates.inc";', *readout_comments(inner)]
    if routed is None:
        names = tuple(f"q[{qubit}]" for qubit in range(inner.qubits))
    else:
        names = tuple(f"${physical}" for physical in routed.physical)
        lines += [f"// device {routed.device}", *_map_comments(names, routed)]
    lines += [f"input float[64] {name};" for name in inputs]
    if routed is None:
        lines.append(f"qubit[{inner.qubits}] q;")
    for gate in gates:
        values = ", ".join(map(_expression, gate.angles))
        arguments = f"({values})" if values else ""
        wires = ", ".join(names[qubit] for qubit in gate.qubits)
        lines.append(f"{STDGATES[gate.name]}{arguments} {wires};")
    return "\n".join(lines) + "\n"


def _map_comments(names: tuple[str, ...], routed: RoutedCircuit) -> list[str]:
    """Where q[k] of the read-out is, and where each logical qubit starts and ends."""
    lines = [f"// q[{compact}] is {name}" for compact, name in enumerate(names)]
    for logical, (start, end) in enumerate(zip(routed.initial, routed.final, strict=True)):
        lines.append(f"// logical qubit {logical}: from {names[start]} to {names[end]}")
    return lines


def _expression(angle: Affine) -> str:
    terms = [(factor, f"x{index}") for index, factor in angle.data]
    terms += [(factor, f"t{index}") for index, factor in angle.angles]
    if angle.constant or not terms:
        terms.append((angle.constant, ""))
    text = ""
    for factor, symbol in terms:
        product = f"{real_literal(abs(factor))} * {symbol}" if abs(factor) != 1.0 else symbol
        shown = product if symbol else real_literal(abs(factor))
        if text:
            text += f" - {shown}" if factor < 0 else f" + {shown}"
        else:
            text = f"-{shown}" if factor < 0 else shown
    return text
