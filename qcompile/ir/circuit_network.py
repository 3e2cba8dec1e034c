"""⟨0|U†PU|0⟩ of one Pauli string as a tensor network over its light cone."""

from __future__ import annotations

from dataclasses import dataclass

from qcompile.ir.circuit import Circuit, Expectations
from qcompile.ir.circuit_analysis import depends_on_data
from qcompile.ir.light_cone import influence
from qcompile.ir.matrices import PauliLetter
from qcompile.ir.network import BATCH


@dataclass(frozen=True, slots=True, kw_only=True)
class GateOperand:
    """The matrix of `circuit.gates[gate]`, (2,) * 2k, or its complex conjugate.

    Axes: the k output qubits in the gate's order, then the k inputs. With data in the gate's
    angles a batch axis comes first.
    """

    gate: int
    conjugate: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterOperand:
    """A Pauli matrix, axes (bra, ket)."""

    letter: PauliLetter


@dataclass(frozen=True, slots=True, kw_only=True)
class ZeroOperand:
    """The vector |0⟩, (2,)."""


ObservableOperand = GateOperand | LetterOperand | ZeroOperand


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservableOperands:
    """sign · the contraction of all operands over all labels but `result`.

    The contraction is real up to rounding. Every label but `BATCH` occurs exactly twice and has
    extent 2. Without operands the contraction is 1.
    """

    operands: tuple[ObservableOperand, ...]
    labels: tuple[tuple[int, ...], ...]
    """Of each operand's axes, `BATCH` first where the gate depends on data."""
    result: tuple[int, ...]
    """(BATCH,) where an operand depends on data, else ()."""
    sign: int


def observable_operands(circuit: Circuit, output: int) -> ObservableOperands:
    """The network of one Pauli string of a circuit with ZeroState and Expectations.

    Operands in order: the gates of the cone, their conjugates in the same order, the letters by
    qubit, then two |0⟩ (ket, bra) for each qubit of the cone by qubit. Gates that cancel with
    their conjugates are not in the cone: see `qcompile.ir.light_cone.influence`.
    """
    if not isinstance(circuit.readout, Expectations):
        raise ValueError("probabilities are no Pauli strings")
    pauli = circuit.readout.paulis[output]
    cone = influence(circuit.gates, (pauli,))
    letters = dict(pauli.letters)
    qubits = sorted({q for k in cone for q in circuit.gates[k].qubits} | set(letters))
    ket = {qubit: BATCH + 1 + place for place, qubit in enumerate(qubits)}
    start, fresh = dict(ket), BATCH + 1 + len(qubits)
    forward: list[tuple[int, ...]] = []
    for k in cone:
        wires = circuit.gates[k].qubits
        inputs = tuple(ket[q] for q in wires)
        outputs = tuple(range(fresh, fresh + len(wires)))
        fresh += len(wires)
        ket.update(zip(wires, outputs, strict=True))
        forward.append(_batch(circuit, k) + outputs + inputs)
    bra = {qubit: ket[qubit] for qubit in qubits}
    observable: list[tuple[int, ...]] = []
    for qubit in letters:
        bra[qubit] = fresh
        observable.append((fresh, ket[qubit]))
        fresh += 1
    backward: list[tuple[int, ...]] = []
    for k in reversed(cone):
        wires = circuit.gates[k].qubits
        outputs = tuple(bra[q] for q in wires)
        inputs = tuple(range(fresh, fresh + len(wires)))
        fresh += len(wires)
        bra.update(zip(wires, inputs, strict=True))
        backward.append(_batch(circuit, k) + outputs + inputs)
    zeros = [(wires[qubit],) for qubit in qubits for wires in (start, bra)]
    return ObservableOperands(
        operands=(
            *(GateOperand(gate=k, conjugate=False) for k in cone),
            *(GateOperand(gate=k, conjugate=True) for k in cone),
            *(LetterOperand(letter=letter) for letter in letters.values()),
            *(ZeroOperand() for _ in zeros),
        ),
        labels=(*forward, *reversed(backward), *observable, *zeros),
        result=(BATCH,) if any(depends_on_data(circuit.gates[k]) for k in cone) else (),
        sign=pauli.sign,
    )


def _batch(circuit: Circuit, gate: int) -> tuple[int, ...]:
    return (BATCH,) if depends_on_data(circuit.gates[gate]) else ()
