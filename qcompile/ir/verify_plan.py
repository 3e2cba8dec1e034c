"""The invariants of a Plan."""

from __future__ import annotations

import math

from qcompile.ir.circuit import Circuit, Expectations, ZeroState
from qcompile.ir.circuit_network import observable_operands
from qcompile.ir.contraction_extents import result_shapes
from qcompile.ir.device import Device, RoutedCircuit, gates_of
from qcompile.ir.device_noise import DeviceNoise
from qcompile.ir.limits import MAX_BOND, MAX_FUSED_GATES, MAX_FUSED_QUBITS
from qcompile.ir.network import ContractionNode, DataOperand
from qcompile.ir.node import PlainNode, PlanNode, ProgramNode
from qcompile.ir.plan import (
    AdjointEvaluation,
    DenseEvaluation,
    Evaluation,
    EvaluationNode,
    FusedEvaluation,
    MpsEvaluation,
    NetworkEvaluation,
    Plan,
    TransferEvaluation,
)
from qcompile.ir.program import CircuitNode, Program
from qcompile.ir.verification import VerificationError
from qcompile.ir.verify_circuit import verify_circuit
from qcompile.ir.verify_program import verify_program


def verify_plan(plan: Plan, device: Device | None = None) -> None:
    """Check everything that a Plan promises; routed circuits against `device`, where it is given.

    Raises:
        VerificationError: the graph is no well-formed program, a contraction's steps do not yield
            its network's result, or an evaluation does not fit its circuit.
    """
    verify_program(program_of_plan(plan))
    for index, node in enumerate(plan.nodes):
        try:
            match node:
                case ContractionNode():
                    _verify_contraction(node)
                case EvaluationNode():
                    _verify_evaluation(node)
                    if isinstance(node.evaluation, TransferEvaluation):
                        same = node.evaluation.routed == node.routed
                        _require(same, "its noise is of another routed circuit")
                    if node.routed is not None:
                        _verify_routed(node.routed, node.evaluation.circuit, device)
                case _:
                    pass
        except VerificationError as error:
            raise VerificationError(f"%{index} ({type(node).__name__}): {error}") from None
    costs = plan.costs
    parameters = sum(tensor.size for tensor in plan.tensors if not tensor.frozen)
    _require(costs.parameters == parameters, f"{parameters} parameters, not {costs.parameters}")


def program_of_plan(plan: Plan) -> Program:
    """The program that the plan carries out: paths and evaluators forgotten."""
    return Program(
        adapter=plan.adapter,
        in_features=plan.in_features,
        out_features=plan.out_features,
        mode=plan.mode,
        nodes=tuple(_program_node(node) for node in plan.nodes),
        result=plan.result,
        tensors=plan.tensors,
        parameters=plan.parameters,
        training=plan.training,
        host=plan.host,
        padding=plan.padding,
        slices=plan.slices,
    )


def _program_node(node: PlanNode) -> ProgramNode:
    match node:
        case ContractionNode(network=network):
            return network
        case EvaluationNode():
            return CircuitNode(
                operands=node.operands,
                circuit=node.evaluation.circuit,
                angles=node.angles,
                width=node.width,
            )
        case PlainNode():
            return node
        case _:
            raise VerificationError(f"a plan executes no {node.mnemonic}")


def _verify_contraction(node: ContractionNode) -> None:
    # An unusual number of tokens cannot be mistaken for another extent.
    tokens = 1_000_003
    network = node.network
    sizes = dict(network.sizes)
    expected = tuple(sizes[label] for label in network.output)
    if any(isinstance(operand, DataOperand) for operand in network.operands):
        expected = (tokens, *expected)
    shape = result_shapes(node, tokens)[-1] if node.steps else ()
    _require(bool(node.steps), "no steps")
    _require(shape == expected, f"the steps yield {shape}, not {expected}")
    batched = [step.batched for step in node.steps]
    _require(batched == sorted(batched), "a step without data follows one with data")
    _require(math.isfinite(node.flops_per_token), "the costs are not finite")


def _verify_evaluation(node: EvaluationNode) -> None:
    _verify_way(node.evaluation)


