"""Entangler patterns at a concrete number of qubits."""

from __future__ import annotations

from itertools import combinations
from typing import assert_never

from qcompile.diagnostics.messages.expansion import (
    DeviceTooSmall,
    NativeNeedsDevice,
    PairOnOneWire,
)
from qcompile.diagnostics.source import Span
from qcompile.ir.device import Device
from qcompile.ir.spec_circuit import Half, ListedPairs, PairPattern, Pairs
from qcompile.passes.device.native import native_pairs
from qcompile.passes.lowering.sizing import Sizing
from qcompile.passes.lowering.wires import brickwork, resolve_wire

Pair = tuple[int, int]


def resolve_pairs(
    pairs: Pairs, qubits: int, device: Device | None, sizing: Sizing, span: Span | None
) -> tuple[Pair, ...]:
    """(control, target) in the order of the gates; may be empty."""
    place = pairs.span or span
    match pairs:
        case ListedPairs(pairs=listed):
            found = tuple(
                (
                    resolve_wire(control, qubits, sizing, place),
                    resolve_wire(target, qubits, sizing, place),
                )
                for control, target in listed
            )
        case PairPattern():
            found = _pattern(pairs, qubits, device, sizing, place)
        case _:
            assert_never(pairs)
    for control, target in found:
        if control == target:
            sizing.report.refuse(PairOnOneWire(wire=control, span=place))
    return found


def _pattern(
    pattern: PairPattern, n: int, device: Device | None, sizing: Sizing, span: Span | None
) -> tuple[Pair, ...]:
    match pattern.kind:
        case "ring":
            step = _step(pattern, sizing, span)
            step = -step if pattern.reversed else step
            return tuple((i, (i + step) % n) for i in range(n)) if n > 1 else ()
        case "line":
            step = _step(pattern, sizing, span)
            forward = tuple((i, i + step) for i in range(n - step))
        case "brickwork":
            halves: tuple[Half, ...] = ("even", "odd") if pattern.half is None else (pattern.half,)
            forward = tuple(pair for half in halves for pair in brickwork(n, half))
        case "all":
            forward = tuple(combinations(range(n), 2))
        case "native":
            forward = _native(n, device, sizing, span)
        case _:
            assert_never(pattern.kind)
    return tuple((j, i) for i, j in forward) if pattern.reversed else forward


def _step(pattern: PairPattern, sizing: Sizing, span: Span | None) -> int:
    if pattern.step is None:
        return 1
    return sizing.integer(pattern.step, "the step of a pattern", span, low=1)


def _native(n: int, device: Device | None, sizing: Sizing, span: Span | None) -> tuple[Pair, ...]:
    if device is None:
        sizing.report.refuse(NativeNeedsDevice(span=span))
    try:
        return native_pairs(device, n)
    except ValueError:
        sizing.report.refuse(DeviceTooSmall(device=device.name, qubits=n, span=span))
