"""Structured circuits expanded to single gates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from qcompile.ir.limits import MAX_REPEATS
from qcompile.ir.spec_circuit import (
    Choose,
    CircuitItem,
    EncodeAmplitude,
    EncodeAngle,
    EncodeBasis,
    EncodeIqp,
    ForEach,
    GateLayer,
    MatrixLayer,
    MeasureBetween,
    Repeat,
    SpecAdjoint,
    SpecReset,
)
from qcompile.passes.lowering import encodings
from qcompile.passes.lowering.expansion import CircuitRefused, Expansion
from qcompile.passes.lowering.layers import place_layer, place_matrix
from qcompile.passes.lowering.readout import readout_of
from qcompile.passes.lowering.report import Refused
from qcompile.passes.lowering.sizing import Sizing
from qcompile.passes.lowering.turns import size_depends_on
from qcompile.passes.lowering.wires import resolve_wires


def expand(expansion: Expansion, items: Sequence[CircuitItem], sizing: Sizing) -> None:
    """Expand items in order; a refused item marks the expansion as failed and the rest goes on.

    Raises:
        CircuitRefused: there are too many gates or items.
    """
    for item in items:
        expansion.visit(item.span)
        try:
            _expand(expansion, item, sizing)
        except CircuitRefused:
            raise
        except Refused:
            expansion.failed = True


def _expand(expansion: Expansion, item: CircuitItem, sizing: Sizing) -> None:
    match item:
        case GateLayer():
            place_layer(expansion, item, sizing)
        case MatrixLayer():
            place_matrix(expansion, item, sizing)
        case EncodeAngle():
            encodings.encode_angle(expansion, item, sizing)
        case EncodeAmplitude():
            encodings.encode_amplitude(expansion, item)
        case EncodeBasis():
            encodings.encode_basis(expansion, item, sizing)
        case EncodeIqp():
            encodings.encode_iqp(expansion, item, sizing)
        case Repeat(count=count, items=items):
            times = sizing.integer(count, "a repeat count", item.span, low=0, high=MAX_REPEATS)
            # A turn with nothing in it would not count towards any limit.
            for turn in range(times if items else 0):
                before = expansion.size
                expand(expansion, items, sizing)
                if turn == 0:
                    # Every turn is as large as the first: refuse before building them all.
                    expansion.foresee(times - 1, before, item.span)
        case ForEach(variable=variable, items=items):
            first = sizing.integer(item.start, "the start of a range", item.span)
            last = first + MAX_REPEATS
            end = sizing.integer(item.stop, "the end of a range", item.span, high=last)
            even = not size_depends_on(variable, items)
            for value in range(first, end if items else first):
                before = expansion.size
                expand(expansion, items, sizing.bound(variable, value))
                if value == first and even:
                    expansion.foresee(end - first - 1, before, item.span)
        case SpecAdjoint(items=items):
            first = len(expansion.gates)
            expand(expansion, items, sizing)
            expansion.invert(first, item.span)
        case SpecReset(wires=wires):
            found = resolve_wires(wires, expansion.qubits, sizing, item.span)
            expansion.reset(found, item.span)
        case MeasureBetween(measurement=measurement):
            expansion.measure(readout_of(measurement, expansion.qubits, sizing), item.span)
        case Choose(items=items, otherwise=otherwise):
            chosen = sizing.truth(item.condition, "a condition", item.span)
            expand(expansion, items if chosen else otherwise, sizing)
        case _:
            assert_never(item)
