"""What every task gives to the training loop."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor, nn

from evidence.compilation import Places
from evidence.methods import Reference

Figures = dict[str, float]
"""Names of measured quantities and their values."""


@dataclass(kw_only=True)
class Trial:
    """A fresh copy of the model, and what to train it on; the same for every method of a seed."""

    model: nn.Module
    """What adapters attach to, frozen."""
    batches: Iterator[tuple[Tensor, ...]]
    """Endless, on the task's device."""
    loss: Callable[[tuple[Tensor, ...]], Tensor]
    """Of a batch: the mean, 0-dim."""
    judge: Callable[[], Figures]
    """`validation_loss`, `loss` and `score` and whatever else the task reports."""
    head: nn.Module | None = None
    """Trained with every method, at a rate of its own that is the same for all of them."""
    base: tuple[nn.Parameter, ...] = field(default=())
    """What full fine-tuning trains."""


class Task(Protocol):
    """A task, prepared: texts read, base model there."""

    name: str
    score: str
    """What `score` is."""
    higher_is_better: bool
    device: torch.device
    places: Places
    references: tuple[Reference, ...]
    facts: dict[str, str]
    """Of data and model, for the record."""

    def trial(self, seed: int) -> Trial:
        """Ready for training; model, data order and head depend on the seed alone."""

    def baseline(self, reference: Reference, seed: int) -> Figures:
        """Of a reference that is not trained by steps."""
