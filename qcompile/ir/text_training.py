"""The text form of what a training step does besides minimising the loss."""

from __future__ import annotations

from typing import assert_never

from qcompile.ir.tensor import TensorSpec
from qcompile.ir.training import Penalty, Proximal, Training


def training_lines(training: tuple[Training, ...], tensors: tuple[TensorSpec, ...]) -> list[str]:
    """One line per term, tensors by name."""
    lines = []
    for term in training:
        names = " ".join(tensors[index].name for index in term.tensors)
        match term:
            case Penalty(kind=kind, factor=factor):
                lines.append(f"regularise {factor!r} * {kind} {names}")
            case Proximal(kind=kind, threshold=threshold):
                lines.append(f"proximal {kind} {threshold!r} {names}")
            case _:
                assert_never(term)
    return lines
