"""The classical control of a whole compilation unit, as `--control` asks for it."""

from __future__ import annotations

from dataclasses import replace

from qcompile.diagnostics.collector import Collector
from qcompile.diagnostics.errors import UsageError
from qcompile.diagnostics.messages.usage import LeftAsItIs, NoControl
from qcompile.ir.scalar import Constant
from qcompile.ir.spec import AdapterSpec, Body, Spec, SpecCircuitValue


def with_control(spec: Spec, collector: Collector) -> Spec:
    """As if every adapter with circuits had the line `control`; warns of those without.

    Raises:
        UsageError: QA0041: no adapter has circuits.
    """
    if not any(has_circuits(adapter) for adapter in spec.adapters):
        raise UsageError(NoControl(adapters=tuple(adapter.name for adapter in spec.adapters)))
    adapters = []
    for adapter in spec.adapters:
        if has_circuits(adapter):
            bodies = tuple(
                replace(body, control=Constant(value=True)) if _replaceable(body) else body
                for body in adapter.bodies
            )
            adapters.append(replace(adapter, bodies=bodies))
        else:
            collector.add(LeftAsItIs(adapter=adapter.name, span=adapter.span))
            adapters.append(adapter)
    return replace(spec, adapters=tuple(adapters))


def has_circuits(adapter: AdapterSpec) -> bool:
    """Whether there is something that a control replaces."""
    return any(_replaceable(body) for body in adapter.bodies)


def _replaceable(body: Body) -> bool:
    return any(isinstance(node, SpecCircuitValue) for node in body.nodes)
