"""Identities of gates, against the matrices of their generators."""

from __future__ import annotations

import numpy as np
import pytest

from qcompile.ir.circuit import Affine, Gate
from qcompile.ir.decompose import Entangler, to_entangler
from qcompile.ir.gates import GATE_NAMES, GATES, GateName
from qcompile.testing.dense_oracle import dense_unitary

ANGLES = np.array([0.7, -1.9, 2.6])


@pytest.mark.parametrize("entangler", ["cx", "cz"])
@pytest.mark.parametrize("qubits", [(0, 1), (1, 0)])
@pytest.mark.parametrize("name", GATE_NAMES)
def test_identity_holds(name: GateName, qubits: tuple[int, int], entangler: Entangler) -> None:
    kind = GATES[name]
    gate = Gate(
        name=name,
        qubits=qubits[: kind.qubits],
        angles=tuple(Affine(constant=0.1, angles=((j, 1.5),)) for j in range(kind.angles)),
    )
    simple = to_entangler((gate,), entangler)
    assert {g.name for g in simple if len(g.qubits) == 2} <= {entangler}
    expected = dense_unitary((gate,), 2, np.zeros(0), ANGLES)
    found = dense_unitary(simple, 2, np.zeros(0), ANGLES)
    overlap = abs(np.trace(expected.conj().T @ found)) / 4
    assert overlap == pytest.approx(1.0, abs=1e-13)


def test_exchange_with_a_phase_costs_two_entanglers() -> None:
    simple = to_entangler((Gate(name="iswap", qubits=(0, 1)),), "cz")
    assert sum(len(gate.qubits) == 2 for gate in simple) == 2
