"""Which modules are linear maps, and of which sizes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


def linear_sizes(module: torch.nn.Module) -> tuple[int, int] | None:
    """(in_features, out_features) of a linear map; None for any other module.

    Knows torch's Linear and subclasses, quantised ones that keep `in_features` and
    `out_features`, and transformers' Conv1D (`nx`, `nf`).
    """
    if is_conv1d(module):
        return int(_attribute(module, "nx")), int(_attribute(module, "nf"))
    if not hasattr(module, "in_features") or not hasattr(module, "out_features"):
        return None
    if not hasattr(module, "weight") or type(module).__name__ == "Bilinear":
        return None
    return int(_attribute(module, "in_features")), int(_attribute(module, "out_features"))


def is_conv1d(module: torch.nn.Module) -> bool:
    """Whether a module is transformers' Conv1D, whose weight is (in, out)."""
    return type(module).__name__ == "Conv1D" and hasattr(module, "nf") and hasattr(module, "nx")


def _attribute(module: torch.nn.Module, name: str) -> Any:
    return getattr(module, name)
