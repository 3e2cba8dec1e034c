"""What a routed circuit says about its qubits: the maps and the read-out agree."""

from __future__ import annotations

from dataclasses import replace

import networkx as nx
import pytest

from qcompile.ir.circuit import (
    Affine,
    Circuit,
    Expectations,
    Gate,
    Pauli,
    Probabilities,
    Readout,
    ZeroState,
)
from qcompile.ir.device import Device, RoutedCircuit
from qcompile.ir.initialisation import ZERO
from qcompile.ir.ops.ends import InputNode
from qcompile.ir.plan import EvaluationNode, Plan
from qcompile.ir.program import CircuitNode, Program
from qcompile.ir.target import NamedDevice, Target
from qcompile.ir.tensor import TensorSpec
from qcompile.ir.verification import VerificationError
from qcompile.ir.verify_plan import verify_plan
from qcompile.passes.base import Context
from qcompile.passes.device.verify import verify_routed_values
from qcompile.passes.pipeline import preset, run_pipeline

DEVICE = Device(
    name="ideal",
    qubits=5,
    edges=tuple(sorted((min(edge), max(edge)) for edge in nx.cycle_graph(5).edges)),
    native=("rz", "sx", "x", "cz"),
)

READOUTS: dict[str, Readout] = {
    "values": Expectations(
        paulis=(
            Pauli(letters=((0, "X"), (2, "Z")), sign=-1),
            Pauli(letters=((1, "Z"),)),
            Pauli(letters=((2, "Z"),)),
        )
    ),
    "probabilities": Probabilities(qubits=(2, 0)),
}


def plan_with(readout: str) -> Plan:
    turns = tuple(
        Gate(name="ry", qubits=(q,), angles=(Affine(angles=((q, 1.0),)),)) for q in range(3)
    )
    pairs = tuple(Gate(name="cx", qubits=pair) for pair in ((0, 1), (0, 2), (1, 2)))
    circuit = Circuit(
        qubits=3,
        data_width=0,
        angle_count=3,
        initial=ZeroState(),
        gates=(*turns, *pairs, *turns),
        readout=READOUTS[readout],
    )
    program = Program(
        adapter="alone",
        in_features=4,
        out_features=circuit.outputs,
        mode="replace",
        nodes=(
            InputNode(width=4),
            CircuitNode(operands=(), circuit=circuit, angles=0, width=circuit.outputs),
        ),
        result=1,
        tensors=(TensorSpec(name="q.angles", shape=(3,), init=ZERO),),
        parameters=(),
    )
    target = Target(name="lab", device=NamedDevice(name=DEVICE.name), dtype="float64")
    return run_pipeline(program, preset(2), Context(target=target, device=DEVICE), verify=True)


def tampered(plan: Plan, routed: RoutedCircuit) -> Plan:
    nodes = tuple(
        replace(node, routed=routed) if isinstance(node, EvaluationNode) else node
        for node in plan.nodes
    )
    return replace(plan, nodes=nodes)


def logical_of(plan: Plan) -> Circuit:
    (evaluation,) = (node.evaluation for node in plan.nodes if isinstance(node, EvaluationNode))
    return evaluation.circuit


def routed_of(plan: Plan) -> RoutedCircuit:
    (routed,) = (node.routed for node in plan.nodes if isinstance(node, EvaluationNode))
    assert routed is not None
    return routed


@pytest.mark.parametrize("readout", READOUTS)
def test_a_read_out_of_other_qubits_is_found(readout: str) -> None:
    plan = plan_with(readout)
    good = routed_of(plan)
    logical = logical_of(plan)
    verify_routed_values(good, logical)
    inner = good.circuit
    match inner.readout:
        case Expectations(paulis=paulis):
            moved: Readout = Expectations(paulis=paulis[::-1])
        case Probabilities(qubits=qubits):
            moved = Probabilities(qubits=qubits[::-1])
    wrong = replace(good, circuit=replace(inner, readout=moved))
    with pytest.raises(VerificationError, match="output 0 is"):
        verify_routed_values(wrong, logical)


@pytest.mark.parametrize("readout", READOUTS)
def test_a_read_out_of_another_kind_is_found(readout: str) -> None:
    plan = plan_with(readout)
    good = routed_of(plan)
    (other,) = (kind for name, kind in READOUTS.items() if name != readout)
    wrong = replace(good, circuit=replace(good.circuit, readout=other))
    with pytest.raises(VerificationError, match="another"):
        verify_plan(tampered(plan, wrong), DEVICE)
