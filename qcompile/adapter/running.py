"""Where the circuits of a compiled adapter run."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from qcompile.adapter.run_options import RunOptions, refuse_in_torch
from qcompile.artifact.manifest import Manifest
from qcompile.backends.simulator.module import AdapterModule
from qcompile.diagnostics.errors import AdapterError, QCompileWarning, few
from qcompile.diagnostics.messages.services import NothingToRun, SeveralPlaces
from qcompile.executors.executor import Evaluator
from qcompile.executors.measured.evaluator import MeasuredEvaluator, SettingPart
from qcompile.executors.measured.gradients import SHIFT
from qcompile.ir.compilation import Site
from qcompile.ir.plan import EvaluationNode, Plan
from qcompile.ir.plan_circuits import circuits_of_plan
from qcompile.ir.target import Copies, NamedDevice
from qcompile.passes.device.predict import is_calibrated
from qcompile.services.estimate import (
    ObservableError,
    RunEstimate,
    estimate,
    observable_errors,
)
from qcompile.services.freshness import calibration_remarks
from qcompile.services.jobs import JobService
from qcompile.services.ledger import Ledger
from qcompile.services.open import SIMULATOR, Opened, open_provider
from qcompile.services.place import ALONE, fits, parts_of


def run_on(
    manifest: Manifest,
    modules: Sequence[tuple[Site, AdapterModule]],
    where: object,
    options: RunOptions,
    held: Ledger | None = None,
) -> JobService | None:
    """Let the circuits of the modules run there from now on; the service, None for torch.

    Everything that can be refused is refused before anything changes. `held` is the ledger of the
    service so far, which may be the one to go on with.

    Raises:
        AdapterError: QA7103, QA7107, QA7109, QA7117 to QA7119, QA7124.
        CompileError: What routing reports.
        UsageError: QA0052, QA7101, QA7102, QA7108, QA7111, QA7112, QA7122.
    """
    if where == SIMULATOR:
        refuse_in_torch(options)
        for _, module in modules:
            module.use_evaluators(None)
        return None
    opened = open_provider(
        where, seed=options.seed, snapshots=manifest.devices, runtime=options.runtime
    )
    _refuse(manifest.planned.plans, opened.provider.name)
    service = JobService(
        provider=opened.provider,
        shots=options.shots,
        mitigate="readout" in options.mitigate,
        mitigation=tuple(name for name in options.mitigate if name != "readout"),
        budget=options.budget,
        patience=options.patience,
        say=options.progress,
        device=opened.device,
    )
    copies = options.copies or (Copies() if opened.provider.bills_time else ALONE)
    circuits = [
        {
            index: parts_of(
                node,
                opened.device,
                plan.target,
                manifest.pipeline,
                copies,
                mitigated=service.mitigate,
            )
            for index, node in enumerate(plan.nodes)
            if isinstance(node, EvaluationNode)
        }
        for plan in manifest.planned.plans
    ]
    every = [part for own in circuits for parts in own.values() for part in parts]
    _refuse_any(service, every)
    made: list[dict[int, Evaluator]] = [
        {index: MeasuredEvaluator(parts, service, options.gradient) for index, parts in own.items()}
        for own in circuits
    ]
    if options.ledger is not None:
        goes_on = held is not None and held.is_at(options.ledger)
        service.ledger = held if goes_on else Ledger(options.ledger)
    # A warning may be an error.
    _warn(manifest, where, opened, every)
    for site, module in modules:
        module.use_evaluators(made[site.unit])
    return service


def _warn(manifest: Manifest, where: object, opened: Opened, parts: Iterable[SettingPart]) -> None:
    """Warn the caller of `CompiledAdapter.on`."""
    device = opened.device
    rerouted = any(
        isinstance(node, EvaluationNode)
        and node.routed is not None
        and device is not None
        and not fits(node.routed, device)
        for plan in manifest.planned.plans
        for node in plan.nodes
    )
    found = (
        *calibration_remarks(opened, where, manifest.devices, rerouted),
        *opened.provider.remarks(part.placed for part in parts),
    )
    if found:
        warnings.warn(QCompileWarning(*found), stacklevel=4)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPlace:
    """Where the targets let circuits run, and how."""

    where: str = SIMULATOR
    shots: int | None = None
    mitigate: tuple[str, ...] = ()
    copies: Copies | None = None


def place_of(plans: Sequence[Plan]) -> RunPlace:
    """Where the targets let circuits run.

    Raises:
        AdapterError: QA7115, where they do not agree.
    """
    found: dict[RunPlace, str] = {}
    for plan in plans:
        if any(isinstance(node, EvaluationNode) for node in plan.nodes):
            target = plan.target
            if target.run == "device" and isinstance(target.device, NamedDevice):
                name = _device_of(plan) or target.device.name
                place = RunPlace(
                    where=name,
                    shots=target.shots,
                    mitigate=target.mitigations,
                    copies=target.copies,
                )
                found[place] = f"{name} of target {target.name}"
            else:
                found[RunPlace()] = f"torch of target {target.name}"
    if len(found) > 1:
        raise AdapterError(SeveralPlaces(places=tuple(found.values())))
    return next(iter(found), RunPlace())


def _device_of(plan: Plan) -> str | None:
    """The device that circuits were routed for: of a file, by the name within."""
    nodes = (node for node in plan.nodes if isinstance(node, EvaluationNode))
    return next((node.routed.device for node in nodes if node.routed is not None), None)


def _refuse(plans: tuple[Plan, ...], service: str) -> None:
    if not any(isinstance(node, EvaluationNode) for plan in plans for node in plan.nodes):
        names = ", ".join(dict.fromkeys(plan.adapter for plan in plans))
        raise AdapterError(NothingToRun(adapter=names, service=service))


def _refuse_any(service: JobService, parts: Iterable[SettingPart]) -> None:
    """What would be refused at the first call, all of it at once."""
    found = (service.refusal(part.placed) for part in parts)
    refused = dict.fromkeys(message for message in found if message is not None)
    if refused:
        raise AdapterError(*few(tuple(refused)))


def estimate_of(
    modules: Iterable[AdapterModule], service: JobService, tokens: int, training: bool
) -> RunEstimate:
    """What a call of every module takes at most, where its circuits run now."""
    found = [
        evaluator
        for module in modules
        for evaluator in module.circuit_evaluators()
        if isinstance(evaluator, MeasuredEvaluator)
    ]
    return estimate(
        (evaluator.parts for evaluator in found),
        service,
        tokens=tokens,
        training=training,
        gradient=next((evaluator.gradient for evaluator in found), SHIFT),
    )


def errors_of(modules: Iterable[AdapterModule], service: JobService) -> tuple[ObservableError, ...]:
    """The predicted error of each value of each plan's circuits; none without a calibration."""
    device = service.device
    if device is None or not is_calibrated(device):
        return ()
    found: dict[int, list[ObservableError]] = {}
    for module in modules:
        circuits = [place for place in circuits_of_plan(module.plan) if place.kind == "circuit"]
        evaluators = module.circuit_evaluators()
        if id(module.plan) in found:
            continue
        found[id(module.plan)] = [
            error
            for place, evaluator in zip(circuits, evaluators, strict=True)
            if isinstance(evaluator, MeasuredEvaluator)
            for error in observable_errors(
                module.plan.adapter,
                place.name,
                place.circuit,
                evaluator.parts,
                device,
                mitigated=service.mitigate,
            )
        ]
    return tuple(error for errors in found.values() for error in errors)
