"""`measure z`, `measure probs on 0..2`, `measure "Z0 Z1", "X2"`."""

from __future__ import annotations

import re
from typing import cast

from qcompile.diagnostics.messages.types import TooManyItems
from qcompile.diagnostics.messages.wires import (
    BadPauli,
    BadWires,
    UnknownMeasurement,
    WireOutOfRange,
)
from qcompile.grammar.elaborate.arguments import MAX_ITEMS
from qcompile.grammar.elaborate.circuit_builder import CircuitBuilder
from qcompile.grammar.elaborate.frame import Frame
from qcompile.grammar.elaborate.inside import within
from qcompile.grammar.elaborate.scalars import combine
from qcompile.grammar.elaborate.wires import read_wires
from qcompile.grammar.functions import MEASUREMENTS
from qcompile.grammar.syntax import MeasureStatement, Name, StringLiteral
from qcompile.ir.limits import MAX_QUBITS
from qcompile.ir.matrices import PauliLetter
from qcompile.ir.operands import Typed, integer
from qcompile.ir.spec_circuit import (
    MeasureEach,
    Measurement,
    MeasurePaulis,
    MeasureProbabilities,
)

_SPARSE = re.compile(r"\s*([A-Za-z])([0-9]+)(?=\s|$)")


def measurement(
    frame: Frame, builder: CircuitBuilder, statement: MeasureStatement
) -> list[tuple[Measurement, Typed | None]]:
    """Elaborate one `measure`: nothing where it is wrong, else what it measures and the width."""
    what = statement.what
    if not isinstance(what, Name):
        return _paulis(frame, builder, statement, what)
    if what.text not in MEASUREMENTS:
        near = frame.session.nearest(what.text.lower(), MEASUREMENTS) or MEASUREMENTS
        frame.report(UnknownMeasurement(span=what.span, name=what.text, candidates=near))
        return []
    found = read_wires(frame, builder, statement.wires)
    if found is None:
        return []
    wires, count = found
    if what.text == "probs":
        width = None
        if count is not None:
            two = integer(2, statement.span)
            width = combine(frame.session, "**", (two, count), statement.span)
        return [(MeasureProbabilities(wires=wires, span=statement.span), width)]
    letter = cast(PauliLetter, what.text.upper())
    return [(MeasureEach(letter=letter, wires=wires, span=statement.span), count)]


def _paulis(
    frame: Frame,
    builder: CircuitBuilder,
    statement: MeasureStatement,
    literals: tuple[StringLiteral, ...],
) -> list[tuple[Measurement, Typed | None]]:
    if statement.wires is not None:
        frame.report(
            BadWires(
                span=statement.wires.span,
                found="`on` after Pauli strings, which name their wires,",
                wanted="wires",
            )
        )
    if len(literals) > MAX_ITEMS:
        frame.report(TooManyItems(span=statement.span, count=len(literals), limit=MAX_ITEMS))
        return []
    strings = [_string(frame, builder, literal) for literal in literals]
    good = tuple(string for string in strings if string is not None)
    if len(good) < len(strings):
        return []
    paulis = MeasurePaulis(strings=good, span=statement.span)
    return [(paulis, integer(len(good), statement.span))]


Pauli = tuple[tuple[int, PauliLetter], ...]


def _string(frame: Frame, builder: CircuitBuilder, literal: StringLiteral) -> Pauli | None:
    text = literal.value
    n = builder.count
    if re.fullmatch(r"[A-Za-z]+", text):
        if n is not None and len(text) != n:
            reason = f"{len(text)} letter{'s' * (len(text) != 1)} for {n} qubits"
            frame.report(BadPauli(span=literal.span, reason=reason))
            return None
        if len(text) > MAX_QUBITS:
            frame.report(BadPauli(span=literal.span, reason=f"more than {MAX_QUBITS} letters"))
            return None
        letters = list(enumerate(text))
        places = list(range(len(text)))
    else:
        letters, places = [], []
        at = 0
        while at < len(text.rstrip()):
            part = _SPARSE.match(text, at)
            if part is None or len(part[2]) > 4:
                start = at + len(text[at:]) - len(text[at:].lstrip())
                span = within(literal, start, len(text))
                frame.report(BadPauli(span=span, reason="expected a letter and a wire"))
                return None
            letters.append((int(part[2]), part[1]))
            places.append(part.start(1))
            at = part.end()
    found: dict[int, PauliLetter] = {}
    for (wire, letter), place in zip(letters, places, strict=True):
        span = within(literal, place, place + 1)
        if letter not in "IXYZ":
            hint = f", write `{letter.upper()}`" if letter.upper() in "IXYZ" else ""
            frame.report(BadPauli(span=span, reason=f"`{letter}` is no letter of I, X, Y, Z{hint}"))
            return None
        if n is not None and wire >= n:
            frame.report(WireOutOfRange(span=span, wire=wire, qubits=n, last=n - 1))
            return None
        if wire in found:
            frame.report(BadPauli(span=span, reason=f"wire {wire} appears twice"))
            return None
        if letter != "I":
            found[wire] = cast(PauliLetter, letter)
    if not found:
        reason = "it is empty" if not text.strip() else "it is the identity"
        frame.report(BadPauli(span=literal.span, reason=reason))
        return None
    return tuple(sorted(found.items()))
