"""Gates as the gates that they are made of, up to a global phase; angles stay affine.

Derivations of the rows' parts: Barenco et al. 1995 (quant-ph/9503016), Lemma 4.3 and corollaries,
for the controlled rotations.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from qcompile.ir.circuit import Affine, Gate
from qcompile.ir.gates import GATES

Entangler = Literal["cx", "cz"]


def parts(gate: Gate) -> tuple[Gate, ...]:
    """With few two-qubit gates; empty for gates that are not made of others."""
    return placed(GATES[gate.name].steps, gate.qubits, gate.angles)


def short_parts(gate: Gate) -> tuple[Gate, ...]:
    """Fewer, of any gates."""
    return placed(GATES[gate.name].short_steps, gate.qubits, gate.angles)


def placed(
    steps: Iterable[Gate], qubits: tuple[int, ...], angles: tuple[Affine, ...]
) -> tuple[Gate, ...]:
    """Steps on qubits 0, 1, … with angles t[0], t[1], … on the given ones."""
    return tuple(
        Gate(
            name=step.name,
            qubits=tuple(qubits[place] for place in step.qubits),
            angles=tuple(angle.substitute(angles) for angle in step.angles),
        )
        for step in steps
    )


def to_entangler(gates: Iterable[Gate], entangler: Entangler) -> tuple[Gate, ...]:
    """Rewrite two-qubit gates until only `entangler` is left; one-qubit gates stay."""
    result: list[Gate] = []
    for gate in gates:
        for simple in to_cx_and_cz(gate):
            if len(simple.qubits) == 1 or simple.name == entangler:
                result.append(simple)
            else:
                change = Gate(name="h", qubits=simple.qubits[1:])
                result += (change, Gate(name=entangler, qubits=simple.qubits), change)
    return tuple(result)


def to_cx_and_cz(gate: Gate) -> tuple[Gate, ...]:
    """Rewrite a two-qubit gate in cx, cz and one-qubit gates; other gates stay."""
    if len(gate.qubits) == 1 or gate.name in ("cx", "cz"):
        return (gate,)
    return tuple(simple for part in parts(gate) for simple in to_cx_and_cz(part))
