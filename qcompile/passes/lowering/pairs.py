"""Entangler patterns at a concrete number of qubits."""

from __future__ import annotations

from typing import assert_never

from qcompile.diagnostics.messages.expansion import (
    DeviceTooSmall,
    NativeNeedsDevice,
    PairOnOneWire,
)
from qcompile.diagnostics.source import Span
from qcompile.ir.device import Device
from qcompile.ir.patterns import PATTERNS, Pair
from qcompile.ir.spec_circuit import ListedPairs, PairPattern, Pairs
from qcompile.passes.device.native import native_pairs
from qcompile.passes.lowering.sizing import Sizing
from qcompile.passes.lowering.wires import resolve_wire


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
    row = PATTERNS[pattern.kind]
    if row.pairs is None:
        found = _native(n, device, sizing, span)
        return tuple((j, i) for i, j in found) if pattern.reversed else found
    step = _step(pattern, sizing, span) if row.step else 1
    half = pattern.half if row.halves else None
    try:
        return row.on(n, step=step, reversed=pattern.reversed, half=half)
    except Exception as error:
        if pattern.kind in PATTERNS.built_in:
            raise
        sizing.report.refuse(PATTERNS.failed(pattern.kind, f"for {n} qubits, {error}").at(span))


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
