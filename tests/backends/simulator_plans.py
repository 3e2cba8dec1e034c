"""Small plans, written by hand, for the tests of the simulator."""

from __future__ import annotations

from typing import Literal

from torch import Tensor

from qcompile.executors.constants import Constants
from qcompile.executors.registry import executor_of
from qcompile.ir.circuit import (
    Affine,
    Circuit,
    Expectations,
    Gate,
    Pauli,
    ZeroState,
)
from qcompile.ir.circuit_network import observable_operands
from qcompile.ir.gates import GateName
from qcompile.ir.initialisation import ZERO, Init
from qcompile.ir.network import (
    ContractionNode,
    DataOperand,
    NetworkNode,
    PairContraction,
    TensorOperand,
    View,
)
from qcompile.ir.node import PlanNode
from qcompile.ir.ops.ends import InputNode
from qcompile.ir.plan import (
    CircuitCost,
    Costs,
    DataLayer,
    DenseEvaluation,
    Evaluation,
    EvaluationNode,
    FusedEvaluation,
    HoistedBlock,
    NetworkEvaluation,
    ObservableNetwork,
    Plan,
    StatevectorEvaluation,
)
from qcompile.ir.target import DEFAULT_TARGET, Target
from qcompile.ir.tensor import TensorSpec

NO_COSTS = Costs(
    parameters=0,
    forward_flops_per_token=0.0,
    backward_flops_per_token=0.0,
    hoisted_flops=0.0,
    activation_elements_per_token=0,
    peak_hoisted_elements=0,
)
NO_CIRCUIT_COST = CircuitCost(
    flops_per_token=0.0,
    flops_hoisted=0.0,
    activations_per_token=0,
    gates=0,
    two_qubit_gates=0,
    depth=0,
)


def trainable(index: int) -> tuple[Affine, ...]:
    return (Affine(angles=((index, 1.0),)),)


def uploading_circuit(qubits: int, layers: int, pair: GateName = "crz") -> Circuit:
    """RY(data), ring, RY, reversed ring, RY in each layer; ⟨Z⟩ on every qubit."""
    gates: list[Gate] = []
    count = 0
    for _ in range(layers):
        for q in range(qubits):
            gates.append(Gate(name="ry", qubits=(q,), angles=(Affine(data=((q, 1.0),)),)))
        for step in (1, -1):
            for q in range(qubits):
                wires = (q, (q + step) % qubits)
                gates.append(Gate(name=pair, qubits=wires, angles=trainable(count)))
                count += 1
            for q in range(qubits):
                gates.append(Gate(name="ry", qubits=(q,), angles=trainable(count)))
                count += 1
    paulis = tuple(Pauli(letters=((q, "Z"),)) for q in range(qubits))
    return Circuit(
        qubits=qubits,
        data_width=qubits,
        angle_count=count,
        initial=ZeroState(),
        gates=tuple(gates),
        readout=Expectations(paulis=paulis),
    )


def dense(circuit: Circuit) -> DenseEvaluation:
    """Segments as gates alternate between depending on data and not."""
    runs: list[tuple[bool, list[Gate]]] = []
    for gate in circuit.gates:
        from_data = any(angle.data for angle in gate.angles)
        if not runs or runs[-1][0] != from_data:
            runs.append((from_data, []))
        runs[-1][1].append(gate)
    segments = tuple(
        DataLayer(gates=tuple(gates)) if from_data else HoistedBlock(gates=tuple(gates))
        for from_data, gates in runs
    )
    return DenseEvaluation(circuit=circuit, segments=segments)


def network(circuit: Circuit) -> NetworkEvaluation:
    """Operands contracted from left to right."""
    assert isinstance(circuit.readout, Expectations)
    networks = []
    for output in range(circuit.outputs):
        count = len(observable_operands(circuit, output).operands)
        path = ((0, 1),) * max(count - 1, 0)
        networks.append(ObservableNetwork(output=output, path=path))
    return NetworkEvaluation(circuit=circuit, networks=tuple(networks))


