"""Choices of wires at a concrete number of qubits."""

from __future__ import annotations

from typing import assert_never

from qcompile.diagnostics.messages.expansion import WireOutOfRangeAtSize, WireRepeats
from qcompile.diagnostics.source import Span
from qcompile.ir.patterns import PATTERNS
from qcompile.ir.scalar import Scalar
from qcompile.ir.spec_circuit import AllWires, HalfBrickwork, ListedWires, WireRange, Wires
from qcompile.passes.lowering.sizing import Sizing


def resolve_wires(wires: Wires, qubits: int, sizing: Sizing, span: Span | None) -> tuple[int, ...]:
    """Wires in the order of their gates; may be empty."""
    match wires:
        case AllWires(parity=parity):
            return tuple(range(1 if parity == "odd" else 0, qubits, 1 if parity == "all" else 2))
        case ListedWires(wires=listed):
            place = wires.span or span
            found = tuple(resolve_wire(wire, qubits, sizing, place) for wire in listed)
            for position, wire in enumerate(found):
                if wire in found[:position]:
                    where = listed[position].span or place
                    sizing.report.refuse(WireRepeats(wire=wire, span=where))
            return found
        case WireRange(start=start, stop=stop):
            place = wires.span or span
            first = sizing.integer(start, "the start of a range of wires", place, low=0)
            end = sizing.integer(stop, "the end of a range of wires", place, low=0)
            if end > qubits:
                where = stop.span or place
                sizing.report.refuse(WireOutOfRangeAtSize(wire=end - 1, qubits=qubits, span=where))
            return tuple(range(first, end))
        case HalfBrickwork(half=half):
            return tuple(
                wire for pair in PATTERNS["brickwork"].on(qubits, half=half) for wire in pair
            )
        case _:
            assert_never(wires)


def resolve_wire(wire: Scalar, qubits: int, sizing: Sizing, span: Span | None) -> int:
    """One wire, in 0..qubits."""
    found = sizing.integer(wire, "a wire", span)
    if not 0 <= found < qubits:
        sizing.report.refuse(
            WireOutOfRangeAtSize(wire=found, qubits=qubits, span=wire.span or span)
        )
    return found
