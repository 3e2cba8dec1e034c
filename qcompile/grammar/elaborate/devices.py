"""Devices: a name, or an ideal coupling map."""

from __future__ import annotations

import os

from qcompile.diagnostics.messages.targets import BadCoupling, BadDevice
from qcompile.diagnostics.messages.types import OutOfRange
from qcompile.grammar.elaborate import expect
from qcompile.grammar.elaborate.arguments import Bound, bind, list_items
from qcompile.grammar.elaborate.frame import Frame
from qcompile.grammar.functions import LISTED, coupling_function
from qcompile.grammar.syntax import Call, Expr, Name, PairExpr
from qcompile.ir.coupling_maps import COUPLING_MAPS
from qcompile.ir.extensions import ExtensionError
from qcompile.ir.limits import MAX_DEVICE_QUBITS
from qcompile.ir.operands import Typed
from qcompile.ir.target import CouplingDevice, DeviceChoice, NamedDevice


def read_device(frame: Frame, expr: Expr) -> DeviceChoice | None:
    """Return the device that a target names."""
    if isinstance(expr, Call):
        return _coupling(frame, expr)
    if isinstance(expr, Name) and expr.text not in frame.scope.file.names:
        frame.report(BadDevice(span=expr.span, found=f"`{expr.text}`"))
        return None
    operand = frame.evaluate(expr)
    if operand is None:
        return None
    value = operand.constant if isinstance(operand, Typed) else None
    if isinstance(value, str) and value:
        return NamedDevice.called(value, os.path.dirname(expr.span.source.name))
    found = "an empty name" if value == "" else operand.word
    frame.report(BadDevice(span=expr.span, found=found))
    return None


def _coupling(frame: Frame, expr: Call) -> CouplingDevice | None:
    name = expr.function.text
    if name == LISTED.name:
        bound = bind(frame, LISTED, expr.arguments, expr.span)
        return _listed(frame, bound) if bound.ok else None
    try:
        family = COUPLING_MAPS.get(name)
    except ExtensionError as error:
        frame.report(error.at(expr.function.span))
        return None
    if family is None:
        frame.report(BadDevice(span=expr.function.span, found=f"`{name}`"))
        return None
    bound = bind(frame, coupling_function(name, family), expr.arguments, expr.span)
    sizes: list[int] = []
    for option, _ in family.sizes:
        if not bound.has(option):
            return None
        given, what = bound.given[option], bound.what(option)
        size = expect.known_integer(frame, given, what, low=1, high=family.largest)
        if size is None:
            return None
        sizes.append(size)
    if not bound.ok:
        return None
    total = family.qubits(*sizes)
    if total > MAX_DEVICE_QUBITS:
        bounds = f"at most {MAX_DEVICE_QUBITS}"
        frame.report(
            OutOfRange(span=expr.span, what="the number of qubits", bounds=bounds, value=total)
        )
        return None
    try:
        return family.device(name, *sizes)
    except Exception as error:
        if name in COUPLING_MAPS.built_in:
            raise
        frame.report(COUPLING_MAPS.failed(name, str(error)).at(expr.span))
        return None


def _listed(frame: Frame, bound: Bound) -> CouplingDevice | None:
    expr = bound.given["pairs"]
    items = list_items(frame, expr, "`coupling`")
    if items is None:
        return None
    if not items:
        frame.report(BadCoupling(span=expr.span, reason="a device needs at least one coupling"))
        return None
    edges: set[tuple[int, int]] = set()
    for item in items:
        if not isinstance(item, PairExpr):
            frame.report(BadCoupling(span=item.span, reason="a coupling is a pair, such as (0, 1)"))
            return None
        ends = [
            expect.known_integer(frame, end, "a qubit", low=0, high=MAX_DEVICE_QUBITS - 1)
            for end in (item.first, item.second)
        ]
        if ends[0] is None or ends[1] is None:
            return None
        if ends[0] == ends[1]:
            reason = f"qubit {ends[0]} cannot be coupled with itself"
            frame.report(BadCoupling(span=item.span, reason=reason))
            return None
        edges.add((min(ends[0], ends[1]), max(ends[0], ends[1])))
    ordered = tuple(sorted(edges))
    label = f"coupling([{', '.join(f'({a}, {b})' for a, b in ordered)}])"
    qubits = 1 + max(b for _, b in ordered)
    return CouplingDevice(qubits=qubits, edges=ordered, label=label)
