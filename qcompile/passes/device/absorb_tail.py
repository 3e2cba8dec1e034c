"""Absorption of what stands before the read-out, on the way to a device."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from qcompile.ir.circuit import Circuit
from qcompile.ir.circuit_analysis import two_qubit_gates
from qcompile.ir.routing import Routing, Variant
from qcompile.ir.verification import VerificationError
from qcompile.passes.base import Context, DevicePass
from qcompile.passes.circuit.absorb_cliffords import absorbed


@dataclass(frozen=True, slots=True, kw_only=True)
class AbsorbTail(DevicePass):
    """Move trailing Clifford gates into the read-out, and drop what commutes with it, repeatedly.

    A read-out of Z strings stays one: `cx` before it make parities. Whether a parity is worth the
    errors of reading its qubits is for `restore-parities` to judge, once places are known.
    """

    name: ClassVar[str] = "absorb-tail"

    def run(self, routing: Routing, context: Context) -> Routing:
        variants = tuple(_absorbed(variant, routing.circuit) for variant in routing.variants)
        return replace(routing, variants=variants)

    def ensures(self, before: Routing, after: Routing, context: Context) -> None:
        if len(before.variants) != len(after.variants):
            raise VerificationError("absorb-tail lost a variant")
        for old, new in zip(before.variants, after.variants, strict=True):
            if len(new.gates) > len(old.gates):
                raise VerificationError("absorb-tail added gates")
            if two_qubit_gates(new.gates) > two_qubit_gates(old.gates):
                raise VerificationError("absorb-tail added two-qubit gates")


def _absorbed(variant: Variant, circuit: Circuit) -> Variant:
    whole = replace(circuit, gates=variant.gates, readout=variant.readout)
    result = absorbed(whole, keep_diagonal=True)
    return replace(variant, gates=result.gates, readout=result.readout)
