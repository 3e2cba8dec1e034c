"""Twirling: random Pauli gates around two-qubit gates that leave the circuit what it is.

Averaged over them, whatever noise a two-qubit gate has acts as random Pauli errors, so that
coherent errors do not add up (arXiv:1512.01098). The gates go into the phases of pulses that are
there anyway: an rz of π before an sx is a Y after it. What they do to the state is followed to
the end of the circuit (a Pauli frame), where it flips what is read, so that no pulse is added.
"""

from __future__ import annotations

import math
from dataclasses import replace
from random import Random

from qcompile.ir.circuit import Affine, Circuit, Expectations, Gate, Pauli
from qcompile.ir.gate_algebra import are_inverse
from qcompile.ir.gates import GATES
from qcompile.ir.heisenberg import conjugate_pauli

TWIRLS = 8
"""Random choices, among which the shots of a value are shared out."""

PHASES = ("rz", "phase")
PULSES = ("sx", "x")


def not_twirled(circuit: Circuit) -> str | None:
    """A gate through which Pauli gates cannot be followed; None: there is none."""
    for gate in circuit.gates:
        if len(gate.qubits) == 1:
            known = gate.name in PHASES or gate.name in PULSES
        else:
            known = GATES[gate.name].images is not None and are_inverse(gate, gate)
        if not known:
            return gate.name
    return None


def twirled(circuit: Circuit, number: int) -> Circuit:
    """One of the random choices, the same for equal circuits and numbers."""
    drawn = Random(number)
    phase = next((gate.name for gate in circuit.gates if gate.name in PHASES), "rz")
    frame = ["I"] * circuit.qubits
    gates: list[Gate] = []

    def inject(qubit: int) -> bool:
        if drawn.random() < 0.5:
            return False
        gates.append(Gate(name=phase, qubits=(qubit,), angles=(Affine(constant=math.pi),)))
        return True

    for gate in circuit.gates:
        if gate.name in PHASES:
            flips = frame[gate.qubits[0]] in "XY"
            turned = tuple(angle.times(-1.0) if flips else angle for angle in gate.angles)
            gates.append(replace(gate, angles=turned))
            continue
        for qubit in gate.qubits:
            if gate.name != "x" and inject(qubit):
                frame[qubit] = _product(frame[qubit], "Z")
        gates.append(gate)
        _follow(frame, gate)
    return _read(replace(circuit, gates=tuple(gates)), frame)


def _follow(frame: list[str], gate: Gate) -> None:
    """From before a gate that is its own inverse up to Pauli gates to after it."""
    letters = [(qubit, frame[qubit]) for qubit in sorted(gate.qubits) if frame[qubit] != "I"]
    image = conjugate_pauli(Pauli(letters=tuple(letters)), gate)  # type: ignore[arg-type]
    after = dict(image.letters)
    for qubit in gate.qubits:
        frame[qubit] = after.get(qubit, "I")


def _product(first: str, second: str) -> str:
    """Of two Pauli letters, without the phase."""
    if "I" in (first, second):
        return first if second == "I" else second
    return "I" if first == second else next(iter({"X", "Y", "Z"} - {first, second}))


def _read(circuit: Circuit, frame: list[str]) -> Circuit:
    flipped = {qubit for qubit, letter in enumerate(frame) if letter in "XY"}
    if not isinstance(circuit.readout, Expectations):
        back = (Gate(name="sx", qubits=(qubit,)) for qubit in sorted(flipped) for _ in range(2))
        return replace(circuit, gates=(*circuit.gates, *back))
    strings = tuple(
        replace(pauli, sign=-pauli.sign)
        if sum(qubit in flipped for qubit, _ in pauli.letters) % 2
        else pauli
        for pauli in circuit.readout.paulis
    )
    return replace(circuit, readout=Expectations(paulis=strings))