def _verify_way(evaluation: Evaluation) -> None:
    circuit = evaluation.circuit
    match evaluation:
        case FusedEvaluation(eager=eager):
            _require(circuit.qubits <= MAX_FUSED_QUBITS, "the circuit is too wide to be fused")
            _require(len(circuit.gates) <= MAX_FUSED_GATES, "the circuit is too long to be fused")
            _require(eager.circuit == circuit, "its form in torch is of another circuit")
            _verify_way(eager)
        case AdjointEvaluation(sweeps=sweeps):
            _require(sweeps.circuit == circuit, "its sweeps are of another circuit")
            _verify_way(sweeps)
        case DenseEvaluation(segments=segments):
            gates = tuple(gate for segment in segments for gate in segment.gates)
            _require(gates == circuit.gates, "the segments do not hold the circuit's gates")
        case NetworkEvaluation(networks=networks):
            _require(isinstance(circuit.initial, ZeroState), "a network starts in |0…0⟩")
            _require(isinstance(circuit.readout, Expectations), "a network reads expectations")
            outputs = tuple(network.output for network in networks)
            _require(outputs == tuple(range(circuit.outputs)), "not one network for each output")
            for network in networks:
                left = len(observable_operands(circuit, network.output).operands)
                for pair in network.path:
                    _require(0 <= min(pair) < max(pair) < left, f"{pair} is no pair of {left}")
                    left -= 1
                _require(left <= 1, f"{left} tensors are left instead of one")
        case MpsEvaluation(bond=bond):
            _require(isinstance(circuit.initial, ZeroState), "a chain starts in |0…0⟩")
            _require(isinstance(circuit.readout, Expectations), "a chain reads expectations")
            _require(1 <= bond <= MAX_BOND, f"bonds are from 1 to {MAX_BOND} wide, not {bond}")
        case TransferEvaluation(routed=routed, noise=noise):
            _verify_routed(routed, circuit, None)
            _verify_noise(noise, routed.circuit)
        case _:
            pass


def _verify_noise(noise: DeviceNoise, circuit: Circuit) -> None:
    _require(isinstance(circuit.initial, ZeroState), "a routed circuit starts in |0…0⟩")
    known = {(gate.name, gate.qubits) for gate in circuit.gates}
    for gate in noise.gates:
        where = f"the noise of `{gate.name}`"
        _require((gate.name, gate.qubits) in known, f"{where} is of no gate of the circuit")
        _require(0 <= gate.duration < math.inf, f"{where} has no time")
        largest = 4 ** len(gate.qubits) / (4 ** len(gate.qubits) - 1)
        _require(0 <= gate.depolarising <= largest, f"{where} is no channel")
    sizes = (len(noise.relaxation), len(noise.readout))
    _require(sizes == (circuit.qubits,) * 2, "the noise is of other qubits")
    times = [time for pair in noise.relaxation for time in pair if time is not None]
    _require(all(time > 0 for time in times), "a qubit relaxes in no time")
    rates = [rate for pair in noise.readout for rate in pair]
    _require(all(0 <= rate <= 1 for rate in rates), "a reading is no probability")


def _verify_routed(routed: RoutedCircuit, logical: Circuit, device: Device | None) -> None:
    circuit = routed.circuit
    verify_circuit(circuit)
    _require(circuit.outputs == logical.outputs, "the routed circuit has another read-out")
    _require(len(routed.physical) == circuit.qubits, "not one physical qubit for each")
    for name, places in (("initial", routed.initial), ("final", routed.final)):
        _require(len(places) == logical.qubits, f"`{name}` does not place every qubit")
        within = set(places) <= set(range(circuit.qubits))
        _require(within and len(set(places)) == len(places), f"`{name}` places qubits badly")
    same_kind = type(circuit.readout) is type(logical.readout)
    _require(same_kind, "the routed circuit has a read-out of another kind")
    if device is None:
        return
    _require(routed.device == device.name, "it is routed for another device")
    within = set(routed.physical) <= set(range(device.qubits))
    _require(within and len(set(routed.physical)) == circuit.qubits, "qubits off the device")
    native = gates_of(device)
    for gate in circuit.gates:
        _require(gate.name in device.native, f"`{gate.name}` is not native to {device.name}")
        places = tuple(routed.physical[qubit] for qubit in gate.qubits)
        where = "-".join(map(str, places))
        _require((gate.name, places) in native, f"no `{gate.name}` {where} on {device.name}")


def _require(condition: bool, reason: str) -> None:
    if not condition:
        raise VerificationError(reason)
