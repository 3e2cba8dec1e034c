"""Two-qubit gates on the gates that a coupling has, in their directions."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

from qcompile.ir.circuit import Affine, Gate
from qcompile.ir.decompose import placed
from qcompile.ir.device import Device, NativeGate, gates_of
from qcompile.ir.native_sets import ENTANGLING

HADAMARD = "h"


class NotCoupled(Exception):
    """Two qubits on which the device has no gate that can be used."""


@dataclass(frozen=True)
class Couplings:
    """The two-qubit gates of a device."""

    device: Device
    _chosen: dict[tuple[tuple[int, ...], str], tuple[NativeGate, bool]] = field(
        default_factory=dict
    )

    @cached_property
    def _bounds(self) -> dict[str, tuple[float, float]]:
        return {name: (low, high) for name, low, high in self.device.angle_bounds}

    def write(self, gates: Iterable[Gate]) -> Iterator[Gate]:
        """Rewrite cz, cx and rzz on coupled qubits in the device's gates and one-qubit gates.

        Of several ways the one with the least error is taken, and of equal ones the shortest.

        Raises:
            NotCoupled: two qubits have no gate.
        """
        for gate in gates:
            if len(gate.qubits) == 1:
                yield gate
            elif gate.name == "rzz":
                yield from self._rzz(gate)
            elif gate.name == "cx" and ("cx", gate.qubits) in gates_of(self.device):
                yield gate
            elif gate.name == "cx":
                change = Gate(name=HADAMARD, qubits=gate.qubits[1:])
                yield change
                yield from self._cz(gate.qubits)
                yield change
            else:
                yield from self._cz(gate.qubits)

    def _cz(self, pair: tuple[int, ...]) -> tuple[Gate, ...]:
        native, _ = self._choice(pair, "cz")
        return placed(ENTANGLING[native.name].cz_steps, native.qubits, ())

    def _rzz(self, gate: Gate) -> Iterator[Gate]:
        angle = gate.angles[0]
        native, whole = self._choice(gate.qubits, "constant" if angle.is_constant else "any")
        if whole:
            for inner in self._folded(angle, native):
                if inner.name == "rzz":
                    steps = ENTANGLING[native.name].rzz_steps
                    yield from placed(steps, native.qubits, inner.angles)
                else:
                    yield inner
            return
        cx = Gate(name="cx", qubits=gate.qubits)
        turn = Gate(name="rz", qubits=gate.qubits[1:], angles=(angle,))
        yield from self.write((cx, turn, cx))

    def _folded(self, angle: Affine, native: NativeGate) -> Iterator[Gate]:
        """rzz with a constant angle within the bounds of the native gate, [0, π/2] or wider."""
        if native.name not in self._bounds:
            yield Gate(name="rzz", qubits=native.qubits, angles=(angle,))
            return
        # RZZ(t + π) = (Z ⊗ Z) RZZ(t), up to a phase, and RZZ(-t) = X RZZ(t) X on either qubit.
        turn = math.remainder(angle.constant, 2 * math.pi)
        phases = tuple(Gate(name="z", qubits=(qubit,)) for qubit in native.qubits)
        flips = (Gate(name="x", qubits=native.qubits[:1]),)
        around: tuple[Gate, ...] = ()
        if abs(turn) > math.pi / 2:
            yield from phases
            turn = math.remainder(turn + math.pi, 2 * math.pi)
        if turn < 0.0:
            around, turn = flips, -turn
        yield from around
        yield Gate(name="rzz", qubits=native.qubits, angles=(Affine(constant=turn),))
        yield from around

    def _choice(self, pair: tuple[int, ...], wanted: str) -> tuple[NativeGate, bool]:
        """The native gate, and whether it makes an rzz alone."""
        key = pair, wanted
        if key not in self._chosen:
            offers = sorted(self._offers(pair, wanted), key=lambda offer: offer[0])
            if not offers:
                raise NotCoupled(f"qubits {pair[0]} and {pair[1]} have no gate that can be used")
            _, native, whole = offers[0]
            self._chosen[key] = native, whole
        return self._chosen[key]

    def _offers(
        self, pair: tuple[int, ...], wanted: str
    ) -> Iterator[tuple[tuple[float, int, int, int], NativeGate, bool]]:
        present = gates_of(self.device)
        found = [
            native
            for name in ENTANGLING
            for place in (pair, pair[::-1])
            if (native := present.get((name, place))) is not None
        ]
        known = all(native.error is not None for native in found)
        for order, native in enumerate(found):
            row = ENTANGLING[native.name]
            failure = -math.log1p(-(native.error or 0.0)) if known else 0.0
            bounds = self._bounds.get(native.name)
            whole = bounds is None or (bounds[0] <= 0.0 and bounds[1] >= math.pi / 2)
            allowed = bounds is None or bounds[0] <= math.pi / 2 <= bounds[1]
            if wanted == "cz":
                if allowed:
                    yield (round(failure, 12), 1, order, 0), native, False
                continue
            if row.rzz and (bounds is None or (whole and wanted == "constant")):
                yield (round(failure, 12), 1, order, 0), native, True
            if allowed:
                yield (round(2 * failure, 12), 2, order, 1), native, False
