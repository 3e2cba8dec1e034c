"""How data enter a circuit."""

from __future__ import annotations

import math

from qcompile.diagnostics.messages.expansion import AmplitudesTooWide, EncodingTooWideAtSize
from qcompile.diagnostics.source import Span
from qcompile.ir.circuit import Affine, AmplitudeState
from qcompile.ir.spec_circuit import EncodeAmplitude, EncodeAngle, EncodeBasis, EncodeIqp
from qcompile.passes.lowering.data import Heaviside, Products, Raw
from qcompile.passes.lowering.expansion import Expansion
from qcompile.passes.lowering.pairs import resolve_pairs
from qcompile.passes.lowering.sizing import Sizing
from qcompile.passes.lowering.wires import resolve_wires


def encode_angle(expansion: Expansion, item: EncodeAngle, sizing: Sizing) -> None:
    """gate(scale · h_i) on the i-th wire, h repeated cyclically."""
    wires = resolve_wires(item.wires, expansion.qubits, sizing, item.span)
    width = _check_width(expansion, item.operand, len(wires), item.span)
    scale = sizing.real(item.scale, "the scale of an encoding", item.span)
    offset = expansion.data.offset(Raw(item.operand))
    expansion.reserve(len(wires), item.span)
    for position, wire in enumerate(wires):
        datum = Affine(data=((offset + position % width, 1.0),))
        expansion.place(item.gate, (wire,), (datum.times(scale),))


def encode_amplitude(expansion: Expansion, item: EncodeAmplitude) -> None:
    """The initial state z / ‖z‖."""
    width = expansion.data.widths[item.operand]
    capacity = 2**expansion.qubits
    if width > capacity:
        expansion.report.refuse(
            AmplitudesTooWide(
                width=width,
                qubits=expansion.qubits,
                capacity=capacity,
                needed=(width - 1).bit_length(),
                span=item.span,
            )
        )
    offset = expansion.data.offset(Raw(item.operand))
    expansion.amplitudes = AmplitudeState(offset=offset, width=width)
    if item.keep_norm:
        expansion.norm_of = item.operand


def encode_basis(expansion: Expansion, item: EncodeBasis, sizing: Sizing) -> None:
    """RX(π) where h_i > 0: X up to a phase of the whole state."""
    wires = resolve_wires(item.wires, expansion.qubits, sizing, item.span)
    width = _check_width(expansion, item.operand, len(wires), item.span)
    offset = expansion.data.offset(Heaviside(item.operand))
    expansion.reserve(len(wires), item.span)
    for position, wire in enumerate(wires):
        bit = Affine(data=((offset + position % width, math.pi),))
        expansion.place("rx", (wire,), (bit,))


def encode_iqp(expansion: Expansion, item: EncodeIqp, sizing: Sizing) -> None:
    """H and RZ(h_i) on every wire, RZZ(h_i h_j) on the pairs, h repeated cyclically."""
    qubits = expansion.qubits
    width = _check_width(expansion, item.operand, qubits, item.span)
    pairs = resolve_pairs(item.pairs, qubits, expansion.device, sizing, item.span)
    expansion.reserve(2 * qubits + len(pairs), item.span)
    offset = expansion.data.offset(Raw(item.operand))
    for wire in range(qubits):
        expansion.place("h", (wire,))
    for wire in range(qubits):
        expansion.place("rz", (wire,), (Affine(data=((offset + wire % width, 1.0),)),))
    if not pairs:
        return
    products = tuple((left % width, right % width) for left, right in pairs)
    offset = expansion.data.offset(Products(item.operand, products))
    for position, pair in enumerate(pairs):
        expansion.place("rzz", pair, (Affine(data=((offset + position, 1.0),)),))


def _check_width(expansion: Expansion, operand: int, wires: int, span: Span | None) -> int:
    width = expansion.data.widths[operand]
    if width > wires:
        expansion.report.refuse(EncodingTooWideAtSize(width=width, wires=wires, span=span))
    return width
