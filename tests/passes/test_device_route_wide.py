"""Routing of wide circuits, proved exactly by stabilizers: Clifford gates only."""

from __future__ import annotations

import math
import random

import networkx as nx
import pytest
from pytket.circuit import Circuit as TketCircuit
from pytket.circuit import Qubit
from pytket.tableau import UnitaryTableau

from qcompile.diagnostics import Message
from qcompile.ir.circuit import Circuit, Expectations, Gate, Pauli, ZeroState
from qcompile.ir.device import Device
from qcompile.ir.gates import GATES, GateName
from qcompile.tket.to_pytket import gates_to_pytket
from tests.passes.routed import PLAIN, route

CLIFFORD: tuple[GateName, ...] = ("h", "s", "sdg", "x", "y", "sx", "cx", "cy", "cz", "swap")
QUARTERS: tuple[tuple[GateName, ...], ...] = ((), ("s",), ("z",), ("sdg",))

Image = tuple[frozenset[tuple[int, str]], complex]


def silent(message: Message) -> None:
    raise AssertionError(message.diagnostic().title)


def stabilizer_form(gates: tuple[Gate, ...], qubits: int) -> UnitaryTableau:
    named: list[Gate] = []
    for gate in gates:
        if gate.name == "rz":
            quarters = gate.angles[0].constant / (math.pi / 2)
            assert gate.angles[0].is_constant and abs(quarters - round(quarters)) < 1e-9
            turn = QUARTERS[round(quarters) % 4]
            named += [Gate(name=name, qubits=gate.qubits) for name in turn]
        else:
            named.append(gate)
    circuit: TketCircuit = gates_to_pytket(qubits, tuple(named))
    return UnitaryTableau(circuit)


def images(tableau: UnitaryTableau, sources: tuple[int, ...], ends: tuple[int, ...]) -> list[Image]:
    """What X and Z of each source become, with qubits counted by `ends`."""
    number = {Qubit(place): logical for logical, place in enumerate(ends)}
    found = []
    for source in sources:
        for row in (tableau.get_xrow(Qubit(source)), tableau.get_zrow(Qubit(source))):
            letters = {(q, p.name) for q, p in row.string.map.items() if p.name != "I"}
            found.append((frozenset((number[q], p) for q, p in letters), complex(row.coeff)))
    return found


@pytest.mark.parametrize("native", ["cx", "cz"])
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("shape", ["line", "grid"])
def test_wide_circuit_is_faithful(shape: str, seed: int, native: GateName) -> None:
    qubits = 20
    grid = nx.convert_node_labels_to_integers(nx.grid_2d_graph(4, 5))
    graph = nx.path_graph(qubits) if shape == "line" else grid
    device = Device(
        name=shape,
        qubits=qubits,
        edges=tuple(sorted((min(edge), max(edge)) for edge in graph.edges)),
        native=("rz", "sx", "x", native),
    )
    choose = random.Random(seed)
    gates = []
    for _ in range(80):
        name = choose.choice(CLIFFORD)
        gates.append(
            Gate(name=name, qubits=tuple(choose.sample(range(qubits), GATES[name].qubits)))
        )
    circuit = Circuit(
        qubits=qubits,
        data_width=0,
        angle_count=0,
        initial=ZeroState(),
        gates=tuple(gates),
        readout=Expectations(paulis=(Pauli(letters=((0, "Z"),)),)),
    )
    routed = route(circuit, device, "gates", remark=silent, passes=PLAIN)
    assert routed is not None and routed.physical == tuple(range(qubits))
    for gate in routed.circuit.gates:
        assert gate.name in device.native
        assert len(gate.qubits) == 1 or tuple(sorted(gate.qubits)) in device.edges
    straight = tuple(range(qubits))
    expected = images(stabilizer_form(circuit.gates, qubits), straight, straight)
    found = images(stabilizer_form(routed.circuit.gates, qubits), routed.initial, routed.final)
    assert found == expected
