"""Which modules are convolutions, and how their weights are linear maps of patches."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


def is_convolution(module: torch.nn.Module) -> bool:
    """Whether a module is torch's Conv1d, Conv2d or Conv3d, or derived from one."""
    from torch import nn

    return isinstance(module, nn.Conv1d | nn.Conv2d | nn.Conv3d)


def convolution_sizes(module: torch.nn.Module) -> tuple[int, int] | None:
    """(elements of a patch, output channels) of a convolution; None for any other module.

    A patch holds the elements under the kernel, of all input channels, whatever the groups.
    """
    from torch import nn

    if not isinstance(module, nn.Conv1d | nn.Conv2d | nn.Conv3d):
        return None
    if convolution_obstacle(module) is not None:
        return None
    return module.in_channels * math.prod(module.kernel_size), module.out_channels


def convolution_obstacle(module: torch.nn.Module) -> str | None:
    """Why the patches of a convolution are not known."""
    from torch import nn
    from torch.nn.parameter import is_lazy

    kind: Any = type(module)
    for known in (nn.Conv1d, nn.Conv2d, nn.Conv3d):
        if isinstance(module, known):
            if any(p is not None and is_lazy(p) for p in module._parameters.values()):
                return "its weight has no shape before its first call"
            own = (kind.forward, kind._conv_forward) == (known.forward, known._conv_forward)
            if not own:
                return f"`{kind.__name__}` has a forward of its own, which may use other patches"
    return None


def grouped(module: torch.nn.Module) -> str | None:
    """Why the weight of a convolution is no matrix for whole patches; None where it is."""
    groups = getattr(module, "groups", 1) if is_convolution(module) else 1
    return None if groups == 1 else f"the weight is that of {groups} groups of channels"
