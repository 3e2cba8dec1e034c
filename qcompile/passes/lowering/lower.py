"""Spec → Programs and the modules they are for."""

from __future__ import annotations

from collections.abc import Mapping

from qcompile.diagnostics.collector import Collector
from qcompile.diagnostics.messages.attachment import NoModelGiven
from qcompile.diagnostics.messages.lowering import OutOfRangeAtSize
from qcompile.ir.compilation import LoweredSet, ModelInfo, Site
from qcompile.ir.device import Device
from qcompile.ir.limits import MAX_WIDTH
from qcompile.ir.program import Program
from qcompile.ir.spec import AdapterSpec, Spec
from qcompile.passes.lowering.attach import BodyPlacement, place_bodies
from qcompile.passes.lowering.body import BodyLowering
from qcompile.passes.lowering.report import LoweringReport
from qcompile.passes.lowering.totals import check_totals


def lower(
    spec: Spec,
    *,
    model: ModelInfo | None,
    devices: Mapping[str, Device],
    collector: Collector,
) -> LoweredSet | None:
    """One program for each distinct (adapter, body, sizes), and every module that takes one.

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
        units: dict[tuple[int, int, int], int | None] = {}
        complete = complete and bool(placements)
        for placement in placements:
            key = (placement.body, placement.in_features, placement.out_features)
            if key not in units:
                report.sizes = _sizes(placement)
                program = bodies.lower(
                    adapter,
                    adapter.bodies[placement.body],
                    placement.in_features,
                    placement.out_features,
                    device,
                )
                units[key] = None if program is None else len(programs)
                if program is not None:
                    programs.append(program)
            unit = units[key]
            if unit is None:
                complete = False
            else:
                sites.append(Site(module=placement.module, adapter=adapter.name, unit=unit))
        report.sizes = ""
    lowered = LoweredSet(programs=tuple(programs), sites=tuple(sites))
    check_totals(lowered, spec, report)
    return None if collector.has_errors or not complete else lowered


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
