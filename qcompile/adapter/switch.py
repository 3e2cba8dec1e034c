"""Which adapters of a model are on, with which weights and for which rows of a batch."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import NamedTuple

from qcompile.adapter.recomputation import same_in_recomputation

BASE = "__base__"
"""Stands for no adapter in a mixed batch, as in peft."""

Weights = tuple[tuple[str, float], ...]
"""Names of adapters that are on, in the order of attachment, and what multiplies their change."""


class Standing(NamedTuple):
    """What is on in one call of a module."""

    weights: Weights
    rows: tuple[str, ...] | None = None
    """The adapter of each row of the batch; then the weights do not count."""
    repeats: int = 1
    """How often each row may stand in a batch, for `generate`."""
    frozen: tuple[str, ...] = ()
    """Adapters that `set_adapter` has turned off, and whose parameters it has frozen."""


@dataclass
class Chosen:
    """What `set_adapter` has chosen, for every thread."""

    weights: Weights = ()
    frozen: tuple[str, ...] = ()


@dataclass(frozen=True)
class Effect:
    """Of a block: one of the three."""

    off: tuple[str, ...] | None = None
    """These are off; without any name, all."""
    weights: Weights | None = None
    rows: tuple[str, ...] | None = None
    repeats: int = 1


class Switch(threading.local):
    """One for each model, shared by all that attaching has put into it.

    Each block (`disabled`, `using`, `mixed_batch`) counts for the thread that runs it, until it
    ends. Copies have what is chosen, and no blocks.
    """

    def __init__(self, chosen: Chosen) -> None:
        # Called in every new thread, with the same argument.
        self.chosen = chosen
        self.blocks: dict[object, Effect] = {}
        # torch.compile can guard on numbers and tuples, not on the blocks.
        self.all_off = False
        self.off: tuple[str, ...] = ()
        self.weights: Weights | None = None
        self.rows: tuple[str, ...] | None = None
        self.repeats = 1

    def begin(self, block: object, effect: Effect) -> None:
        """Let an effect hold until this block ends."""
        self.blocks[block] = effect
        self._settle()

    def end(self, block: object) -> None:
        """Undo `begin`, whether or not it was called."""
        self.blocks.pop(block, None)
        self._settle()

    def _settle(self) -> None:
        effects = tuple(self.blocks.values())
        offs = [effect.off for effect in effects if effect.off is not None]
        self.all_off = () in offs
        self.off = tuple(dict.fromkeys(name for names in offs for name in names))
        others = [effect for effect in effects if effect.off is None]
        last = others[-1] if others else Effect()
        self.weights, self.rows, self.repeats = last.weights, last.rows, last.repeats

    def now(self) -> Standing:
        """Here, whatever is recomputed."""
        frozen = self.chosen.frozen
        if self.all_off:
            return Standing((), frozen=frozen)
        if self.rows is not None:
            rows = tuple(BASE if name in self.off else name for name in self.rows)
            return Standing((), rows, self.repeats, frozen)
        weights = self.chosen.weights if self.weights is None else self.weights
        if self.off:
            weights = tuple(item for item in weights if item[0] not in self.off)
        return Standing(weights, frozen=frozen)

    def standing(self) -> Standing:
        """Here and now; in a recomputation, as it was in the forward pass."""
        return same_in_recomputation(self.now())

    def here(self) -> FixedSwitch:
        """As it is now, for other threads that work for this one."""
        return FixedSwitch(self.now())

    def __reduce__(self) -> tuple[type[Switch], tuple[Chosen]]:
        return Switch, (self.chosen,)


class FixedSwitch:
    """Of a replica that DataParallel makes for one forward pass and runs in another thread."""

    def __init__(self, standing: Standing) -> None:
        self._standing = standing

    def now(self) -> Standing:
        return self._standing

    def standing(self) -> Standing:
        return self._standing

    def here(self) -> FixedSwitch:
        return self
