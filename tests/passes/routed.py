"""Routing by itself, as the default passes do it."""

from __future__ import annotations

from collections.abc import Callable

from qcompile.diagnostics.message import Message
from qcompile.ir.circuit import Circuit
from qcompile.ir.device import Device, RoutedCircuit
from qcompile.ir.target import Objective, Target
from qcompile.passes.base import Context
from qcompile.passes.device import route as stage
from qcompile.passes.pipeline import device_passes, preset


def routed_on(device: Device, objective: Objective, remark: Callable[[Message], None]) -> Context:
    return Context(device=device, target=Target(name="t", optimise=objective), remark=remark)


def route(
    circuit: Circuit, device: Device, objective: Objective, *, remark: Callable[[Message], None]
) -> RoutedCircuit | None:
    context = routed_on(device, objective, remark)
    found = stage.route(circuit, device_passes(preset(2), context), context)
    return None if found is None else found.best
