"""All phases in order, from a source to a plan."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from qcompile.artifact.layout import clash
from qcompile.artifact.manifest import Manifest, ModelIdentity, SourceText, installed_versions
from qcompile.diagnostics.collector import Collector
from qcompile.diagnostics.diagnostic import Diagnostic
from qcompile.diagnostics.errors import CompileError
from qcompile.diagnostics.messages.lowering import StoredNameTaken
from qcompile.diagnostics.messages.usage import NothingToCompile
from qcompile.diagnostics.source import Source
from qcompile.driver.clock import Clock
from qcompile.driver.control import with_control
from qcompile.driver.options import Options
from qcompile.driver.targets import devices_of, targets_of, with_evaluator, with_target
from qcompile.grammar.files import read_source
from qcompile.grammar.frontend import load_spec
from qcompile.ir.compilation import LoweredSet, ModelInfo, PlannedSet
from qcompile.ir.device import Device
from qcompile.ir.foreign import foreign_packages
from qcompile.ir.plan import Plan
from qcompile.ir.program import Program
from qcompile.ir.spec import Spec
from qcompile.ir.target import Target
from qcompile.ir.text import digest
from qcompile.ir.verify_spec import verify_spec

Observer = Callable[[str, float, Program | Plan], None]
"""Called after each pass with its name, its seconds and its result."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compilation:
    """Every level of one compilation."""

    spec: Spec
    model: ModelInfo | None
    lowered: LoweredSet
    planned: PlannedSet
    manifest: Manifest
    warnings: tuple[Diagnostic, ...]
    seconds: tuple[tuple[str, float], ...]
    """(phase, seconds), in order."""


def compile_source(
    source: Source,
    options: Options,
    *,
    model: ModelInfo | None = None,
    observer: Observer | None = None,
    progress: Callable[[str], None] | None = None,
    adjust: Callable[[Spec], Spec] | None = None,
) -> Compilation:
    """Run all phases up to the plan; torch is imported only where a model has to be read.

    Args:
        source: The main file.
        options: See `Options`.
        model: The model, where it is known already.
        observer: See `Observer`.
        progress: Called with the name of each phase and unit of work as it starts.
        adjust: What to compile instead of the elaborated spec, such as other attachments.

    Raises:
        CompileError: With every error of the first phase that found any.
        UsageError: An option is none of the possible ones.
        VerificationError: A phase broke its promise; only where `options` verify.
    """
    clock = Clock(progress)
    collector = Collector()
    clock.start("elaborate")
    read: list[SourceText] = [_text(source)]

    def read_import(path: str) -> Source:
        imported = read_source(path)
        read.append(_text(imported))
        return imported

    overrides = options.overrides()
    spec = load_spec(source, overrides, collector, read=read_import)
    collector.raise_if_errors()
    assert spec is not None
    if not spec.adapters:
        raise CompileError(NothingToCompile(path=source.name))
    if adjust is not None:
        spec = adjust(spec)
    if options.control:
        spec = with_control(spec, collector)
    if options.target is not None:
        spec = with_target(spec, options.target)
    if options.verify:
        verify_spec(spec)
    if options.evaluator is not None:
        spec = with_evaluator(spec, options.evaluator)
    targets = targets_of(spec)

    clock.start("model")
    if model is None:
        model = _model(spec, options)

    clock.start("devices")
    devices = devices_of(targets, options.target, collector.add)

    clock.start("lower")
    from qcompile.passes.lowering import lower

    lowered = lower(spec, model=model, devices=devices, collector=collector)
    collector.raise_if_errors()
    assert lowered is not None
    _refuse_clash(spec, lowered)

    clock.start("passes")
    planned, pipeline = _plan(spec, lowered, targets, devices, options, collector, observer, clock)
    collector.raise_if_errors()
    clock.stop()
    manifest = Manifest(
        sources=tuple(read),
        definitions=tuple(map(str, overrides)),
        control=options.control,
        pipeline=pipeline,
        tokens=options.tokens,
        model=None if model is None else _identity(model),
        devices=tuple(devices[name] for name in sorted(devices)),
        digests=(
            ("spec", digest(spec)),
            ("program", digest(lowered)),
            ("plan", digest(planned)),
        ),
        versions=(*installed_versions(), *foreign_packages(planned)),
        planned=planned,
    )
    return Compilation(
        spec=spec,
        model=model,
        lowered=lowered,
        planned=planned,
        manifest=manifest,
        warnings=collector.diagnostics,
        seconds=clock.laps,
    )


def _text(source: Source) -> SourceText:
    return SourceText(name=Path(source.name).name, text=source.text)


def _model(spec: Spec, options: Options) -> ModelInfo | None:
    if all(adapter.shape is not None for adapter in spec.adapters):
        return None
    from qcompile.models.skeleton import read_model

    if options.model is not None:
        return read_model(options.model)
    if spec.model is not None:
        return read_model(spec.model.path, spec.model.span)
    return None


def _plan(
    spec: Spec,
    lowered: LoweredSet,
    targets: Mapping[str, Target],
    devices: Mapping[str, Device],
    options: Options,
    collector: Collector,
    observer: Observer | None,
    clock: Clock,
) -> tuple[PlannedSet, str]:
    from qcompile.passes.base import Context
    from qcompile.passes.memory import refuse_too_many_tensors, remark_on_step
    from qcompile.passes.pipeline import Pipeline, preset, run_pipeline

    pipeline = (
        preset(options.optimisation) if options.passes is None else Pipeline.parse(options.passes)
    )
    places = {adapter.name: adapter.span for adapter in spec.adapters}
    refuse_too_many_tensors(lowered, targets, options.memory_limit)
    plans = []
    count = len(lowered.programs)
    for number, program in enumerate(lowered.programs, 1):
        sizes = f"{program.in_features} → {program.out_features}"
        clock.say(f"plan {program.adapter} {sizes} ({number} of {count})")
        target = targets[program.adapter]
        context = Context(
            target=target,
            device=devices.get(target.name),
            tokens=options.tokens,
            memory_limit=options.memory_limit,
            optimisation=options.optimisation,
            validate=options.validate,
            budget=options.budget,
            span=places[program.adapter],
            remark=collector.add,
        )
        plans.append(
            run_pipeline(program, pipeline, context, verify=options.verify, observer=observer)
        )
    planned = PlannedSet(plans=tuple(plans), sites=lowered.sites, seed=options.seed)
    remark_on_step(
        planned,
        Context(tokens=options.tokens, memory_limit=options.memory_limit, remark=collector.add),
    )
    return planned, str(pipeline)


def _refuse_clash(spec: Spec, lowered: LoweredSet) -> None:
    """Raises CompileError, QA3152, where adapter.pt could not tell two tensors apart."""
    found = clash(lowered)
    if found is not None:
        site, name = found
        spans = {adapter.name: adapter.span for adapter in spec.adapters}
        span = spans[site.adapter]
        raise CompileError(StoredNameTaken(adapter=site.adapter, name=name, span=span))


def _identity(model: ModelInfo) -> ModelIdentity:
    return ModelIdentity(
        architecture=model.architecture, digest=model.digest, parameters=model.parameters
    )
