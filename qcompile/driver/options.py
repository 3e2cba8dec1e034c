"""What a compilation may be told besides the source."""

from __future__ import annotations

from dataclasses import dataclass

from qcompile.diagnostics.errors import UsageError
from qcompile.diagnostics.messages.usage import DuplicateDefinition
from qcompile.grammar.elaborate.overrides import Override
from qcompile.ir.device import Device
from qcompile.ir.limits import DEFAULT_MEMORY, DEFAULT_OPTIMISATION, DEFAULT_TOKENS
from qcompile.ir.scalar import ScalarValue
from qcompile.ir.target import Validation


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a compilation may be told besides the source."""

    definitions: tuple[str, ...] = ()
    """`name=value` or `adapter.name=value`, as after `-D`."""
    parameters: tuple[tuple[str, ScalarValue], ...] = ()
    """The same of a Python program: (`name` or `adapter.name`, value)."""
    model: str | None = None
    """A config.json or a folder with one; overrides the file's `model` line."""
    target: str | Device | None = None
    """A target of the file, the name of a device, or a device; overrides the file's choice."""
    control: bool = False
    """Every circuit is replaced by a classical map with as many parameters."""
    optimisation: int = DEFAULT_OPTIMISATION
    passes: str | None = None
    """A pipeline instead of the preset of the optimisation level."""
    tokens: int = DEFAULT_TOKENS
    memory_limit: int = DEFAULT_MEMORY
    seed: int = 0
    verify: bool = False
    validate: Validation = "none"
    """Whether the best candidates of circuits on a device are simulated under its noise."""
    budget: int | None = None
    """Searches of each circuit on its way to a device, at most."""
    evaluator: str | None = None
    """How circuits are run, whatever their target says."""

    def overrides(self) -> tuple[Override, ...]:
        """All values of parameters.

        Raises:
            UsageError: QA0018, QA0019.
        """
        given = tuple(Override.of(name, value) for name, value in self.parameters)
        return (*read_definitions(self.definitions), *given)


def read_definitions(definitions: tuple[str, ...]) -> tuple[Override, ...]:
    """What stands after each `-D`.

    Raises:
        UsageError: QA0018, QA0019.
    """
    overrides = tuple(Override.parse(text) for text in definitions)
    seen: set[tuple[str | None, str]] = set()
    for override in overrides:
        place = (override.adapter, override.name)
        if place in seen:
            name = f"{override.adapter}.{override.name}" if override.adapter else override.name
            raise UsageError(DuplicateDefinition(name=name))
        seen.add(place)
    return overrides
