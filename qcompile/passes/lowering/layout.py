"""Trainable tensors of a program: one place each, shared ones once."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from qcompile.diagnostics.messages.lowering import (
    SharedTensorsDiffer,
    TensorTooLarge,
)
from qcompile.diagnostics.source import Span
from qcompile.ir.limits import MAX_TENSOR
from qcompile.ir.tensor import TensorSpec
from qcompile.passes.lowering.report import LoweringReport

SharedTensors = dict[str, tuple[TensorSpec, Span | None]]
"""Share key → the tensor as it was first seen, in whatever program, and where."""


@dataclass
class Layout:
    """The layout of one program under construction."""

    report: LoweringReport
    shared: SharedTensors
    tensors: list[TensorSpec] = field(default_factory=list)
    taken: list[int] = field(default_factory=list)
    """What `add` has returned, in order."""
    _places: dict[str, int] = field(default_factory=dict)

    def add(self, tensor: TensorSpec, span: Span | None) -> int:
        """Place a tensor and note its index in `taken`; see `_place`."""
        index = self._place(tensor, span)
        self.taken.append(index)
        return index

    def _place(self, tensor: TensorSpec, span: Span | None) -> int:
        """Index of the tensor, that of an earlier one where both have the same share key.

        Raises:
            Refused: too large, or a share that disagrees.
        """
        if tensor.size > MAX_TENSOR:
            self.report.refuse(
                TensorTooLarge(
                    tensor=tensor.name, elements=tensor.size, limit=MAX_TENSOR, span=span
                )
            )
        if tensor.share is None:
            self.tensors.append(tensor)
            return len(self.tensors) - 1
        first, place = self.shared.setdefault(tensor.share, (tensor, span))
        if not _same(first, tensor):
            self.report.refuse(
                SharedTensorsDiffer(
                    key=tensor.share,
                    here=_described(tensor, first),
                    there=_described(first, tensor),
                    other=None if place == span else place,
                    span=span,
                )
            )
        if tensor.share not in self._places:
            self.tensors.append(tensor)
            self._places[tensor.share] = len(self.tensors) - 1
        return self._places[tensor.share]


def _same(left: TensorSpec, right: TensorSpec) -> bool:
    return replace(left, name="", share=None) == replace(right, name="", share=None)


def _described(tensor: TensorSpec, other: TensorSpec) -> str:
    """What distinguishes a tensor from another one."""
    if tensor.shape != other.shape:
        return " x ".join(map(str, tensor.shape))
    if tensor.init != other.init:
        arguments = ", ".join(f"{argument:g}" for argument in tensor.init.arguments)
        return f"{tensor.init.kind}({arguments})" if arguments else tensor.init.kind
    if tensor.frozen != other.frozen:
        return "frozen" if tensor.frozen else "trainable"
    return "started otherwise"
