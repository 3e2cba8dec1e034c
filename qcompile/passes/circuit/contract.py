"""Promises that circuit passes share."""

from __future__ import annotations

from collections.abc import Callable

from qcompile.diagnostics.message import Message
from qcompile.ir.circuit import Circuit
from qcompile.ir.circuit_analysis import used_angles, used_data
from qcompile.ir.verification import VerificationError
from qcompile.ir.verify_circuit import verify_circuit
from qcompile.passes.base import CircuitPass, Context


def ensure_same_interface(before: Circuit, after: Circuit) -> None:
    """Same data, angles, qubits, initial state and number of outputs; nothing new is used.

    Raises:
        VerificationError: it is not so, or `after` is not well formed.
    """
    verify_circuit(after)
    for name in ("qubits", "data_width", "angle_count", "initial", "outputs"):
        if getattr(before, name) != getattr(after, name):
            raise VerificationError(f"the circuit's {name} changed")
    if not used_angles(after.gates) <= used_angles(before.gates):
        raise VerificationError("the circuit uses angles that it did not use before")
    if not used_data(after.gates) <= used_data(before.gates):
        raise VerificationError("the circuit uses data that it did not use before")


def ensure_no_more_gates(before: Circuit, after: Circuit) -> None:
    """The same interface and no more gates than before.

    Raises:
        VerificationError: it is not so.
    """
    ensure_same_interface(before, after)
    if len(after.gates) > len(before.gates):
        raise VerificationError(f"{len(before.gates)} gates became {len(after.gates)}")


def ensure_same_readout(before: Circuit, after: Circuit) -> None:
    """No more gates, and exactly the same read-out.

    Raises:
        VerificationError: it is not so.
    """
    ensure_no_more_gates(before, after)
    if before.readout != after.readout:
        raise VerificationError("the read-out changed")


def remark_lost(
    message: Callable[..., Message], before: Circuit, after: Circuit, context: Context
) -> None:
    """Remark on trainable angles that `before` used and `after` does not, if there are any."""
    lost = len(used_angles(before.gates) - used_angles(after.gates))
    if lost:
        context.remark(
            message(
                adapter=context.adapter, count=lost, total=before.angle_count, span=context.span
            )
        )


class SameReadoutPass(CircuitPass):
    """A pass that promises no more gates, and exactly the same read-out."""

    def ensures(self, before: Circuit, after: Circuit, context: Context) -> None:
        ensure_same_readout(before, after)
