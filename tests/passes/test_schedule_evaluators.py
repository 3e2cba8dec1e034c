"""Evaluators are chosen by cost, forced by targets, and refused before anything is allocated."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from qcompile.diagnostics.errors import CompileError
from qcompile.diagnostics.message import Message
from qcompile.diagnostics.messages.planning import FewerTokensFit
from qcompile.executors.network.price import fewest_operations
from qcompile.ir.circuit import (
    Affine,
    AmplitudeState,
    Circuit,
    Expectations,
    Gate,
    Pauli,
    Probabilities,
    ZeroState,
)
from qcompile.ir.circuit_network import observable_operands
from qcompile.ir.device import Device
from qcompile.ir.executor_names import BUILT_IN
from qcompile.ir.initialisation import ZERO
from qcompile.ir.ops.ends import InputNode
from qcompile.ir.plan import (
    DensityEvaluation,
    EvaluationNode,
    FusedEvaluation,
    NetworkEvaluation,
    Plan,
)
from qcompile.ir.program import CircuitNode, Program
from qcompile.ir.target import NoiseModel, Target
from qcompile.ir.tensor import TensorSpec
from qcompile.ir.verification import VerificationError
from qcompile.ir.verify_plan import verify_plan
from qcompile.passes.base import Context
from qcompile.passes.evaluators import reference_choice
from qcompile.passes.memory import refuse_oversized
from qcompile.passes.pipeline import preset, run_pipeline
from qcompile.testing.known_programs import qtha_circuit


def alone(circuit: Circuit) -> Program:
    tensor = TensorSpec(name="q.angles", shape=(circuit.angle_count,), init=ZERO)
    width = circuit.data_width
    return Program(
        adapter="alone",
        in_features=width,
        out_features=circuit.outputs,
        mode="replace",
        nodes=(
            InputNode(width=width),
            CircuitNode(operands=(0,), circuit=circuit, angles=0, width=circuit.outputs),
        ),
        result=1,
        tensors=(tensor,),
        parameters=(),
    )


def brickwork(qubits: int, depth: int, *, encode_once: bool = True) -> Circuit:
    """RY encoding, then layers of RY and a line of CZ; ⟨Z_i⟩."""
    gates: list[Gate] = []
    angles = 0
    for layer in range(depth):
        if layer == 0 or not encode_once:
            for i in range(qubits):
                gates.append(Gate(name="ry", qubits=(i,), angles=(Affine(data=((i, 1.0),)),)))
        for i in range(qubits):
            gates.append(Gate(name="rx", qubits=(i,), angles=(Affine(angles=((angles, 1.0),)),)))
            angles += 1
        for i in range(qubits - 1):
            gates.append(Gate(name="cz", qubits=(i, i + 1)))
    return Circuit(
        qubits=qubits,
        data_width=qubits,
        angle_count=angles,
        initial=ZeroState(),
        gates=tuple(gates),
        readout=Expectations(paulis=tuple(Pauli(letters=((i, "Z"),)) for i in range(qubits))),
    )


def kind_of(plan: Plan) -> str:
    (node,) = (node for node in plan.nodes if isinstance(node, EvaluationNode))
    return node.evaluation.kind


def planned(circuit: Circuit, level: int = 2, **options: Any) -> Plan:
    context = replace(Context(), **options)
    return run_pipeline(alone(circuit), preset(level), context, verify=True)


def in_torch(plan: Plan) -> str:
    """What takes the place of the compiled library."""
    (node,) = (node for node in plan.nodes if isinstance(node, EvaluationNode))
    assert isinstance(node.evaluation, FusedEvaluation)
    return node.evaluation.eager.kind


@pytest.mark.parametrize("qubits", [1, 4, 9])
@pytest.mark.parametrize("tokens", [16, 2048])
def test_what_the_library_takes_is_fused(qubits: int, tokens: int) -> None:
    assert kind_of(planned(brickwork(qubits, 2), tokens=tokens)) == "fused"


def test_small_deep_circuits_are_hoisted() -> None:
    assert in_torch(planned(brickwork(4, 6))) == "dense"


def test_wide_shallow_circuits_become_chains_or_networks() -> None:
    """Also where the library takes them: light cones are narrower than 14 qubits."""
    for circuit, tokens in ((brickwork(24, 1), 64), (brickwork(14, 2), 2048)):
        assert kind_of(planned(circuit, tokens=tokens)) in ("mps", "network")
    assert kind_of(planned(brickwork(14, 8))) == "fused"


def test_medium_circuits_that_reupload_run_gate_by_gate() -> None:
    found = in_torch(planned(brickwork(9, 6, encode_once=False)))
    assert found in ("statevector", "adjoint")


def test_the_reference_lowering_runs_gate_by_gate() -> None:
    assert kind_of(planned(brickwork(4, 6), level=0)) == "statevector"


@pytest.mark.parametrize("level", [0, 2])
@pytest.mark.parametrize("choice", [*(kind for kind in BUILT_IN if kind != "transfer")])
def test_a_target_forces_its_evaluator(choice: str, level: int) -> None:
    target = Target(name="t", evaluator=choice)
    assert kind_of(planned(brickwork(3, 2), level=level, target=target)) == choice


def test_noise_needs_the_density_matrix() -> None:
    noise = NoiseModel(one_qubit=0.01, two_qubit=0.1)
    plan = planned(brickwork(3, 2), target=Target(name="t", noise=noise))
    (node,) = (node for node in plan.nodes if isinstance(node, EvaluationNode))
    assert isinstance(node.evaluation, DensityEvaluation)
    assert node.evaluation.noise == noise


def refusal(circuit: Circuit, **options: Any) -> str:
    with pytest.raises(CompileError) as caught:
        planned(circuit, **options)
    # No figure of speed: allocating what is refused here would take far longer than a minute.
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.helps
    return diagnostic.code


def test_a_dense_unitary_on_twenty_qubits_is_refused() -> None:
    assert refusal(brickwork(20, 2), target=Target(name="t", evaluator="dense")) == "QA4007"


def test_noise_refuses_every_evaluator_but_density() -> None:
    target = Target(name="t", evaluator="dense", noise=NoiseModel(one_qubit=0.1))
    assert refusal(brickwork(3, 1), target=target) == "QA4007"


@pytest.mark.parametrize(
    "change",
    [
        {"initial": AmplitudeState(offset=0, width=3)},
        {"readout": Probabilities(qubits=(0, 1))},
    ],
)
def test_a_network_needs_zeros_and_expectations(change: dict[str, Any]) -> None:
    circuit = replace(brickwork(3, 1), **change)
    assert refusal(circuit, target=Target(name="t", evaluator="network")) == "QA4007"


def test_what_does_not_fit_in_memory_is_refused() -> None:
    circuit = replace(brickwork(45, 3), readout=Probabilities(qubits=(0,)))
    assert refusal(circuit) == "QA4008"
    assert refusal(circuit, level=0) == "QA4008"
    noisy = Target(name="t", noise=NoiseModel(one_qubit=0.01))
    assert refusal(brickwork(14, 2), target=noisy) == "QA4008"
    assert refusal(brickwork(500, 1), level=0) == "QA4008"


def test_a_batch_that_does_not_fit_is_warned_about() -> None:
    remarks: list[Message] = []
    limit = 2**24
    target = Target(name="t", evaluator="dense")
    plan = planned(brickwork(8, 6), memory_limit=limit, remark=remarks.append, target=target)
    (message,) = (m for m in remarks if isinstance(m, FewerTokensFit))
    assert 1 <= message.fitting < message.tokens
    for tokens, fits in ((message.fitting, True), (message.fitting + 2, False)):
        again: list[Message] = []
        refuse_oversized(plan, Context(tokens=tokens, memory_limit=limit, remark=again.append))
        assert (again == []) == fits


def test_every_observable_has_a_path_over_its_cone() -> None:
    circuit = qtha_circuit(4, 1)
    target = Target(name="t", evaluator="network")
    plan = planned(circuit, level=0, target=target)
    (node,) = (node for node in plan.nodes if isinstance(node, EvaluationNode))
    assert isinstance(node.evaluation, NetworkEvaluation)
    for network in node.evaluation.networks:
        operands = observable_operands(circuit, network.output).operands
        assert len(network.path) == len(operands) - 1


LINE = Device(
    name="line",
    qubits=5,
    edges=((0, 1), (1, 2), (2, 3), (3, 4)),
    native=("rz", "sx", "x", "cz"),
)


@pytest.mark.parametrize("level", [0, 2])
def test_a_device_gets_a_routed_circuit(level: int) -> None:
    plan = planned(qtha_circuit(4, 1), level=level, device=LINE)
    (node,) = (node for node in plan.nodes if isinstance(node, EvaluationNode))
    assert node.routed is not None
    verify_plan(plan, LINE)
    broken = replace(LINE, edges=LINE.edges[:-3])
    with pytest.raises(VerificationError, match="no `cz` 1-2 on line"):
        verify_plan(plan, broken)


def test_equal_circuits_are_planned_alike() -> None:
    assert planned(qtha_circuit(4, 2)) == planned(qtha_circuit(4, 2))


def test_paths_of_wide_and_deep_circuits_are_not_searched() -> None:
    gates = tuple(
        gate
        for _ in range(12)
        for gate in (
            *(Gate(name="ry", qubits=(q,), angles=(Affine(data=((q, 1.0),)),)) for q in range(24)),
            *(Gate(name="cx", qubits=(q, (q + 5) % 24)) for q in range(24)),
        )
    )
    letters = tuple(Pauli(letters=((q, "Z"),)) for q in range(24))
    circuit = Circuit(
        qubits=24,
        data_width=24,
        angle_count=0,
        initial=ZeroState(),
        gates=gates,
        readout=Expectations(paulis=letters),
    )
    assert fewest_operations(circuit) is None
    with pytest.raises(CompileError, match="more than 4000 tensors"):
        reference_choice(circuit, "a", Context(target=Target(name="t", evaluator="network")))
