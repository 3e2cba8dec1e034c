"""Routed circuits against their logical ones, by values that pytket's simulator computes.

Nothing of the router is used: a wrong map or a lost gate shows as a wrong output.
"""

from __future__ import annotations

from typing import Any

from qcompile.ir.circuit import Affine, Circuit, Expectations, Gate, Pauli
from qcompile.ir.device import RoutedCircuit
from qcompile.ir.light_cone import light_cone, observables
from qcompile.ir.verification import VerificationError

MOST_QUBITS = 14
"""Of an output's light cone, in the routed circuit, up to which its value is compared."""

TOLERANCE = 1e-9
"""pytket keeps fifteen digits of an angle."""


def verify_routed_values(routed: RoutedCircuit, logical: Circuit) -> None:
    """Compare all outputs at one point, data and angles in ]-π, π[.

    Outputs that more than `MOST_QUBITS` qubits of the routed circuit reach are left out. Of
    probabilities, the expectation values of Z on each qubit and on all together are compared.

    Raises:
        VerificationError: an output differs.
    """
    import numpy as np

    drawn = np.random.default_rng(0)
    data = drawn.uniform(-np.pi, np.pi, logical.data_width)
    angles = drawn.uniform(-np.pi, np.pi, logical.angle_count)
    pairs = zip(_strings(logical), _strings(routed.circuit), strict=True)
    for output, (before, after) in enumerate(pairs):
        found = _value(routed.circuit, after, data, angles)
        if found is None:
            continue
        expected = _value(logical, before, data, angles)
        if expected is not None and abs(found - expected) > TOLERANCE:
            raise VerificationError(
                f"routed for {routed.device}, output {output} is {found:.6f}, not {expected:.6f}"
            )


def _strings(circuit: Circuit) -> tuple[Pauli, ...]:
    strings = observables(circuit.readout)
    if isinstance(circuit.readout, Expectations):
        return strings
    together = tuple(letter for string in strings for letter in string.letters)
    return (*strings, Pauli(letters=tuple(sorted(together))))


def _value(circuit: Circuit, string: Pauli, data: Any, angles: Any) -> float | None:
    """⟨string⟩; None where its light cone is too wide."""
    import numpy as np

    from qcompile.tket.to_pytket import gates_to_pytket

    gates = tuple(circuit.gates[index] for index in light_cone(circuit.gates, (string,)))
    qubits = sorted({q for gate in gates for q in gate.qubits} | {q for q, _ in string.letters})
    if len(qubits) > MOST_QUBITS:
        return None
    if not qubits:
        return float(string.sign)
    number = {qubit: index for index, qubit in enumerate(qubits)}
    bound = tuple(
        Gate(
            name=gate.name,
            qubits=tuple(number[qubit] for qubit in gate.qubits),
            angles=tuple(_bound(angle, data, angles) for angle in gate.angles),
        )
        for gate in gates
    )
    state = gates_to_pytket(len(qubits), bound).get_statevector().reshape((2,) * len(qubits))
    turned = state
    for qubit, letter in string.letters:
        turned = np.moveaxis(turned, number[qubit], 0)
        zero, one = turned[0], turned[1]
        match letter:
            case "X":
                turned = np.stack((one, zero))
            case "Y":
                turned = np.stack((-1j * one, 1j * zero))
            case "Z":
                turned = np.stack((zero, -one))
        turned = np.moveaxis(turned, 0, number[qubit])
    return float(string.sign * np.vdot(state, turned).real)


def _bound(angle: Affine, data: Any, angles: Any) -> Affine:
    value = angle.constant
    value += sum(factor * data[index] for index, factor in angle.data)
    value += sum(factor * angles[index] for index, factor in angle.angles)
    return Affine(constant=float(value))
