"""A way to run circuits: whether it can, what it does, what that costs, its torch."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Protocol

from qcompile.executors.costing import Price, Workload
from qcompile.ir.circuit import Circuit
from qcompile.ir.device import Device, RoutedCircuit
from qcompile.ir.plan import Evaluation
from qcompile.ir.target import Target

if TYPE_CHECKING:
    # Plans are made and weighed without torch.
    from torch import Tensor

    from qcompile.executors.constants import Constants


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A circuit that is to be run, and under which conditions."""

    circuit: Circuit
    target: Target
    """Its noise, shots and mitigation count."""
    load: Workload
    memory_limit: float
    """Bytes that one step may take."""
    demanded: bool = False
    """The target names this executor: it refuses what it cannot do, not what is slow."""
    searches: int = 0
    """How many times to search for what is not found at once."""
    budget: float = math.inf
    """Seconds that another executor takes: what is slower need not be planned to the end."""
    best: Evaluation | None = None
    """What that executor would do."""
    routed: RoutedCircuit | None = None
    """The circuit on the target's device, where there is one."""
    device: Device | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """The executor cannot run the circuit, or would be slower than the budget."""

    reason: str
    """Part of a sentence, as in "evaluator `dense` cannot run the circuit: it …"."""


class Evaluator(Protocol):
    """data (B, data_width) real, angles (angle_count,) or None → (B, outputs), data's dtype.

    Differentiable in data and angles.
    """

    def __call__(self, data: Tensor, angles: Tensor | None) -> Tensor: ...


class Executor(ABC):
    """One way to run circuits. A subclass has no state; it is told all that it needs."""

    name: ClassVar[str]
    """As a target's `evaluator` spells it; the `kind` of its evaluations."""
    weighed: ClassVar[bool] = True
    """Whether it is compared with others wherever it can run; else a target must name it."""
    simulates_noise: ClassVar[bool] = False
    """Whether the target's depolarising noise is in the values."""
    simulates_device: ClassVar[bool] = False
    """Whether the noise of the target's device is in the values."""

    @abstractmethod
    def plan(self, request: Request) -> Evaluation | Refusal:
        """What is to be frozen into the Plan: the same for the same request, on every machine."""

    @abstractmethod
    def price(self, evaluation: Evaluation, load: Workload) -> Price:
        """The cost of an evaluation of this executor, of whatever origin. Shots are not counted."""

    @abstractmethod
    def build(self, evaluation: Evaluation, target: Target, constants: Constants) -> Evaluator:
        """The callable; its tables are `constants`, so that they follow the module's device.

        Args:
            evaluation: One of this executor.
            target: Has the shots and the mitigation.
            constants: Takes the fixed tables.
        """
