"""The trainable angles of a circuit, laid out in one vector."""

from __future__ import annotations

from dataclasses import dataclass, field

from qcompile.ir.circuit import Affine
from qcompile.ir.initialisation import Init
from qcompile.ir.spec_circuit import Bank
from qcompile.passes.lowering.limits import MAX_BANK
from qcompile.passes.lowering.sizing import Sizing


@dataclass
class AngleLayout:
    """Declared banks first, in order, then the layers' own angles in order of appearance."""

    init: Init
    """Of the angles without one of their own."""
    count: int = 0
    banks: list[tuple[int, int]] = field(default_factory=list)
    """(offset, size) of each declared bank."""
    _bank_segments: list[tuple[int, Init]] = field(default_factory=list)

    def declare(self, bank: Bank, sizing: Sizing) -> None:
        """Lay out a bank."""
        what = f"the size of `{bank.name}`"
        size = sizing.integer(bank.size, what, None, low=1, high=MAX_BANK)
        self.banks.append((self.count, size))
        self._bank_segments.append((size, bank.init or self.init))
        self.count += size

    def fresh(self, count: int) -> tuple[Affine, ...]:
        """New angles, each an expression of its own."""
        first = self.count
        self.count += count
        return tuple(Affine(angles=((index, 1.0),)) for index in range(first, self.count))

    def segments(self) -> tuple[tuple[int, Init], ...]:
        """As in `TensorSpec.segments`: empty where all angles start in the same way."""
        own = self.count - sum(size for size, _ in self._bank_segments)
        merged: list[tuple[int, Init]] = []
        for length, init in (*self._bank_segments, (own, self.init)):
            if not length:
                continue
            if merged and merged[-1][1] == init:
                merged[-1] = (merged[-1][0] + length, init)
            else:
                merged.append((length, init))
        return () if all(init == self.init for _, init in merged) else tuple(merged)
