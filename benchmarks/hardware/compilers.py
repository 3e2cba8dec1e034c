"""Compilers side by side: each makes of a case what runs on a device, for every binding."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.hardware.families import Case
from qcompile.ir.circuit import Affine, Circuit, Expectations, Gate
from qcompile.testing.dense_oracle import angle as value_of
from qcompile.testing.noisy_device import NoisyDevice, NoisyGate, NoisyProgram

Compiled = list[NoisyProgram]
"""One program a binding."""

SEEDS, SEEDS_LARGE = range(5), range(3)
"""Of Qiskit; the latter for more than eight qubits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiler:
    name: str
    run: Callable[[Case, NoisyDevice, str], list[Compiled]]
    """(case, device, its name) → what it makes with each seed."""
    ours: bool = False


def _bound(gates: tuple[Gate, ...], data: np.ndarray, angles: np.ndarray) -> tuple[Gate, ...]:
    return tuple(
        Gate(
            name=gate.name,
            qubits=gate.qubits,
            angles=tuple(Affine(constant=value_of(a, data, angles)) for a in gate.angles),
        )
        for gate in gates
    )


def ours(level: int, mitigate: str) -> Callable[[Case, NoisyDevice, str], list[Compiled]]:
    def run(case: Case, device: NoisyDevice, name: str) -> list[Compiled]:
        routed = compiled(case.circuit, name, level, mitigate)
        strings = routed.circuit.readout
        assert isinstance(strings, Expectations)
        outputs = tuple(
            (pauli.sign, tuple(routed.physical[q] for q, _ in pauli.letters))
            for pauli in strings.paulis
        )
        programs = []
        for data, angles in case.bindings():
            gates = _bound(routed.circuit.gates, data, angles)
            operations = tuple(
                NoisyGate(
                    gate.name,
                    tuple(routed.physical[q] for q in gate.qubits),
                    tuple(angle.constant for angle in gate.angles),
                )
                for gate in gates
            )
            programs.append(NoisyProgram(operations, outputs))
        return [programs]

    return run


def compiled(circuit: Circuit, name: str, level: int, mitigate: str) -> Any:
    """The routed circuit that a compilation makes with the objective `fidelity`."""
    from qcompile.backends.devices import load_device
    from qcompile.ir.target import NamedDevice, Target
    from qcompile.passes.base import CircuitPass, Context
    from qcompile.passes.device.route import route
    from qcompile.passes.pipeline import device_passes, preset

    choice = NamedDevice(name=f"fake_{name}")
    target = Target(name="t", device=choice, optimise="fidelity", mitigate=mitigate)
    context = Context(target=target, device=load_device(choice), optimisation=level)
    pipeline = preset(level)
    for step in pipeline.passes:
        if isinstance(step, CircuitPass):
            circuit = step.run(circuit, context)
    found = route(circuit, device_passes(pipeline, context), context)
    assert found is not None
    return found.best


def _to_qiskit(gates: tuple[Gate, ...], case: Case) -> Any:
    from qiskit import QuantumCircuit

    circuit = QuantumCircuit(case.qubits, len(case.measured))
    for gate in gates:
        getattr(circuit, gate.name)(*(a.constant for a in gate.angles), *gate.qubits)
    circuit.measure(case.measured, range(len(case.measured)))
    return circuit


def _read(circuit: Any, outputs: int) -> NoisyProgram:
    """A Qiskit circuit on physical qubits with measurements."""
    where: dict[Any, int] = {bit: index for index, bit in enumerate(circuit.qubits)}
    last = {
        where[qubit]: position
        for position, item in enumerate(circuit.data)
        for qubit in item.qubits
        if item.operation.name != "barrier"
    }
    operations: list[NoisyGate] = []
    measured: dict[int, int | tuple[int, tuple[int, ...]]] = {}
    for position, item in enumerate(circuit.data):
        places = tuple(where[qubit] for qubit in item.qubits)
        match item.operation.name:
            case "barrier" | "delay":
                pass
            case "measure":
                bit = circuit.find_bit(item.clbits[0]).index
                if last[places[0]] > position:
                    measured[bit] = len(operations)
                    operations.append(NoisyGate("measure", places))
                else:
                    measured[bit] = (1, places)
            case name:
                angles = tuple(float(value) for value in item.operation.params)
                operations.append(NoisyGate(name, places, angles))
    return NoisyProgram(tuple(operations), tuple(measured[bit] for bit in range(outputs)))


