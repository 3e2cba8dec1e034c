"""Program → Plan: the reference lowering, which later passes improve."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from qcompile.contraction.tree import TooManyIndices
from qcompile.diagnostics.errors import CompileError
from qcompile.diagnostics.messages.devices import UnitaryNotRouted
from qcompile.diagnostics.messages.experts import NotAMatrix
from qcompile.diagnostics.messages.noise import NoCalibration, NoiseOfAmplitudes
from qcompile.diagnostics.messages.planning import NetworkTooManyIndices
from qcompile.ir.circuit import AmplitudeState, Circuit
from qcompile.ir.hosts import MERGING_HOSTS, PARAMETER_HOSTS
from qcompile.ir.network import ContractionNode, NetworkNode
from qcompile.ir.node import PlanNode, is_linear
from qcompile.ir.ops.dropout import DropoutNode
from qcompile.ir.ops.ends import OutputNode
from qcompile.ir.plan import EvaluationNode, Plan, orthogonals
from qcompile.ir.program import CircuitNode, Program
from qcompile.ir.target import CalibratedNoise
from qcompile.passes.base import Context, DevicePass
from qcompile.passes.costs import plan_costs
from qcompile.passes.device.known_noise import check_noise
from qcompile.passes.device.predict import is_calibrated
from qcompile.passes.evaluators import Choice, reference_choice
from qcompile.passes.tensor.contract import reference_contraction
from qcompile.passes.tensor.group_networks import network_each

if TYPE_CHECKING:
    from qcompile.passes.device.route import Routed


def schedule(program: Program, passes: tuple[DevicePass, ...], context: Context) -> Plan:
    """Each network contracted as it stands, each circuit gate by gate, routed by `passes` where
    the target is a device.

    Raises:
        CompileError: QA4007, QA4009, QA4281, QA4282, QA6401, QA7124, or what routing reports.
    """
    _require_calibration(context)

    @cache
    def routed(circuit: Circuit) -> Routed | None:
        return _routed(circuit, passes, context)

    @cache
    def choose(circuit: Circuit) -> Choice:
        on_device = routed(circuit)
        best = None if on_device is None else on_device.best
        return reference_choice(circuit, program.adapter, context, best)

    nodes: list[PlanNode] = []
    for node in network_each(program).nodes:
        match node:
            case NetworkNode():
                nodes.append(_contraction(node, program.adapter, context))
            case CircuitNode(circuit=circuit):
                on_device, choice = routed(circuit), choose(circuit)
                nodes.append(
                    EvaluationNode(
                        operands=node.operands,
                        angles=node.angles,
                        evaluation=choice.evaluation,
                        routed=None if on_device is None else on_device.best,
                        cost=choice.price.cost,
                        width=node.width,
                        candidates=choice.candidates,
                        routings=() if on_device is None else on_device.candidates,
                    )
                )
            case PlanNode():
                nodes.append(node)
            case _:
                raise AssertionError(f"{node.mnemonic} is not in a network")
    if context.device is not None and any(map(orthogonals, nodes)):
        place = context.target.place("device")
        context.remark(UnitaryNotRouted(device=context.device.name, span=place))
    linear = is_linear(nodes, program.result)
    if program.host in PARAMETER_HOSTS:
        _require_matrix(program, linear, context)
    return Plan(
        adapter=program.adapter,
        in_features=program.in_features,
        out_features=program.out_features,
        mode=program.mode,
        nodes=tuple(nodes),
        result=program.result,
        tensors=program.tensors,
        parameters=program.parameters,
        target=context.target,
        costs=plan_costs(nodes, program.tensors),
        linear=linear and program.host in (*MERGING_HOSTS, *PARAMETER_HOSTS),
        training=program.training,
        control=program.control,
        host=program.host,
        padding=program.padding,
        slices=program.slices,
    )


def _require_matrix(program: Program, linear: bool, context: Context) -> None:
    """Refuse what is no matrix that could be added to a parameter."""
    reason = None
    if program.mode != "add":
        reason = "it replaces an output, or is a prefix"
    elif any(isinstance(node, OutputNode) for node in program.nodes):
        reason = "it reads `y`, an output that there is not"
    elif any(isinstance(node, DropoutNode) for node in program.nodes):
        reason = "dropout acts on inputs, which it does not see"
    elif not linear:
        reason = "it is not linear in `x`"
    if reason is not None:
        message = NotAMatrix(adapter=program.adapter, reason=reason, span=context.span)
        raise CompileError(message)


def _contraction(network: NetworkNode, adapter: str, context: Context) -> ContractionNode:
    try:
        return reference_contraction(network)
    except TooManyIndices as error:
        message = NetworkTooManyIndices(adapter=adapter, reason=str(error), span=context.span)
        raise CompileError(message) from None


def _routed(circuit: Circuit, passes: tuple[DevicePass, ...], context: Context) -> Routed | None:
    if context.device is None:
        return None
    noisy = isinstance(context.target.noise, CalibratedNoise)
    if noisy and isinstance(circuit.initial, AmplitudeState):
        place = context.target.place("noise")
        raise CompileError(NoiseOfAmplitudes(device=context.device.name, span=place))
    # Routing needs pytket, which programs for the simulator must not wait for.
    from qcompile.passes.device.route import route

    found = route(circuit, passes, context)
    if noisy and found is not None:
        check_noise(found.best, context.device, context)
    return found


def _require_calibration(context: Context) -> None:
    target, device = context.target, context.device
    if isinstance(target.noise, CalibratedNoise) and not (device and is_calibrated(device)):
        name = "" if device is None else device.name
        raise CompileError(NoCalibration(device=name, span=target.place("noise")))
