"""The base of messages that hold for one set of sizes."""

from __future__ import annotations

from qcompile.diagnostics.message import Message


class SizedMessage(Message):
    """A message that also says for which modules of which size it holds."""

    sizes: str = ""
    """Such as "for modules of 3584 -> 512, such as `model.layers.0.self_attn.v_proj`"."""

    def notes(self) -> tuple[str, ...]:
        """Say for which sizes."""
        return (self.sizes,) if self.sizes else ()
