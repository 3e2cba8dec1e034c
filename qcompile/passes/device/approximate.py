"""Bound circuits on a device with fewer two-qubit gates, not exact, by a stated bound.

Where the angles of a block of gates on two qubits are numbers, so is its matrix. It takes at most
three two-qubit gates, and a matrix near it may take fewer. A gate that is left out loses nothing to
noise: as many are written as make a block's fidelity greatest under the calibrated error of the
coupling (arXiv:1811.12926, appendix B), and the outputs decide.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Any

from qcompile.ir.circuit import Affine, Circuit, Expectations, Gate, ZeroState
from qcompile.ir.circuit_analysis import two_qubit_gates
from qcompile.ir.device import Device, RoutedCircuit, gates_of
from qcompile.ir.light_cone import observables
from qcompile.passes.device.lexi_route import gates_on
from qcompile.passes.device.native_gates import normal_form
from qcompile.passes.device.on_device import on_device
from qcompile.passes.device.predict import attenuations


@dataclass(frozen=True, slots=True, kw_only=True)
class Approximation:
    """A circuit in the place of another one."""

    routed: RoutedCircuit
    bound: float
    """By how much an output, a mean of ±1, can differ from that of the exact circuit; 0: exact."""


SHARES = (0.0, 0.25, 0.5, 1.0)
"""Of a gate's error that a block may lose by leaving it out. Fidelities are averages over states,
and several blocks may err in one direction, so that less can be better."""

SIMULATED = 14
"""Qubits up to which outputs are computed; beyond, a bound stands for their deviation."""


def approximated(routed: RoutedCircuit, device: Device) -> Approximation:
    """Write blocks of numbers on couplings with fewer gates, and keep what loses least.

    Compared are the mean errors of the outputs: what noise is predicted to take of them, and their
    deviation from the exact ones. Gates with data or trained angles stay as they are; where nothing
    is gained, the circuit is the same.
    """
    kept = Approximation(routed=routed, bound=0.0)
    if normal_form(device).rzz != "none":
        # A rotation about ZZ is one gate there.
        return kept
    values = _values(routed.circuit)
    found = {kept.routed.circuit: kept}
    for share in SHARES:
        candidate = _written(routed, device, share)
        found.setdefault(candidate.routed.circuit, candidate)
    return min(found.values(), key=lambda one: (_error(one, values, device), one.bound))


def _error(candidate: Approximation, exact: Sequence[float] | None, device: Device) -> float:
    circuit, physical = candidate.routed.circuit, candidate.routed.physical
    left = attenuations(circuit.gates, circuit.readout, device, mitigated=True, physical=physical)
    if exact is None:
        return fmean(1.0 - factor for factor in left) + candidate.bound
    values = exact if candidate.bound == 0.0 else _values(circuit)
    assert values is not None
    return fmean(
        (1.0 - factor) * abs(wanted) + abs(value - wanted)
        for factor, value, wanted in zip(left, values, exact, strict=True)
    )


def _values(circuit: Circuit) -> tuple[float, ...] | None:
    """Of the strings that are read, without noise; None where they are not known or too wide."""
    from qiskit.quantum_info import SparsePauliOp, Statevector

    from qcompile.qiskit.to_qiskit import to_qiskit

    if circuit.qubits > SIMULATED or not _is_constant(circuit.gates):
        return None
    state = Statevector(to_qiskit(circuit))
    found = []
    for pauli in observables(circuit.readout):
        letters = "".join(letter for _, letter in pauli.letters)
        term = letters, [qubit for qubit, _ in pauli.letters], float(pauli.sign)
        operator = SparsePauliOp.from_sparse_list([term], circuit.qubits)
        found.append(float(state.expectation_value(operator).real))
    return tuple(found)


def _written(routed: RoutedCircuit, device: Device, share: float) -> Approximation:
    gates: list[Gate] = []
    bound = 0.0
    for block in _blocks(gates_on(routed.circuit.gates, routed.physical)):
        shorter = _shorter(block, device, share) if _is_constant(block) else None
        gates.extend(block if shorter is None else shorter[0])
        bound += 0.0 if shorter is None else shorter[1]
    if two_qubit_gates(gates) == two_qubit_gates(routed.circuit.gates):
        return Approximation(routed=routed, bound=0.0)
    readout, seen = routed.circuit.readout, set[int]()
    if isinstance(readout, Expectations):
        letters = (pair for pauli in readout.paulis for pair in pauli.letters)
        seen = {routed.physical[qubit] for qubit, letter in letters if letter != "Z"}
    native = on_device(gates, device, set(routed.physical) - seen)
    number = {qubit: index for index, qubit in enumerate(routed.physical)}
    circuit = replace(routed.circuit, gates=gates_on(native, number))
    return Approximation(routed=replace(routed, circuit=circuit), bound=min(bound, 2.0))


def _is_constant(block: Iterable[Gate]) -> bool:
    return all(angle.is_constant for gate in block for angle in gate.angles)


def _blocks(gates: Iterable[Gate]) -> Iterator[tuple[Gate, ...]]:
    """The gates, in an order that is as good: runs of numbers on two qubits are together."""
    waiting: dict[int, list[Gate]] = {}
    """By qubit, the block that it is in; two qubits may have one in common."""

    def closed(qubit: int) -> Iterator[tuple[Gate, ...]]:
        block = waiting.pop(qubit, None)
        if block is not None:
            for other in [q for q, found in waiting.items() if found is block]:
                del waiting[other]
            yield tuple(block)

    for gate in gates:
        if not _is_constant((gate,)):
            for qubit in gate.qubits:
                yield from closed(qubit)
            yield (gate,)
            continue
        first, last = gate.qubits[0], gate.qubits[-1]
        if waiting.get(first) is not waiting.get(last) or first not in waiting:
            for qubit in gate.qubits:
                # Gates of one qubit alone come along.
                if qubit in waiting and any(len(g.qubits) == 2 for g in waiting[qubit]):
                    yield from closed(qubit)
            merged = [g for qubit in gate.qubits for g in waiting.get(qubit, ())]
            waiting.update(dict.fromkeys(gate.qubits, merged))
        waiting[first].append(gate)
    while waiting:
        yield from closed(next(iter(waiting)))


def _shorter(
    block: tuple[Gate, ...], device: Device, share: float
) -> tuple[tuple[Gate, ...], float] | None:
    """The block with fewer two-qubit gates, and the bound; None where it stays."""
    from qiskit.circuit.library import CXGate, CZGate
    from qiskit.quantum_info import Operator
    from qiskit.synthesis import TwoQubitBasisDecomposer

    from qcompile.qiskit.to_qiskit import to_qiskit

    pairs = [gate for gate in block if len(gate.qubits) == 2]
    if len(pairs) < 2:
        # One gate on its own is far from none.
        return None
    qubits = tuple(sorted(pairs[0].qubits))
    number = {qubit: index for index, qubit in enumerate(qubits)}
    small = Circuit(
        qubits=2,
        data_width=0,
        angle_count=0,
        initial=ZeroState(),
        gates=gates_on(block, number),
        readout=Expectations(paulis=()),
    )
    known = gates_of(device)
    error = share * max(known[gate.name, gate.qubits].error or 0.0 for gate in pairs)
    basis = CZGate() if normal_form(device).entangler == "cz" else CXGate()
    decomposer = TwoQubitBasisDecomposer(basis, basis_fidelity=1.0 - error, euler_basis="ZSX")
    exact = Operator(to_qiskit(small)).data
    found = decomposer(exact, approximate=error > 0.0)
    gates = tuple(
        Gate(
            name=step.operation.name,
            qubits=tuple(qubits[found.find_bit(qubit).index] for qubit in step.qubits),
            angles=tuple(Affine(constant=float(angle)) for angle in step.operation.params),
        )
        for step in found.data
    )
    if two_qubit_gates(gates) >= len(pairs):
        return None
    return gates, _bound(exact, Operator(found).data)


def _bound(exact: Any, written: Any) -> float:
    """Most by which a mean of ±1 can differ after one of two unitaries instead of the other.

    States after them have an overlap of cos(arc / 2) at least, where `arc` is the shortest one that
    holds all eigenvalues of U† V, and a trace distance of sin(arc / 2) at most.
    """
    import numpy as np

    turns = np.sort(np.angle(np.linalg.eigvals(exact.conj().T @ written)))
    gaps = np.diff(np.append(turns, turns[0] + 2 * math.pi))
    arc = 2 * math.pi - float(gaps.max())
    if arc < 1e-7:
        # Rounding of an exact decomposition.
        return 0.0
    return 2.0 * math.sin(min(arc, math.pi) / 2)
