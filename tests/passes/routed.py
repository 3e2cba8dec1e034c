"""Routing by itself, as the default passes do it."""

from __future__ import annotations

from collections.abc import Callable

from qcompile.diagnostics.message import Message
from qcompile.diagnostics.source import Source, Span
from qcompile.ir.circuit import Circuit
from qcompile.ir.device import Device, RoutedCircuit
from qcompile.ir.target import Objective, Target
from qcompile.passes.base import Context
from qcompile.passes.device import route as stage
from qcompile.passes.pipeline import Pipeline, device_passes, preset

PLAIN = (
    "absorb-swaps,native-gates,place,route,sabre{seeds=2,keep=1}"
    ",move-to-vacant,native-gates,relocate,native-gates"
)
"""Passes that keep the circuit's unitary up to the places of its qubits."""


def routed_on(device: Device, objective: Objective, remark: Callable[[Message], None]) -> Context:
    written = Span(Source("t.qa", objective), 0, len(objective))
    target = Target(name="t", optimise=objective, places=(("optimise", written),))
    return Context(device=device, target=target, remark=remark)


def route(
    circuit: Circuit,
    device: Device,
    objective: Objective,
    *,
    remark: Callable[[Message], None],
    passes: str | None = None,
) -> RoutedCircuit | None:
    """By the passes of -O2 unless others are named."""
    context = routed_on(device, objective, remark)
    pipeline = preset(2) if passes is None else Pipeline.parse(passes)
    found = stage.route(circuit, device_passes(pipeline, context), context)
    return None if found is None else found.best
