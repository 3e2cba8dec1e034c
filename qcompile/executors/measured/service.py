"""What runs circuits elsewhere and answers with values."""

from __future__ import annotations

from dataclasses import dataclass
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


class Service(Protocol):
    """A simulator, a device, or what reaches one."""

    @property
    def name(self) -> str:
        """As `adapter.on` and messages call it."""

    def expectations(self, placed: Placed, bindings: NDArray[float64]) -> NDArray[float64]:
        """Values of the read-out, (K, outputs), for bindings (K, slots) in radians.

        Equal bindings get equal values.

        Raises:
            AdapterError: QA71xx.
        """
