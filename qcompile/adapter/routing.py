"""Circuits of a compiled adapter on a device."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from qcompile.artifact.manifest import Manifest
from qcompile.diagnostics.arguments import wrong_argument
from qcompile.diagnostics.collector import Collector
from qcompile.diagnostics.errors import QCompileError, UsageError
from qcompile.diagnostics.message import Message
from qcompile.diagnostics.messages.export import TargetWithoutDevice
from qcompile.diagnostics.source import Source
from qcompile.ir.circuit import AmplitudeState, Circuit
from qcompile.ir.device import Device, RoutedCircuit
from qcompile.ir.plan import Plan
from qcompile.ir.target import Target
from qcompile.passes.base import ignore


@dataclass(frozen=True, slots=True, kw_only=True)
class Router:
    """The routing stage for one device."""

    target: Target
    device: Device
    pipeline: str
    """Of the compilation; where it names passes for devices, those run."""
    remark: Callable[[Message], None] = ignore

    @classmethod
    def of_plan(cls, manifest: Manifest, plan: Plan) -> Router | None:
        """For the device that the plan was made for, as it was then."""
        device = manifest.device_of_target(plan.target.name)
        if device is None:
            return None
        return cls(target=plan.target, device=device, pipeline=manifest.pipeline)

    @classmethod
    def of_manifest(
        cls, manifest: Manifest, choice: object, remark: Callable[[Message], None] = ignore
    ) -> Router:
        """For a target of the source, or what describes a device.

        Raises:
            UsageError: QA0021, QA4226, QA6013.
            CompileError: QA4201 to QA4204, QA4240, QA4242.
        """
        from qcompile.backends.devices import load_device
        from qcompile.backends.devices.anything import DESCRIPTIONS, device_of
        from qcompile.backends.devices.choice import target_for, target_named

        if isinstance(choice, str):
            target = target_named(choice, stored_targets(manifest))
            if target.device is None:
                raise UsageError(TargetWithoutDevice(name=choice))
            # The calibration that the adapter was compiled with, where it was for this target.
            device = manifest.device_of_target(target.name) or load_device(target.device)
        else:
            found = device_of(choice)
            if found is None:
                expected = f"a target of the source, or {DESCRIPTIONS}"
                raise wrong_argument("CompiledAdapter.circuits", "target", choice, expected)
            target, device = target_for(found), found
        return cls(target=target, device=device, pipeline=manifest.pipeline, remark=remark)

    def route(self, circuit: Circuit) -> RoutedCircuit | None:
        """The circuit in native gates; None for an amplitude-encoded state, before data are bound.

        Raises:
            CompileError: QA4203, QA4205, QA4212.
        """
        if isinstance(circuit.initial, AmplitudeState):
            return None
        from qcompile.passes.base import Context
        from qcompile.passes.device.route import route
        from qcompile.passes.pipeline import Pipeline, device_passes

        context = Context(target=self.target, device=self.device, remark=self.remark)
        found = route(circuit, device_passes(Pipeline.parse(self.pipeline), context), context)
        return None if found is None else found.best


def predicted(routed: RoutedCircuit, device: Device) -> dict[str, Any]:
    """Figures of a circuit on its device, three digits; None where nothing is calibrated.

    `errors`: what noise takes of each output, of a value between -1 and 1, without mitigation.
    """
    from qcompile.ir.circuit_analysis import two_qubit_gates
    from qcompile.ir.routing import moved
    from qcompile.passes.device.lexi_route import gates_on
    from qcompile.passes.device.predict import attenuations, is_calibrated
    from qcompile.passes.device.score import estimated_success, timed_depth

    gates = gates_on(routed.circuit.gates, routed.physical)
    readout = moved(routed.circuit.readout, routed.physical)
    found: dict[str, Any] = {
        "two_qubit_gates": two_qubit_gates(gates),
        "timed_depth": timed_depth(gates),
        "success": None,
        "errors": None,
    }
    if is_calibrated(device):
        left = attenuations(gates, readout, device, mitigated=False)
        found["success"] = _three_digits(estimated_success(gates, readout, device))
        found["errors"] = [_three_digits(1.0 - kept) for kept in left]
    return found


def _three_digits(value: float) -> float:
    return float(f"{value:.3g}")


def stored_targets(manifest: Manifest) -> tuple[Target, ...]:
    """The targets that the source of an adapter declares, from the text that it keeps.

    Those that its plans are for, where this version no longer takes that text.
    """
    from qcompile.grammar.elaborate.overrides import Override
    from qcompile.grammar.frontend import load_spec

    texts = [Source(name=source.name, text=source.text) for source in manifest.sources]
    used = {plan.target.name: plan.target for plan in manifest.planned.plans}
    if not texts:
        return tuple(used.values())
    # Imports are kept in the order in which they were read.
    imports = iter(texts[1:])
    try:
        overrides = [Override.parse(text) for text in manifest.definitions]
        spec = load_spec(texts[0], overrides, Collector(), read=lambda _: next(imports))
    except (QCompileError, StopIteration):
        spec = None
    return (*used.values(), *(() if spec is None else spec.targets))
