"""Devices: a name, or an ideal coupling map."""

from __future__ import annotations

from qcompile.diagnostics.messages.targets import BadCoupling, BadDevice
from qcompile.diagnostics.messages.types import OutOfRange
from qcompile.grammar.elaborate import expect
from qcompile.grammar.elaborate.arguments import Bound, bind, list_items
from qcompile.grammar.elaborate.frame import Frame
from qcompile.grammar.elaborate.operands import Typed
from qcompile.grammar.functions import DEVICES
from qcompile.grammar.syntax import Call, Expr, Name, PairExpr
from qcompile.ir.limits import MAX_DEVICE_QUBITS
from qcompile.ir.target import CouplingDevice, DeviceChoice, NamedDevice

MAX_FULL = 128

Edges = tuple[tuple[int, int], ...]


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
        return NamedDevice(name=value)
    found = "an empty name" if value == "" else operand.word
    frame.report(BadDevice(span=expr.span, found=found))
    return None


def _coupling(frame: Frame, expr: Call) -> CouplingDevice | None:
    function = DEVICES.get(expr.function.text)
    if function is None:
        frame.report(BadDevice(span=expr.function.span, found=f"`{expr.function.text}`"))
        return None
    bound = bind(frame, function, expr.arguments, expr.span)
    if function.name == "coupling":
        return _listed(frame, bound) if bound.ok else None
    sizes: list[int] = []
    for option in function.options:
        if not bound.has(option.name):
            return None
        high = MAX_FULL if function.name == "full" else MAX_DEVICE_QUBITS
        what = bound.what(option.name)
        size = expect.known_integer(frame, bound.given[option.name], what, low=1, high=high)
        if size is None:
            return None
        sizes.append(size)
    if not bound.ok:
        return None
    total = sizes[0] if len(sizes) == 1 else sizes[0] * sizes[1]
    if total > MAX_DEVICE_QUBITS:
        bounds = f"at most {MAX_DEVICE_QUBITS}"
        frame.report(
            OutOfRange(span=expr.span, what="the number of qubits", bounds=bounds, value=total)
        )
        return None
    label = f"{function.name}({', '.join(map(str, sizes))})"
    return CouplingDevice(qubits=total, edges=_edges(function.name, sizes), label=label)


def _edges(form: str, sizes: list[int]) -> Edges:
    n = sizes[0]
    match form:
        case "line":
            pairs = [(i, i + 1) for i in range(n - 1)]
        case "ring":
            pairs = [(i, (i + 1) % n) for i in range(n)] if n > 2 else [(0, 1)] * (n - 1)
        case "full":
            pairs = [(i, j) for i in range(n) for j in range(i + 1, n)]
        case _:
            rows, columns = sizes
            right = [
                (r * columns + c, r * columns + c + 1)
                for r in range(rows)
                for c in range(columns - 1)
            ]
            down = [
                (r * columns + c, (r + 1) * columns + c)
                for r in range(rows - 1)
                for c in range(columns)
            ]
            pairs = right + down
    return tuple(sorted({(min(pair), max(pair)) for pair in pairs}))


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
    return CouplingDevice(qubits=1 + max(b for _, b in ordered), edges=ordered, label=label)
