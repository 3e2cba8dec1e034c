"""The measurement settings of a plan's circuit on a device: routed by the routing stage."""

from __future__ import annotations

from dataclasses import replace

from qcompile.executors.measured.amplitudes import EncodedAmplitudes, amplitudes_of, in_gates
from qcompile.executors.measured.evaluator import SettingPart, logical_parts
from qcompile.executors.measured.program import measured_program
from qcompile.executors.measured.settings import BasisSetting, settings
from qcompile.ir.circuit import Circuit
from qcompile.ir.device import Device, RoutedCircuit, gates_of
from qcompile.ir.plan import EvaluationNode
from qcompile.ir.target import Copies, NamedDevice, Target
from qcompile.passes.base import Context
from qcompile.passes.device.copies import places_of_copies
from qcompile.passes.pipeline import Pipeline, device_passes

ALONE = Copies(most=1)


def parts_of(
    node: EvaluationNode,
    device: Device | None,
    target: Target,
    pipeline: str,
    copies: Copies = ALONE,
    *,
    mitigated: bool = False,
) -> tuple[SettingPart, ...]:
    """One for each basis that the node's circuit is read in.

    The plan's own routed circuit is taken where it fits this device and one basis is enough;
    others are routed now: by the passes that `pipeline` names, for the target's objective where
    the target has a device, else for the fewest errors where they are known. Places of copies are
    added where there are some.

    Raises:
        CompileError: What routing reports: QA42xx.
    """
    if device is None:
        return logical_parts(node.evaluation.circuit)
    return tuple(
        replace(
            part,
            elsewhere=places_of_copies(
                part.program.circuit, part.physical, device, copies, mitigated=mitigated
            ),
        )
        for part in _alone(node, device, target, pipeline)
        if part.physical is not None
    )


def _alone(
    node: EvaluationNode, device: Device, target: Target, pipeline: str
) -> tuple[SettingPart, ...]:
    circuit = node.evaluation.circuit
    amplitudes = amplitudes_of(circuit)
    circuit = in_gates(circuit)
    found = settings(circuit)
    routed = node.routed
    if routed is not None and fits(routed, device):
        if len(found) == 1 and found[0].circuit == circuit:
            return (_part(found[0], routed.circuit, routed.physical, amplitudes),)
    return tuple(
        _part(setting, *_routed(setting, device, target, pipeline), amplitudes) for setting in found
    )


def fits(routed: RoutedCircuit, device: Device) -> bool:
    """Whether a circuit is for the device of this name, and it still has all of its gates."""
    present = gates_of(device)
    return routed.device == device.name and all(
        (gate.name, tuple(routed.physical[qubit] for qubit in gate.qubits)) in present
        for gate in routed.circuit.gates
    )


def _routed(
    setting: BasisSetting, device: Device, target: Target, pipeline: str
) -> tuple[Circuit, tuple[int, ...]]:
    # Routing needs pytket, which circuits without a device do not wait for.
    from qcompile.passes.device.route import route

    if target.device is None:
        target = replace(
            target,
            device=NamedDevice(name=device.name),
            optimise="fidelity" if device.gate_errors else "gates",
        )
    context = Context(target=target, device=device)
    found = route(setting.circuit, device_passes(Pipeline.parse(pipeline), context), context)
    assert found is not None
    return found.best.circuit, found.best.physical


def _part(
    setting: BasisSetting,
    circuit: Circuit,
    physical: tuple[int, ...],
    amplitudes: EncodedAmplitudes | None,
) -> SettingPart:
    return SettingPart(
        program=measured_program(circuit, amplitudes), physical=physical, outputs=setting.outputs
    )
