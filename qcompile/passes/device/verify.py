"""Routed circuits against their logical ones, by values that pytket's matrices give.

Nothing of the router is used: a wrong map or a lost gate shows as a wrong output.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import combinations
from typing import Any

from qcompile.ir.circuit import Affine, Circuit, Expectations, Gate, Pauli, Probabilities
from qcompile.ir.device import RoutedCircuit
from qcompile.ir.gates import GateName
from qcompile.ir.light_cone import light_cone
from qcompile.ir.matrices import PauliLetter
from qcompile.ir.verification import VerificationError

MOST_QUBITS = 14
"""Of an output's light cone, in the routed circuit, up to which its value is compared."""

AXES: tuple[GateName, GateName] = ("ry", "rz")
Z: PauliLetter = "Z"

TOLERANCE = 1e-9
"""pytket keeps fifteen digits of an angle."""


def verify_routed_values(routed: RoutedCircuit, logical: Circuit) -> None:
    """Compare all outputs at one point, data and angles in ]-π, π[.

    Before both circuits each logical qubit is turned to a state of its own, so that wrong places
    at the start show as well. Outputs that more than `MOST_QUBITS` qubits of the routed circuit
    reach are left out. Of probabilities, the expectation values of Z on every set of up to three
    qubits, and on all together, are compared.

    Raises:
        VerificationError: an output differs.
    """
    import numpy as np

    drawn = np.random.default_rng(0)
    data = drawn.uniform(-np.pi, np.pi, logical.data_width)
    angles = drawn.uniform(-np.pi, np.pi, logical.angle_count)
    turns = drawn.uniform(-np.pi, np.pi, (logical.qubits, 2))
    before_logical = _turned(range(logical.qubits), turns)
    before_routed = _turned(routed.initial, turns)
    logical = replace(logical, gates=before_logical + logical.gates)
    inner = replace(routed.circuit, gates=before_routed + routed.circuit.gates)
    pairs = zip(_strings(logical), _strings(inner), strict=True)
    for output, (before, after) in enumerate(pairs):
        found = _value(inner, after, data, angles)
        if found is None:
            continue
        expected = _value(logical, before, data, angles)
        if expected is not None and abs(found - expected) > TOLERANCE:
            raise VerificationError(
                f"routed for {routed.device}, output {output} is {found:.6f}, not {expected:.6f}"
            )


def _turned(places: Iterable[int], turns: Any) -> tuple[Gate, ...]:
    """Two rotations on each place."""
    return tuple(
        Gate(name=name, qubits=(place,), angles=(Affine(constant=float(angle)),))
        for place, angles in zip(places, turns, strict=True)
        for name, angle in zip(AXES, angles, strict=True)
    )


def _strings(circuit: Circuit) -> tuple[Pauli, ...]:
    match circuit.readout:
        case Expectations(paulis=paulis):
            return paulis
        case Probabilities(qubits=qubits):
            sizes = sorted({*range(1, min(3, len(qubits)) + 1), len(qubits)})
            sets = (chosen for size in sizes for chosen in combinations(qubits, size))
            return tuple(Pauli(letters=tuple(sorted((q, Z) for q in chosen))) for chosen in sets)


def _value(circuit: Circuit, string: Pauli, data: Any, angles: Any) -> float | None:
    """⟨string⟩; None where its light cone is too wide."""
    import numpy as np

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
    state = _state(len(qubits), bound)
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


def _state(qubits: int, gates: tuple[Gate, ...]) -> Any:
    """The state that gates without symbols make of |0…0⟩, (2,) * qubits; pytket's matrices.

    pytket's own simulator takes eleven qubits.
    """
    import numpy as np

    from qcompile.tket.to_pytket import gates_to_pytket

    state = np.zeros((2,) * qubits, dtype=complex)
    state[(0,) * qubits] = 1.0
    for command in gates_to_pytket(qubits, gates).get_commands():
        places = [qubit.index[0] for qubit in command.qubits]
        count = len(places)
        matrix = command.op.get_unitary().reshape((2,) * (2 * count))
        state = np.tensordot(matrix, state, (range(count, 2 * count), places))
        state = np.moveaxis(state, range(count), places)
    return state


def _bound(angle: Affine, data: Any, angles: Any) -> Affine:
    value = angle.constant
    value += sum(factor * data[index] for index, factor in angle.data)
    value += sum(factor * angles[index] for index, factor in angle.angles)
    return Affine(constant=float(value))
