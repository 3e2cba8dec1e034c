"""What runs circuits elsewhere and answers with values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from qcompile.ir.circuit import Circuit

if TYPE_CHECKING:
    from numpy import float64
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A circuit in slots, and where it runs."""

    circuit: Circuit
    """Data are its slots; no trainable angles; starts in |0…0⟩; reads strings of Z or
    probabilities."""
    physical: tuple[int, ...] | None = None
    """The device's qubit for each of the circuit's; None: no device in particular."""
    elsewhere: tuple[tuple[int, ...], ...] = field(default=(), repr=False)
    """Further places, with no qubit in common with `physical` or each other, on which copies of
    the circuit may run at the same time."""
    decoupled: bool = field(default=False, repr=False)
    """Whether qubits that wait get pulses that decouple them from slow fields."""

    @property
    def copies(self) -> tuple[Placed, ...]:
        """The circuit on each of its places alone."""
        if not self.elsewhere:
            return (self,)
        return tuple(
            replace(self, physical=place, elsewhere=())
            for place in (self.physical, *self.elsewhere)
        )


class Service(Protocol):
    """A simulator, a device, or what reaches one."""

    @property
    def name(self) -> str:
        """As `adapter.on` and messages call it."""

    def expectations(
        self, asked: Sequence[tuple[Placed, NDArray[float64]]]
    ) -> list[NDArray[float64]]:
        """Values of several circuits, which may share jobs.

        Args:
            asked: Circuits, each with its bindings (K, slots) in radians.

        Returns:
            For each circuit (K, outputs) of its read-out. Equal bindings get equal values.

        Raises:
            AdapterError: QA71xx.
        """