def fused(circuit: Circuit) -> FusedEvaluation:
    """In the compiled library, where there is one."""
    return FusedEvaluation(circuit=circuit, eager=StatevectorEvaluation(circuit=circuit))


def evaluate(
    evaluation: Evaluation, data: Tensor, angles: Tensor, target: Target = DEFAULT_TARGET
) -> Tensor:
    """(B, outputs)."""
    chosen = executor_of(evaluation).build(evaluation, target, Constants())
    return chosen(data, angles if angles.numel() else None)


def matrix_node(source: int, tensor: int, rows: int, columns: int, factor: float) -> PlanNode:
    """factor · W x with W (rows, columns)."""
    network = NetworkNode(
        operands=(
            DataOperand(node=source, view=View(padded=(columns,), modes=(columns,), labels=(1,))),
            TensorOperand(
                tensor=tensor,
                view=View(padded=(rows, columns), modes=(rows, columns), labels=(2, 1)),
            ),
        ),
        output=(2,),
        sizes=((1, columns), (2, rows)),
        factor=factor,
        width=rows,
    )
    step = PairContraction(left=0, right=1, equation="bi,oi->bo", batched=True)
    return ContractionNode(
        network=network,
        steps=(step,),
        flops_per_token=0.0,
        flops_hoisted=0.0,
        activations_per_token=0,
    )


def hybrid_plan(
    kind: Literal["dense", "statevector", "network", "fused"] = "dense",
    *,
    target: Target = DEFAULT_TARGET,
    last: Init = ZERO,
    inputs: int = 7,
    outputs: int = 5,
    qubits: int = 3,
) -> Plan:
    """2 · W_B q(W_A x), q an uploading circuit of two layers; W_B starts as `last`."""
    circuit = uploading_circuit(qubits, 2)
    evaluations: dict[str, Evaluation] = {
        "dense": dense(circuit),
        "statevector": StatevectorEvaluation(circuit=circuit),
        "network": network(circuit),
        "fused": fused(circuit),
    }
    nodes: tuple[PlanNode, ...] = (
        InputNode(width=inputs),
        matrix_node(0, 0, qubits, inputs, 1.0),
        EvaluationNode(
            operands=(1,),
            angles=1,
            evaluation=evaluations[kind],
            routed=None,
            cost=NO_CIRCUIT_COST,
            width=qubits,
        ),
        matrix_node(2, 2, outputs, qubits, 2.0),
    )
    return Plan(
        adapter="hybrid",
        in_features=inputs,
        out_features=outputs,
        mode="add",
        nodes=nodes,
        result=3,
        tensors=(
            TensorSpec(
                name="a.weight",
                shape=(qubits, inputs),
                init=Init(kind="kaiming_uniform", arguments=(5.0**0.5,)),
            ),
            TensorSpec(
                name="q.angles",
                shape=(circuit.angle_count,),
                init=Init(kind="uniform", arguments=(-3.0, 3.0)),
            ),
            TensorSpec(name="b.weight", shape=(outputs, qubits), init=last),
        ),
        parameters=(),
        target=target,
        costs=NO_COSTS,
        linear=False,
    )


def linear_plan(inputs: int = 6, rank: int = 2, outputs: int = 4) -> Plan:
    """3 · W_B W_A x."""
    return Plan(
        adapter="low_rank",
        in_features=inputs,
        out_features=outputs,
        mode="add",
        nodes=(
            InputNode(width=inputs),
            matrix_node(0, 0, rank, inputs, 1.0),
            matrix_node(1, 1, outputs, rank, 3.0),
        ),
        result=2,
        tensors=(
            TensorSpec(
                name="train.weight",
                shape=(rank, inputs),
                init=Init(kind="normal", arguments=(1.0, 0.0)),
            ),
            TensorSpec(
                name="plan.weight",
                shape=(outputs, rank),
                init=Init(kind="normal", arguments=(1.0, 0.0)),
            ),
        ),
        parameters=(),
        target=DEFAULT_TARGET,
        costs=NO_COSTS,
        linear=True,
    )
