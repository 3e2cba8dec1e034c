"""Tensor networks along their frozen paths: first what does not depend on data, then the rest."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from qcompile.backends.simulator.orthogonal import FrameColumns
from qcompile.executors.constants import Constants
from qcompile.ir.network import (
    BATCH,
    ContractionNode,
    DataOperand,
    FrameOperand,
    PairContraction,
    TensorOperand,
    View,
    frames_of,
)

LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


Source = Literal["data", "tensor", "frame"]


@dataclass(frozen=True, kw_only=True)
class ViewStep:
    """Zero-pads and reshapes one operand."""

    padding: tuple[int, ...]
    """torch's: last axis first; empty where nothing is padded."""
    modes: tuple[int, ...]
    batched: bool

    def __call__(self, value: Tensor) -> Tensor:
        if self.padding:
            value = torch.nn.functional.pad(value, self.padding)
        if self.batched:
            return value.reshape(value.shape[0], *self.modes)
        return value.reshape(self.modes)


def view_step(view: View, shape: tuple[int, ...], *, batched: bool) -> ViewStep:
    missing = [padded - extent for padded, extent in zip(view.padded, shape, strict=True)]
    padding = tuple(n for extent in reversed(missing) for n in (0, extent)) if any(missing) else ()
    return ViewStep(padding=padding, modes=view.modes, batched=batched)


@dataclass(frozen=True, kw_only=True)
class Contract:
    """One step on the working list."""

    left: int
    right: int | None
    equation: str
    linear: bool
    """`bi,oi->bo`, for which torch has one call without permutations."""

    def __call__(self, work: list[Tensor]) -> None:
        if self.right is None:
            work.append(torch.einsum(self.equation, work.pop(self.left)))
            return
        low, high = sorted((self.left, self.right))
        second, first = work.pop(high), work.pop(low)
        left, right = (first, second) if self.left == low else (second, first)
        if self.linear:
            work.append(torch.nn.functional.linear(left, right))
        else:
            work.append(torch.einsum(self.equation, left, right))


def contract(step: PairContraction) -> Contract:
    linear = False
    left, right = step.left, step.right
    equation = step.equation
    if right is not None:
        sources, _, result = equation.partition("->")
        first, _, second = sources.partition(",")
        if _is_linear(second, first, result):
            left, right, linear = right, left, True
        else:
            linear = _is_linear(first, second, result)
    return Contract(left=left, right=right, equation=equation, linear=linear)


def _is_linear(first: str, second: str, result: str) -> bool:
    """Whether `first,second->result` is bi,oi->bo."""
    if len(first) != 2 or len(second) != 2 or len({*first, *second}) != 3:
        return False
    return first[1] == second[1] and result == first[0] + second[0]


class ContractionStep:
    """tensors and earlier values → (B, width), or (width,) where no operand has a leading axis."""

    def __init__(
        self,
        node: ContractionNode,
        shapes: Sequence[tuple[int, ...]],
        widths: Sequence[int],
        constants: Constants,
    ) -> None:
        """`shapes` of the layout's tensors, `widths` of the plan's nodes."""
        network = node.network
        self.views: list[tuple[Source, int, ViewStep]] = []
        self.frames: list[tuple[FrameColumns, int | None]] = []
        frames = frames_of(network)
        for frame in frames:
            self.frames.append((FrameColumns(frame, constants), frame.angles))
        for operand in network.operands:
            match operand:
                case TensorOperand(tensor=tensor, view=view):
                    step = view_step(view, shapes[tensor], batched=False)
                    self.views.append(("tensor", tensor, step))
                case DataOperand(node=source, view=view):
                    step = view_step(view, (widths[source],), batched=True)
                    self.views.append(("data", source, step))
                case FrameOperand(frame=frame, view=view):
                    shape = (frame.orthogonal.size, frame.columns)
                    step = view_step(view, shape, batched=False)
                    self.views.append(("frame", frames.index(frame), step))
        self.steps = [contract(step) for step in node.steps]
        self.closing = None if node.steps else _closing(node)
        self.factor = network.factor
        self.scaled = self._smallest_tensor(node, shapes) if network.factor != 1.0 else None
        sizes = dict(network.sizes)
        self.extent = math.prod(sizes[label] for label in network.output)
        self.width = network.width

    def _smallest_tensor(
        self, node: ContractionNode, shapes: Sequence[tuple[int, ...]]
    ) -> int | None:
        """The operand that the factor costs least on."""
        candidates = [
            (math.prod(shapes[operand.tensor]), position)
            for position, operand in enumerate(node.network.operands)
            if isinstance(operand, TensorOperand)
        ]
        return min(candidates)[1] if candidates else None

    def __call__(self, values: Sequence[Tensor], tensors: Sequence[Tensor]) -> Tensor:
        frames = [
            columns(None if angles is None else tensors[angles], values[0])
            for columns, angles in self.frames
        ]
        data = [values[source] for kind, source, _ in self.views if kind == "data"]
        batch = next((value.shape[0] for value in data if value.dim() == 2), None)
        work = []
        for position, (kind, source, view) in enumerate(self.views):
            match kind:
                case "data":
                    value = values[source]
                    value = value.expand(batch or 1, -1) if value.dim() == 1 else value
                case "tensor":
                    value = tensors[source]
                case "frame":
                    value = frames[source]
            if position == self.scaled:
                value = self.factor * value
            work.append(view(value))
        for step in self.steps:
            step(work)
        result = work[0] if self.closing is None else torch.einsum(self.closing, work[0])
        if self.factor != 1.0 and self.scaled is None:
            result = self.factor * result
        if batch is not None:
            result = result.reshape(batch, self.extent)
            return result if self.extent == self.width else result[:, : self.width]
        return result.reshape(self.extent)[: self.width]


def _closing(node: ContractionNode) -> str:
    """The single operand's axes to the output's order."""
    operand = node.network.operands[0]
    labels = operand.view.labels
    output = node.network.output
    if isinstance(operand, DataOperand):
        labels, output = (BATCH, *labels), (BATCH, *output)
    letters = {label: LETTERS[place] for place, label in enumerate(dict.fromkeys(labels))}
    source = "".join(letters[label] for label in labels)
    return f"{source}->{''.join(letters[label] for label in output)}"
