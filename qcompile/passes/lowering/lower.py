"""Spec → Programs and the modules they are for."""

from __future__ import annotations

from collections.abc import Mapping

from qcompile.diagnostics.collector import Collector
from qcompile.diagnostics.messages.attachment import HostNotLinear, NoModelGiven
from qcompile.diagnostics.messages.lowering import OutOfRangeAtSize
from qcompile.ir.compilation import LoweredSet, ModelInfo, Site
from qcompile.ir.device import Device
from qcompile.ir.hosts import HOST_KINDS, LINEAR_HOST, READ_HOSTS
from qcompile.ir.limits import MAX_WIDTH
from qcompile.ir.ops.base import SPEC_BASE
from qcompile.ir.program import Program
from qcompile.ir.spec import AdapterSpec, Spec
from qcompile.passes.lowering.attach import BodyPlacement, place_bodies
from qcompile.passes.lowering.body import BodyLowering
from qcompile.passes.lowering.facts import ModuleFacts, facts_of
from qcompile.passes.lowering.report import LoweringReport
from qcompile.passes.lowering.totals import check_totals

Units = list[tuple[dict[str, int | None], int]]
"""Facts that a program depends on, and its index, for modules of one size."""

REFUSED = -1
"""In place of an index: there is no program."""


def lower(
    spec: Spec,
    *,
    model: ModelInfo | None,
    devices: Mapping[str, Device],
    collector: Collector,
) -> LoweredSet | None:
    """One program for each distinct (adapter, body, sizes, facts), and the modules that take one.

    `devices`: the loaded device of every target that has one, by the name of the target.
    Returns None after any error; all errors and warnings are in the collector.
    """
    report = LoweringReport(collector)
    bodies = BodyLowering(report=report)
    programs: list[Program] = []
    sites: list[Site] = []
    complete = True
    for adapter in spec.adapters:
        placements = _placements(adapter, model, report)
        device = None if adapter.target is None else devices.get(adapter.target)
        facts = {} if model is None else facts_of(model)
        units: dict[tuple[int, int, int, str, int | None, int], Units] = {}
        complete = complete and bool(placements)
        for placement in placements:
            key = (
                placement.body,
                placement.in_features,
                placement.out_features,
                placement.host,
                placement.padding,
                placement.slices,
            )
            known = facts.get(placement.module, ModuleFacts())
            if key not in units:
                _refuse_reading(adapter, placement, report)
            found = units.setdefault(key, [])
            unit = _like(found, known)
            if unit is None:
                report.sizes = _sizes(placement)
                read: set[str] = set()
                program = bodies.lower(
                    adapter,
                    adapter.bodies[placement.body],
                    placement.in_features,
                    placement.out_features,
                    device,
                    known,
                    read,
                    placement.host,
                    placement.padding,
                    placement.slices,
                )
                unit = _placed(program, found, programs)
                found.append(({name: known.values.get(name) for name in read}, unit))
            if unit < 0:
                complete = False
            else:
                sites.append(Site(module=placement.module, adapter=adapter.name, unit=unit))
        report.sizes = ""
    lowered = LoweredSet(programs=tuple(programs), sites=tuple(sites))
    check_totals(lowered, spec, report)
    return None if collector.has_errors or not complete else lowered


def _like(found: Units, facts: ModuleFacts) -> int | None:
    """The unit of a module that differs in nothing that the adapter reads; None: there is none."""
    for read, unit in found:
        if all(facts.values.get(name) == value for name, value in read.items()):
            return unit
    return None


def _placed(program: Program | None, found: Units, programs: list[Program]) -> int:
    """The index of a program, which may be there already: not every fact makes a difference."""
    if program is None:
        return REFUSED
    for _, unit in found:
        if unit >= 0 and programs[unit] == program:
            return unit
    programs.append(program)
    return len(programs) - 1


def _refuse_reading(adapter: AdapterSpec, placement: BodyPlacement, report: LoweringReport) -> None:
    """What computes with the module itself is for linear maps."""
    if placement.host == LINEAR_HOST:
        return
    weight = placement.host in READ_HOSTS
    for node in adapter.bodies[placement.body].nodes:
        # Starts from data are measured on inputs, which are no patches.
        init = node.from_module
        started = init is not None and not (weight and init.start == "weight")
        if started or (isinstance(node, SPEC_BASE) and not weight):
            message = HostNotLinear(
                adapter=adapter.name,
                module=placement.module,
                kind=HOST_KINDS[placement.host],
                span=node.span,
            )
            report.add(message)


def _placements(
    adapter: AdapterSpec, model: ModelInfo | None, report: LoweringReport
) -> tuple[BodyPlacement, ...]:
    shape = adapter.shape
    if shape is not None:
        for what, size in (("input", shape.in_features), ("output", shape.out_features)):
            if not 1 <= size <= MAX_WIDTH:
                report.add(
                    OutOfRangeAtSize(
                        what=f"the {what} size of a shape",
                        bounds=f"between 1 and {MAX_WIDTH}",
                        value=str(size),
                        span=shape.span,
                    )
                )
                return ()
        return (
            BodyPlacement(
                module="", in_features=shape.in_features, out_features=shape.out_features, body=0
            ),
        )
    assert adapter.attachments, "a spec's adapter has a shape or attachments"
    if model is None:
        span = adapter.attachments[0].span or adapter.span
        report.add(NoModelGiven(adapter=adapter.name, span=span))
        return ()
    return place_bodies(adapter, model, report)


def _sizes(placement: BodyPlacement) -> str:
    sizes = f"{placement.in_features} -> {placement.out_features}"
    if not placement.module:
        return f"for the shape {sizes}"
    return f"for modules of {sizes}, such as `{placement.module}`"
