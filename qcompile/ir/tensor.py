"""The layout of tensors, trainable and frozen."""

from __future__ import annotations

from dataclasses import dataclass, field

from qcompile.ir.added_later import ADDED_LATER
from qcompile.ir.initialisation import Init


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorSpec:
    """A real tensor of one site, trainable unless `frozen`.

    Nodes refer to it by its index in the layout.
    """

    name: str
    """Dotted name within the adapter, as in the state_dict: `a.core0`, `h.weight`, `q.angles`."""
    shape: tuple[int, ...]
    init: Init
    share: str | None = None
    """Tensors with the same key are one tensor, across nodes and modules; shapes must agree."""
    fan_in: int | None = None
    """Overrides the fan-in that the shape implies, for the kaiming and xavier kinds."""
    frozen: bool = field(default=False, metadata=ADDED_LATER)
    """It keeps its start value, which files leave out: the seed and its name draw it again."""
    segments: tuple[tuple[int, Init], ...] = ()
    """Where parts of a vector start differently: (length, init), in order; empty: all `init`."""

    @property
    def size(self) -> int:
        total = 1
        for extent in self.shape:
            total *= extent
        return total
