"""Time and memory of a step, each method beside LoRA in the same process.

Times are taken in turns, LoRA, method, LoRA, method, so that a busy machine slows both; what counts
is the ratio. Memory is taken in a process of its own for each method, forked from one that has the
task ready, so that nothing freed earlier hides what a method needs.
"""

from __future__ import annotations

import json
import os
import statistics
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from evidence.compilation import Shape
from evidence.methods import Reference
from evidence.tasks.task import Task, Trial
from evidence.training import Stepper

Figures = dict[str, float | None]

WARM = 2
"""Steps before anything is measured."""


def costs(task: Task, method: Shape | Reference, lora: Shape, rounds: int) -> Figures:
    """`seconds` and `lora_seconds` of a step, their `ratio`, `memory` and `saved`, bytes.

    `memory` is the growth of the resident set (on CUDA: of allocated memory) from the untrained
    model through training steps; `saved` what autograd keeps of a step besides the model's own
    weights, counted exactly. None: not measured here.
    """
    if task.device.type == "cuda" or not hasattr(os, "fork"):
        return _measure(task, method, lora, rounds)
    return _in_fork(lambda: _measure(task, method, lora, rounds))


def _measure(task: Task, method: Shape | Reference, lora: Shape, rounds: int) -> Figures:
    trial = task.trial(0)
    peak = Peak(task.device)
    peak.start()
    stepper = _stepper(trial, method, rounds)
    for _ in range(WARM):
        stepper.step()
    memory = peak.growth()
    saved = saved_bytes(stepper)
    other = _stepper(task.trial(0), lora, rounds)
    for _ in range(WARM):
        other.step()
    own, loras = [], []
    for _ in range(rounds):
        loras.append(_timed(other, task.device))
        own.append(_timed(stepper, task.device))
    ratio = statistics.median(a / b for a, b in zip(own, loras, strict=True))
    return {
        "seconds": statistics.median(own),
        "lora_seconds": statistics.median(loras),
        "ratio": ratio,
        "memory": memory,
        "saved": float(saved),
    }


def _stepper(trial: Trial, method: Shape | Reference, rounds: int) -> Stepper:
    steps = WARM + rounds + 1
    return Stepper(trial, method, seed=0, steps=steps, rate=1e-4, head_rate=1e-4)


def _timed(stepper: Stepper, device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    start = time.perf_counter()
    stepper.step()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - start


def saved_bytes(stepper: Stepper) -> int:
    """Bytes that the backward pass of a step keeps, weights of model and adapter left out."""
    trial = stepper.trial
    modules: list[nn.Module] = [m for m in (trial.model, trial.head, stepper.adapter) if m]
    own = {
        tensor.untyped_storage().data_ptr()
        for module in modules
        for tensor in (*module.parameters(), *module.buffers())
    }
    kept: dict[int, int] = {}

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        loss = trial.loss(next(trial.batches))
    del loss
    return sum(kept.values())


class Peak:
    """The largest memory between two moments."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.before: float | None = None

    def start(self) -> None:
        """Begin to watch."""
        if self.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self.device)
            self.before = float(torch.cuda.memory_allocated(self.device))
            return
        try:
            # Resets the high-water mark of this process, proc(5).
            Path("/proc/self/clear_refs").write_text("5")
        except OSError:
            return
        self.before = _status("VmRSS")

    def growth(self) -> float | None:
        """Bytes since `start`; None where the system does not say."""
        if self.before is None:
            return None
        if self.device.type == "cuda":
            return torch.cuda.max_memory_allocated(self.device) - self.before
        return _status("VmHWM") - self.before


def _status(name: str) -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return 1024.0 * int(line.split()[1])
    raise LookupError(name)


def _in_fork(measure: Callable[[], Figures]) -> Figures:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.close(reading)
            with os.fdopen(writing, "w") as file:
                json.dump(measure(), file)
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    os.close(writing)
    with os.fdopen(reading) as file:
        text = file.read()
    os.waitpid(child, 0)
    if not text:
        raise RuntimeError("the process that measures costs died; its message is above")
    figures: Figures = json.loads(text)
    return figures
