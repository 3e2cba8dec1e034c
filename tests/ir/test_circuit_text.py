"""The text of circuits says everything that is in them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

from qcompile.ir.circuit import Affine, AmplitudeState, Circuit
from qcompile.ir.circuit_text import affine_text, circuit_from_text, circuit_text
from qcompile.testing.circuit_strategies import affines, circuits
from qcompile.testing.dense_oracle import angle


@given(affine=affines(3, 3))
def test_angles_read_back_exactly(affine: Affine) -> None:
    data, angles = np.array([0.3, -1.25, 7.0]), np.array([2.0, -0.125, 0.7])
    value = eval(affine_text(affine), {"__builtins__": {}}, {"x": data, "t": angles})
    assert value == pytest.approx(angle(affine, data, angles), abs=1e-14)


@given(circuit=circuits())
def test_circuits_read_back_exactly(circuit: Circuit) -> None:
    assert circuit_from_text(circuit_text(circuit)) == circuit


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("2 qubits", "two qubits"),
        ("1 gates", "2 gates"),
        ("-> 1", "-> 2"),
        ("  h 0\n", "  0 h\n"),
        ("measure Z0", "measure Q0"),
        ("measure Z0", "read Z0"),
        ("\n  h 0\n  measure Z0", ""),
    ],
)
def test_what_is_no_circuit_is_refused(before: str, after: str) -> None:
    text = "circuit 2 qubits, 0 data, 0 angles, 1 gates -> 1\n  h 0\n  measure Z0\n"
    assert circuit_from_text(text).gates[0].name == "h"
    with pytest.raises(ValueError, match=r"`|outputs"):
        circuit_from_text(text.replace(before, after))


@given(circuit=circuits())
def test_one_line_for_every_gate(circuit: Circuit) -> None:
    lines = circuit_text(circuit).splitlines()
    encoded = isinstance(circuit.initial, AmplitudeState)
    assert len(lines) == 2 + encoded + len(circuit.gates)
    first = 1 + encoded
    for gate, line in zip(circuit.gates, lines[first:], strict=False):
        assert line.split("(")[0].split()[0] == gate.name
        assert line.endswith(" " + " ".join(map(str, gate.qubits)))
