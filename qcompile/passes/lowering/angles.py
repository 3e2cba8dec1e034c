"""The trainable angles of a circuit, laid out in one vector."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from qcompile.ir.circuit import Affine
from qcompile.ir.initialisation import Init
from qcompile.ir.limits import MAX_BANK
from qcompile.ir.spec_circuit import Bank
from qcompile.passes.lowering.sizing import Sizing


@dataclass
class AngleLayout:
    """Declared banks first, in order, then the layers' own angles in order of appearance."""

    init: Init
    """Of the angles without one of their own."""
    start: int = 0
    """Position of the first angle in the vector."""
    count: int = 0
    banks: list[tuple[int, int]] = field(default_factory=list)
    """(offset, size) of each declared bank."""
    _bank_segments: list[tuple[int, Init]] = field(default_factory=list)

    def declare(self, bank: Bank, sizing: Sizing) -> None:
        """Lay out a bank."""
        what = f"the size of `{bank.name}`"
        size = sizing.integer(bank.size, what, None, low=1, high=MAX_BANK)
        self.banks.append((self.start + self.count, size))
        self._bank_segments.append((size, bank.init or self.init))
        self.count += size

    def fresh(self, count: int) -> tuple[Affine, ...]:
        """New angles, each an expression of its own."""
        first = self.start + self.count
        self.count += count
        return tuple(Affine(angles=((index, 1.0),)) for index in range(first, first + count))

    def parts(self) -> tuple[tuple[int, Init], ...]:
        """(length, how they start), in order; lengths may be zero."""
        own = self.count - sum(size for size, _ in self._bank_segments)
        return (*self._bank_segments, (own, self.init))


def segments_of(layouts: Sequence[AngleLayout]) -> tuple[tuple[int, Init], ...]:
    """As in `TensorSpec.segments`, of layouts with one `init`, one behind the other."""
    merged: list[tuple[int, Init]] = []
    for length, init in (part for layout in layouts for part in layout.parts()):
        if not length:
            continue
        if merged and merged[-1][1] == init:
            merged[-1] = (merged[-1][0] + length, init)
        else:
            merged.append((length, init))
    return () if all(init == layouts[0].init for _, init in merged) else tuple(merged)
