"""Which gates an observable can see."""

from __future__ import annotations

from qcompile.ir.circuit import AmplitudeState, Circuit, Expectations, Gate, Pauli, Readout
from qcompile.ir.circuit_analysis import used_angles, used_data
from qcompile.ir.gate_algebra import commute, commutes_with_pauli
from qcompile.ir.gates import GateName


def observables(readout: Readout) -> tuple[Pauli, ...]:
    """The strings that determine the outputs; for probabilities Z on every qubit that is read.

    A gate that commutes with each of these Z commutes with every projector on an outcome.
    """
    match readout:
        case Expectations(paulis=paulis):
            return paulis
        case _:
            return tuple(Pauli(letters=((qubit, "Z"),)) for qubit in readout.qubits)


def light_cone(gates: tuple[Gate, ...], strings: tuple[Pauli, ...]) -> tuple[int, ...]:
    """Indices, ascending, of the gates connected to one of the strings by qubits."""
    support = {qubit for string in strings for qubit, _ in string.letters}
    kept = []
    for index in range(len(gates) - 1, -1, -1):
        if not support.isdisjoint(gates[index].qubits):
            support.update(gates[index].qubits)
            kept.append(index)
    return tuple(reversed(kept))


def influence(gates: tuple[Gate, ...], strings: tuple[Pauli, ...]) -> tuple[int, ...]:
    """Indices, ascending, of the gates that remain when commuting ones have met their inverses.

    In U†PU a gate that commutes with P and with all remaining later gates cancels.
    """
    touching: dict[int, list[Pauli]] = {}
    for string in strings:
        for qubit, _ in string.letters:
            touching.setdefault(qubit, []).append(string)
    later, kept = LaterGates(), []
    for index in range(len(gates) - 1, -1, -1):
        gate = gates[index]
        seen = (string for qubit in gate.qubits for string in touching.get(qubit, ()))
        if all(commutes_with_pauli(gate, string) for string in seen) and later.let_pass(gate):
            continue
        kept.append(index)
        later.keep(gate)
    return tuple(reversed(kept))


def influential_angles(circuit: Circuit) -> frozenset[int]:
    """Trainable angles that the outputs can depend on."""
    kept = influence(circuit.gates, observables(circuit.readout))
    return used_angles(circuit.gates[index] for index in kept)


def influential_data(circuit: Circuit) -> frozenset[int]:
    """Elements of the data that the outputs can depend on."""
    strings = observables(circuit.readout)
    kept = influence(circuit.gates, strings)
    found = used_data(circuit.gates[index] for index in kept)
    match circuit.initial:
        case AmplitudeState(offset=offset, width=width) if any(s.letters for s in strings):
            return found | frozenset(range(offset, offset + width))
        case _:
            return found


class LaterGates:
    """The gates kept behind a place in a circuit, by what matters for commuting with them."""

    def __init__(self) -> None:
        # Whether gates commute depends on names and qubits only, so equal ones count once.
        self._kinds: dict[int, dict[tuple[GateName, tuple[int, ...]], Gate]] = {}

    def keep(self, gate: Gate) -> None:
        """Count `gate` among them."""
        for qubit in gate.qubits:
            self._kinds.setdefault(qubit, {})[gate.name, gate.qubits] = gate

    def let_pass(self, gate: Gate) -> bool:
        """Whether `gate` commutes with all of them."""
        return all(
            commute(gate, other)
            for qubit in gate.qubits
            for other in self._kinds.get(qubit, {}).values()
        )
