"""One run: the same loop for every method."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

import qcompile
from evidence.compilation import Shape
from evidence.methods import Reference
from evidence.tasks.task import Figures, Task, Trial
from qcompile.adapter import CompiledAdapter

LAST = 20
"""Steps whose mean is the training loss."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Of a training run."""

    figures: Figures
    """What the task judges by, and `train_loss`, the mean of the last steps."""
    losses: tuple[float, ...]
    """Of every step, on its own batch."""
    seconds: float
    """Median of the steps."""


class Stepper:
    """A trial with a method applied, one step at a time."""

    def __init__(
        self,
        trial: Trial,
        method: Shape | Reference,
        *,
        seed: int,
        steps: int,
        rate: float,
        head_rate: float | None,
    ) -> None:
        self.trial = trial
        self.steps = steps
        self.adapter: CompiledAdapter | None = None
        trained: list[nn.Parameter] = []
        if isinstance(method, Shape):
            self.adapter = method.build(seed)
            qcompile.attach(trial.model, self.adapter)
            trained = [p for p in trial.model.parameters() if p.requires_grad]
        elif method is Reference.FULL:
            trained = list(trial.base)
            for parameter in trained:
                parameter.requires_grad_()
        groups: list[dict[str, object]] = [{"params": trained, "lr": rate}] if trained else []
        if trial.head is not None:
            head = list(trial.head.parameters())
            groups.append({"params": head, "lr": rate if head_rate is None else head_rate})
            trained = trained + head
        self.trained = trained
        self.optimiser = torch.optim.AdamW(groups, weight_decay=0.0)
        self.schedule = torch.optim.lr_scheduler.LambdaLR(
            self.optimiser, lambda step: warm_then_cosine(step, steps)
        )
        trial.model.train()

    def step(self) -> Tensor:
        """One batch; its loss, without penalties, detached."""
        loss = self.trial.loss(next(self.trial.batches))
        total = loss if self.adapter is None else loss + self.adapter.regulariser()
        self.optimiser.zero_grad(set_to_none=True)
        total.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.trained, 1.0)
        self.optimiser.step()
        if self.adapter is not None:
            self.adapter.proximal_step()
        self.schedule.step()
        return loss.detach()


def warm_then_cosine(step: int, steps: int) -> float:
    """Factor of the learning rate: linear over the first twentieth, then half a cosine."""
    warmup = max(1, steps // 20)
    return min(1.0, (step + 1) / warmup) * 0.5 * (1 + math.cos(math.pi * step / steps))


def train(
    task: Task,
    method: Shape | Reference,
    *,
    seed: int,
    steps: int,
    rate: float,
    head_rate: float | None,
) -> Outcome:
    """Train a method on a task and judge it.

    Args:
        rate: Of the adapter, or of all weights.
        head_rate: Of the head; None: the head alone is trained, with `rate`.
    """
    torch.manual_seed(seed)  # Dropout and shots, where a method has them.
    trial = task.trial(seed)
    stepper = Stepper(trial, method, seed=seed, steps=steps, rate=rate, head_rate=head_rate)
    losses, seconds = [], []
    for _ in range(steps):
        start = time.perf_counter()
        losses.append(stepper.step().item())
        seconds.append(time.perf_counter() - start)
    trial.model.eval()
    figures = trial.judge()
    last = losses[-LAST:]
    return Outcome(
        figures=finite(figures | {"train_loss": sum(last) / len(last)}),
        losses=tuple(losses),
        seconds=statistics.median(seconds),
    )


def finite(figures: Mapping[str, float]) -> Figures:
    """Without nan, which JSON has not: a diverged loss counts as infinite, and is written so."""
    return {
        name: math.inf if math.isnan(value) else float(value) for name, value in figures.items()
    }
