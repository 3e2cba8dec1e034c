"""The text of circuits says everything that is in them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

from qcompile.ir.circuit import Affine, AmplitudeState, Circuit
from qcompile.ir.circuit_text import affine_text, circuit_text
from qcompile.testing.circuit_strategies import affines, circuits
from qcompile.testing.dense_oracle import angle


@given(affine=affines(3, 3))
def test_angles_read_back_exactly(affine: Affine) -> None:
    data, angles = np.array([0.3, -1.25, 7.0]), np.array([2.0, -0.125, 0.7])
    value = eval(affine_text(affine), {"__builtins__": {}}, {"x": data, "t": angles})
    assert value == pytest.approx(angle(affine, data, angles), abs=1e-14)


@given(circuit=circuits())
def test_one_line_for_every_gate(circuit: Circuit) -> None:
    lines = circuit_text(circuit).splitlines()
    encoded = isinstance(circuit.initial, AmplitudeState)
    assert len(lines) == 2 + encoded + len(circuit.gates)
    first = 1 + encoded
    for gate, line in zip(circuit.gates, lines[first:], strict=False):
        assert line.split("(")[0].split()[0] == gate.name
        assert line.endswith(" " + " ".join(map(str, gate.qubits)))
