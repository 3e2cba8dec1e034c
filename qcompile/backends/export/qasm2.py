"""OpenQASM 2 (Cross et al. 2017, arXiv:1707.03429): circuits with all angles bound."""

from __future__ import annotations

import math
from collections.abc import Sequence

from qcompile.backends.export.standard_gates import (
    in_library,
    readout_comments,
    real_literal,
    require_zero_state,
)
from qcompile.ir.circuit import Affine, Circuit
from qcompile.ir.gates import GATES

QELIB = {name: kind.qasm2 for name, kind in GATES.built_in.items() if kind.qasm2}


def write_qasm2(circuit: Circuit, data: Sequence[float], angles: Sequence[float]) -> str:
    """Return the program for one row of data (data_width,) and angles (angle_count,).

    Equal to the circuit up to a global phase. The read-out is given in comments; nothing is
    measured. Raises CompileError for an amplitude-encoded state, ValueError for values of the
    wrong number or that are not finite.
    """
    require_zero_state(circuit, "OpenQASM 2")
    if len(data) != circuit.data_width or len(angles) != circuit.angle_count:
        raise ValueError(f"{circuit.data_width} data and {circuit.angle_count} angles are needed")
    lines = ["OPENQASM 2.0;", 'include "qelib1.inc";', *readout_comments(circuit)]
    lines.append(f"qreg q[{circuit.qubits}];")
    for gate in in_library(circuit.gates, QELIB):
        values = ",".join(real_literal(_value(angle, data, angles)) for angle in gate.angles)
        arguments = f"({values})" if values else ""
        wires = ",".join(f"q[{qubit}]" for qubit in gate.qubits)
        lines.append(f"{QELIB[gate.name]}{arguments} {wires};")
    return "\n".join(lines) + "\n"


def _value(angle: Affine, data: Sequence[float], angles: Sequence[float]) -> float:
    value = angle.constant
    value += sum(factor * float(data[index]) for index, factor in angle.data)
    value += sum(factor * float(angles[index]) for index, factor in angle.angles)
    if not math.isfinite(value):
        raise ValueError("an angle is not finite")
    return value
