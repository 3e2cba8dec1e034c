"""Whether a module was ever called."""

from __future__ import annotations

import torch


class Calls:
    """Of one module; see `qcompile.adapter.watch`."""

    def __init__(self) -> None:
        self.seen = False

    def note(self) -> None:
        """To be called by the module's forward; compiled code has no part in it."""
        if not torch.compiler.is_compiling():
            self.seen = True