def qiskit(level: int) -> Callable[[Case, NoisyDevice, str], list[Compiled]]:
    def run(case: Case, device: NoisyDevice, name: str) -> list[Compiled]:
        from qiskit import transpile

        found = []
        for seed in SEEDS if case.qubits <= 8 else SEEDS_LARGE:
            circuits = transpile(
                list(_qiskit_circuits(case)),
                backend=device.backend,
                optimization_level=level,
                seed_transpiler=seed,
                num_processes=1,
            )
            found.append([_read(circuit, len(case.measured)) for circuit in circuits])
        return found

    return run


def _qiskit_circuits(case: Case) -> Iterator[Any]:
    for data, angles in case.bindings():
        gates = _bound(case.circuit.gates, data, angles)
        yield _to_qiskit(gates, case)


def _tket_circuits(case: Case) -> Iterator[Any]:
    from qcompile.tket.to_pytket import gates_to_pytket

    for data, angles in case.bindings():
        circuit = gates_to_pytket(case.qubits, _bound(case.circuit.gates, data, angles))
        circuit.add_c_register("c", len(case.measured))
        for bit, qubit in enumerate(case.measured):
            circuit.Measure(qubit, bit)
        yield circuit


def tket_default(case: Case, device: NoisyDevice, name: str) -> list[Compiled]:
    from pytket.extensions.qiskit import IBMQBackend, tk_to_qiskit

    backend = device.backend
    step = IBMQBackend.default_compilation_pass_offline(
        backend.configuration(), backend.properties(), 2
    )
    programs = []
    for circuit in _tket_circuits(case):
        step.apply(circuit)
        programs.append(_read(tk_to_qiskit(circuit), len(case.measured)))
    return [programs]


def tket_noise_aware(case: Case, device: NoisyDevice, name: str) -> list[Compiled]:
    """On the largest connected part of working couplings."""
    import networkx as nx
    from pytket.architecture import Architecture
    from pytket.circuit import Node, OpType
    from pytket.extensions.qiskit import tk_to_qiskit
    from pytket.passes import (
        AutoRebase,
        AutoSquash,
        CliffordSimp,
        CXMappingPass,
        KAKDecomposition,
        RebaseTket,
        RemoveRedundancies,
        SynthesiseTket,
    )
    from pytket.placement import NoiseAwarePlacement
    from pytket.transform import Transform

    entangler = next(g for g in ("cz", "ecr", "cx") if g in device.target.operation_names)
    kind = {"cz": OpType.CZ, "ecr": OpType.ECR, "cx": OpType.CX}[entangler]
    live = {
        pair: entry.error
        for pair, entry in device.target[entangler].items()
        if entry is not None and entry.error is not None and entry.error < 1
    }
    graph = nx.Graph(list(live))
    part = max(nx.connected_components(graph), key=len)
    live = {pair: error for pair, error in live.items() if pair[0] in part}
    arch = Architecture([(a, b) for a, b in live])
    links = {}
    for (a, b), error in live.items():
        links[Node(a), Node(b)] = error
        links.setdefault((Node(b), Node(a)), error)
    nodes = {Node(q): device.target["sx"][q,].error for q in part}
    reading = {Node(q): sum(device.reading(q)) / 2 for q in part}
    placement = NoiseAwarePlacement(arch, nodes, links, reading)
    programs = []
    for circuit in _tket_circuits(case):
        CXMappingPass(arch, placement, directed_cx=False, delay_measures=True).apply(circuit)
        KAKDecomposition(allow_swaps=False).apply(circuit)
        CliffordSimp(False).apply(circuit)
        SynthesiseTket().apply(circuit)
        if entangler == "ecr":
            RebaseTket().apply(circuit)
            Transform.DecomposeCXDirected(arch).apply(circuit)
        basis = {kind, OpType.Rz, OpType.SX, OpType.X}
        AutoRebase(basis).apply(circuit)
        AutoSquash({OpType.Rz, OpType.SX, OpType.X}).apply(circuit)
        RemoveRedundancies().apply(circuit)
        programs.append(_read(tk_to_qiskit(circuit), len(case.measured)))
    return [programs]


RIVALS = (
    Compiler(name="qiskit-3", run=qiskit(3)),
    Compiler(name="pytket-qiskit", run=tket_default),
    Compiler(name="pytket-noise-aware", run=tket_noise_aware),
)


def our_compilers(level: int) -> tuple[Compiler, Compiler]:
    """Without mitigation, and with the errors of reading undone."""
    return (
        Compiler(name=f"qcompile -O{level}", run=ours(level, "none"), ours=True),
        Compiler(name=f"qcompile -O{level} readout", run=ours(level, "readout"), ours=True),
    )
