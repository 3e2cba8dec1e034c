"""What a pass is: a frozen value whose fields are its options, with a pure `run`.

Options appear in the pipeline's string: a pass `FindPaths(repeats=8)` prints as
`find-paths{repeats=8}`, and that string builds the same pass again.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from qcompile.diagnostics.message import Message
from qcompile.diagnostics.source import Span
from qcompile.ir.circuit import Circuit
from qcompile.ir.device import Device
from qcompile.ir.limits import DEFAULT_MEMORY, DEFAULT_OPTIMISATION, DEFAULT_TOKENS
from qcompile.ir.plan import Plan
from qcompile.ir.program import Program
from qcompile.ir.routing import Routing
from qcompile.ir.target import DEFAULT_TARGET, Target, Validation
from qcompile.ir.verification import VerificationError as VerificationError


def ignore(message: Message) -> None:
    """Drop a remark."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """Everything a pass may know besides what it transforms."""

    target: Target = DEFAULT_TARGET
    device: Device | None = None
    """The target's device, loaded."""
    tokens: int = DEFAULT_TOKENS
    """Tokens of one step: the batch for which costs are weighed."""
    memory_limit: int = DEFAULT_MEMORY
    """Bytes that one step of one module may take."""
    optimisation: int = DEFAULT_OPTIMISATION
    validate: Validation = "none"
    """Whether the best candidates of circuits on a device are simulated whatever their size."""
    budget: int | None = None
    """Searches of each circuit on its way to a device, at most."""
    adapter: str = ""
    """The adapter that is transformed, for remarks; `run_pipeline` fills it in."""
    span: Span | None = None
    """Where the adapter is declared."""
    remark: Callable[[Message], None] = ignore
    """Takes warnings for the user."""


class ProgramPass(ABC):
    """Program → Program, same meaning."""

    name: ClassVar[str]

    @abstractmethod
    def run(self, program: Program, context: Context) -> Program:
        """The transformed program."""

    def ensures(self, before: Program, after: Program, context: Context) -> None:  # noqa: B027 - optional
        """Raise `VerificationError` where the pass's own promise is broken."""


class CircuitPass(ABC):
    """Circuit → Circuit, same outputs; runs on every circuit of a program."""

    name: ClassVar[str]

    keeps_matrix: ClassVar[bool] = False
    """Made of real gates, the circuit's matrix stays the same, sign included, whatever the initial
    state and the read-out. Such a pass also runs on the circuits of orthogonal matrices."""

    @abstractmethod
    def run(self, circuit: Circuit, context: Context) -> Circuit:
        """The transformed circuit; data_width, angle_count and the number of outputs stay."""

    def ensures(self, before: Circuit, after: Circuit, context: Context) -> None:  # noqa: B027 - optional
        """Raise `VerificationError` where the pass's own promise is broken."""


class DevicePass(ABC):
    """Circuit on its way to a device → the same further on; runs where the target is a device."""

    name: ClassVar[str]

    @abstractmethod
    def run(self, routing: Routing, context: Context) -> Routing:
        """The stage after the pass; the circuit and the device stay."""

    def ensures(self, before: Routing, after: Routing, context: Context) -> None:  # noqa: B027 - optional
        """Raise `VerificationError` where the pass's own promise is broken."""


class PlanPass(ABC):
    """Plan → Plan, same meaning."""

    name: ClassVar[str]

    @abstractmethod
    def run(self, plan: Plan, context: Context) -> Plan:
        """The transformed plan."""

    def ensures(self, before: Plan, after: Plan, context: Context) -> None:  # noqa: B027 - optional
        """Raise `VerificationError` where the pass's own promise is broken."""


Pass = ProgramPass | CircuitPass | DevicePass | PlanPass
