"""What a training step does besides minimising the loss: penalties and proximal operators."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from qcompile.diagnostics.source import Span
from qcompile.ir.scalar import Scalar

PenaltyKind = Literal["l1", "mean_abs", "l2"]
"""Over all elements of the tensors together: Σ|w|, Σ|w| / count, Σ w²."""

ProximalKind = Literal["soft_threshold"]
"""Element by element: sign(w) max(|w| - threshold, 0)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecPenalty:
    """`regularise factor * kind(g)`."""

    kind: PenaltyKind
    operand: int
    """The node whose tensors are meant."""
    factor: Scalar
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecProximal:
    """`proximal kind(g, threshold)`."""

    kind: ProximalKind
    operand: int
    """The node whose tensors are meant."""
    threshold: Scalar
    span: Span | None = field(default=None, compare=False, repr=False)


SpecTraining = SpecPenalty | SpecProximal


@dataclass(frozen=True, slots=True, kw_only=True)
class Penalty:
    """factor · kind(tensors), added to the loss once for each module."""

    kind: PenaltyKind
    tensors: tuple[int, ...]
    """Indices into the layout."""
    factor: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Proximal:
    """The operator is applied to the tensors after every step of the optimiser."""

    kind: ProximalKind
    tensors: tuple[int, ...]
    """Indices into the layout."""
    threshold: float


Training = Penalty | Proximal
