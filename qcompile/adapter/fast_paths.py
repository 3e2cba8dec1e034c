"""torch's own encoders, whose fast path reads the weights of their linear maps and calls none."""

from __future__ import annotations

from typing import Any

from torch import nn

SWITCHES: tuple[tuple[type[nn.Module], str, Any], ...] = (
    (nn.TransformerEncoder, "use_nested_tensor", False),
    (nn.TransformerEncoderLayer, "activation_relu_or_gelu", 0),
)
"""Class, the attribute that its forward asks before it takes the fast path, and what says no."""

KEPT = "qcompile_fast_path"
"""The attribute of a module that holds what its switch was."""


def leave_fast_paths(model: nn.Module, adapted: tuple[type[nn.Module], ...]) -> None:
    """Let encoders with a module of the kinds `adapted` in them call what is in them.

    Outputs are the same up to rounding; at padded positions they are not zero, as in training.
    """
    for module in model.modules():
        for kind, name, off in SWITCHES:
            if not isinstance(module, kind) or KEPT in vars(module):
                continue
            if any(isinstance(inside, adapted) for inside in module.modules()):
                setattr(module, KEPT, getattr(module, name, off))
                setattr(module, name, off)


def restore_fast_paths(model: nn.Module) -> None:
    """Undo `leave_fast_paths`."""
    for module in model.modules():
        if KEPT not in vars(module):
            continue
        for kind, name, _ in SWITCHES:
            if isinstance(module, kind):
                setattr(module, name, vars(module)[KEPT])
        delattr(module, KEPT)
