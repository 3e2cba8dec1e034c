"""The update of a module as a matrix and a bias, to be added to its base module's."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from qcompile.backends.simulator.base import Base, GivenBase
from qcompile.backends.simulator.tokens import Tokens, placeholder, tokens_of
from qcompile.diagnostics.errors import AdapterError
from qcompile.diagnostics.messages.adapter import BaseMissing, NotMergeable, OutputMissing
from qcompile.ir.hosts import EMBEDDING_HOST
from qcompile.ir.plan import Plan

MERGE_ROWS = 1024
"""Rows of the identity that `merge_weight` sends through the module at once."""

NOT_LINEAR = "its update is not a linear map of the input"
NOT_ELEMENTWISE = "it is no factor and no shift of each element of the norm's output"


class MergeablePart(Protocol):
    """What merging asks of an `AdapterModule`."""

    plan: Plan
    site: str

    def zeros(self, rows: int) -> Tensor:
        """See `AdapterModule.zeros`."""

    def exact_result(
        self,
        x: Tensor,
        y: Tensor | None = None,
        base: Base | None = None,
        tokens: Tokens | None = None,
    ) -> Tensor:
        """See `AdapterModule.exact_result`."""


def merge_weight(part: MergeablePart, weight: Tensor | None) -> Tensor:
    """As `AdapterModule.merge_weight`."""
    plan = part.plan
    _refuse_unmergeable(part)
    if plan.uses_output and weight is None:
        raise AdapterError(OutputMissing(adapter=plan.adapter))
    if plan.uses_base and weight is None:
        raise AdapterError(BaseMissing(adapter=plan.adapter))
    columns = []
    for start in range(0, plan.in_features, MERGE_ROWS):
        rows = min(MERGE_ROWS, plan.in_features - start)
        tokens = None
        if plan.host == EMBEDDING_HOST:
            unit, tokens = _every_token(part, start, rows)
        else:
            unit = part.zeros(rows)
            unit.diagonal(start).fill_(1.0)
        outputs = base = None
        if weight is not None:
            frozen = weight.detach()
            outputs = frozen[:, start : start + rows].T.to(unit) if plan.uses_output else None
            base = GivenBase(frozen.to(unit))
        columns.append(part.exact_result(unit, outputs, base, tokens))
    matrix = torch.cat(columns).t()
    if plan.adds_constant:
        matrix = matrix - _constant(part, None if weight is None else weight.detach()).T
    return matrix.contiguous()


def merge_bias(part: MergeablePart, bias: Tensor, weight: Tensor | None) -> Tensor:
    """As `AdapterModule.merge_bias`."""
    _refuse_unmergeable(part)
    x = part.zeros(1)
    shift = bias.detach().to(x)
    base = None if weight is None else GivenBase(weight.detach().to(x), shift)
    return part.exact_result(x, shift.unsqueeze(0), base).squeeze(0)


def merge_elementwise(part: MergeablePart) -> tuple[Tensor, Tensor] | None:
    """As `AdapterModule.elementwise`."""
    _refuse_unmergeable(part)
    width = part.plan.out_features
    shift = _constant(part, None)
    factors = []
    for start in range(0, width, MERGE_ROWS):
        rows = min(MERGE_ROWS, width - start)
        unit = shift.new_zeros(rows, width)
        unit.diagonal(start).fill_(1.0)
        found = part.exact_result(unit, unit) - shift
        own = found.diagonal(start)
        factors.append(own.clone())
        own.zero_()
        if bool(found.any()):
            return None
    return torch.cat(factors), shift.squeeze(0)


def _constant(part: MergeablePart, weight: Tensor | None) -> Tensor:
    """What comes for zeros, (1, out_features)."""
    x = part.zeros(1)
    y = x.new_zeros(1, part.plan.out_features)
    return part.exact_result(x, y, None if weight is None else GivenBase(weight.to(x)))


def _refuse_unmergeable(part: MergeablePart) -> None:
    if not part.plan.merges:
        raise AdapterError(
            NotMergeable(adapter=part.plan.adapter, module=part.site, reason=NOT_LINEAR)
        )


def _every_token(part: MergeablePart, start: int, rows: int) -> tuple[Tensor, Tokens]:
    """x for so many tokens one after the other, in float64."""
    ids = torch.arange(start, start + rows, device=part.zeros(0).device)
    like = placeholder(ids, torch.float64, part.plan.in_features)
    return like, tokens_of(ids, torch.float64, None, part.plan.padding)
