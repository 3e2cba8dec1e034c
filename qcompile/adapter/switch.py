"""Whether the adapters of a model are on."""

from __future__ import annotations

import threading

from qcompile.adapter.recomputation import same_in_recomputation


class Switch(threading.local):
    """One for each model, shared by all that attaching has put into it; on in every new thread.

    Each block of `disabled` counts for the thread that runs it, until it ends. Copies are on.
    """

    def __init__(self) -> None:
        self.blocks: set[object] = set()
        self.count = 0

    def begin(self, block: object) -> None:
        """Off until this block ends."""
        self.blocks.add(block)
        self.count = len(self.blocks)

    def end(self, block: object) -> None:
        """Undo `begin`, whether or not it was called."""
        self.blocks.discard(block)
        self.count = len(self.blocks)

    @property
    def on(self) -> bool:
        """Here and now; in a recomputation, as it was in the forward pass."""
        # torch.compile can guard on a number, not on a set.
        return same_in_recomputation(self.count == 0)

    def here(self) -> FixedSwitch:
        """As it is now, for other threads that work for this one."""
        return FixedSwitch(self.count == 0)

    def __reduce__(self) -> tuple[type[Switch], tuple[()]]:
        return Switch, ()


class FixedSwitch:
    """Of a replica that DataParallel makes for one forward pass and runs in another thread."""

    def __init__(self, on: bool) -> None:
        self.on = on

    def here(self) -> FixedSwitch:
        return self
