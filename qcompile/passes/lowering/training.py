"""Penalties and proximal operators on the tensors of a layout."""

from __future__ import annotations

from collections.abc import Sequence

from qcompile.diagnostics.messages.lowering import OutOfRangeAtSize
from qcompile.diagnostics.source import Span
from qcompile.ir.scalar import Scalar
from qcompile.ir.training import Penalty, Proximal, SpecPenalty, SpecTraining, Training
from qcompile.passes.lowering.report import Refused
from qcompile.passes.lowering.sizing import Sizing


def lower_training(
    terms: tuple[SpecTraining, ...], owned: Sequence[tuple[int, ...]], sizing: Sizing
) -> tuple[Training, ...] | None:
    """The terms with numbers and tensors; `owned[i]`: the tensors of spec node i.

    Returns None after any error, each of which was reported.
    """
    found: list[Training] = []
    complete = True
    for term in terms:
        tensors = owned[term.operand]
        try:
            if isinstance(term, SpecPenalty):
                factor = _number(term.factor, "the factor of a penalty", term.span, sizing)
                found.append(Penalty(kind=term.kind, tensors=tensors, factor=factor))
            else:
                threshold = _number(term.threshold, "a threshold", term.span, sizing)
                found.append(Proximal(kind=term.kind, tensors=tensors, threshold=threshold))
        except Refused:
            complete = False
    return tuple(found) if complete else None


def _number(scalar: Scalar, what: str, span: Span | None, sizing: Sizing) -> float:
    value = sizing.real(scalar, what, span)
    if value < 0:
        sizing.report.refuse(
            OutOfRangeAtSize(
                what=what, bounds="at least 0", value=f"{value:g}", span=scalar.span or span
            )
        )
    return value
