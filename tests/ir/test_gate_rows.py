"""Rows of gates: the text of their parts, and which rows are refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from qcompile.ir.circuit import Circuit
from qcompile.ir.circuit_text import gate_text, gates_from_text
from qcompile.ir.gates import GATES, GateKind, defect_of_gate
from qcompile.testing.circuit_strategies import circuits


@given(circuits())
def test_gates_are_read_as_they_are_printed(circuit: Circuit) -> None:
    for separator in ("\n", "; "):
        assert gates_from_text(separator.join(map(gate_text, circuit.gates))) == circuit.gates


@pytest.mark.parametrize("text", ["rz(t[0]", "rz t[0] 0", "h", "rz(2*t) 0", "rz(t[0]*2) 0", "H 0"])
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(ValueError):
        gates_from_text(text)


@pytest.mark.parametrize("name", [name for name, kind in GATES.built_in.items() if kind.parts])
def test_what_has_parts_is_well_formed(name: str) -> None:
    assert defect_of_gate(GATES[name]) is None


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"qubits": 3, "parts": "cx 0 2"}, "it acts on 3 qubits"),
        ({"parts": "cx 0 1", "angles": 9}, "it has 9 angles; 8 are the most"),
        ({"axis": "ZZ", "angles": 1}, "it has no parts"),
        ({"parts": "ccx 0 1"}, "its part `ccx 0 1` is no gate of qcompile"),
        ({"parts": "cx 0"}, "its part `cx 0` has 2 qubits and 0 angles"),
        ({"parts": "rx 0"}, "its part `rx 0` has 1 qubits and 1 angles"),
        ({"parts": "cx 0 2"}, "its part `cx 0 2` acts on other qubits"),
        ({"parts": "cx 1 1"}, "its part `cx 1 1` acts on other qubits"),
        ({"parts": "rx(t[1]) 0", "angles": 1}, "its part `rx(t[1]) 0` has other angles"),
        ({"parts": "rx(x[0]) 0", "angles": 1}, "its part `rx(x[0]) 0` has other angles"),
        ({"parts": "cx 0 1", "axis": "ZZ"}, "a gate about an axis has one angle"),
        ({"parts": "cx 0 1", "controlled": "cx"}, "it controls `cx`"),
        ({"parts": "cx 0 1", "matrix": (1, 0, 0, 1)}, "a matrix has 16 entries"),
        ({"parts": "cx 0 1", "matrix": (1,) * 16}, "its matrix is not unitary"),
        ({"parts": "cx 0 1", "controlled": "z"}, "its parts do not make its matrix"),
        ({"parts": "cx 0 1", "shorter": "cz 0 1"}, "its parts do not make its matrix"),
        (
            {"qubits": 1, "parts": "x 0; z 0; x 0", "matrix": (1, 0, 0, -1)},
            "its parts do not make its matrix",
        ),
    ],
)
def test_rows_that_are_not_well_formed(row: dict[str, Any], reason: str) -> None:
    found = defect_of_gate(GateKind(meaning="none", **({"qubits": 2} | row)))
    assert found is not None and found.startswith(reason), found


def test_facts_follow_from_parts() -> None:
    tour = GateKind(
        meaning="of four angles",
        qubits=2,
        angles=4,
        parts="rz(t[0]) 0; rx(t[1]) 0; ry(t[2]) 1; cphase(t[3]) 1 0",
    )
    assert defect_of_gate(tour) is None
    assert tour.starts_as_identity and not tour.reversible and not tour.additive
    assert not tour.real and not tour.keeps_zero and tour.images is None and tour.turn is None
    late = GateKind(meaning="off by a quarter", qubits=1, angles=1, parts="s 0; rz(t[0]) 0")
    assert late.diagonal and late.keeps_zero
    assert not late.starts_as_identity and not late.additive and not late.reversible
    ising = GateKind(meaning="as rzz", qubits=2, angles=1, parts="rzz(t[0]) 1 0")
    assert ising.turn == ("rzz", 0.0) and ising.symmetric
    root = GateKind(meaning="as cz, by parts", qubits=2, parts="h 1; cx 0 1; h 1")
    assert root.conditional and root.clifford and root.undoes(GATES["cz"])
