"""A convolution as a linear map of patches.

The patch at a position of the output holds the elements of the padded input under the kernel, in
the order of the weight: channel by channel, and in each row by row.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def patches(module: Any, x: Tensor) -> Tensor:
    """(N, channels, …) or (channels, …) → (N, …, elements of a patch), or without N.

    Padding in any mode, strides and dilations are those of the convolution `module`.
    """
    axes = len(module.kernel_size)
    single = x.dim() == axes + 1
    batch = x.unsqueeze(0) if single else x
    mode = "constant" if module.padding_mode == "zeros" else module.padding_mode
    batch = torch.nn.functional.pad(batch, module._reversed_padding_repeated_twice, mode=mode)
    for axis in range(axes):
        apart = module.dilation[axis]
        span = apart * (module.kernel_size[axis] - 1) + 1
        batch = batch.unfold(2 + axis, span, module.stride[axis])[..., ::apart]
    # (N, channels, positions …, kernel …)
    found = batch.movedim(1, 1 + axes).flatten(1 + axes)
    return found[0] if single else found


def channels_last(module: Any, y: Tensor) -> Tensor:
    """(N, channels, …) or (channels, …) → (N, …, channels), or without N."""
    return y.movedim(-1 - len(module.kernel_size), -1)


def channels_first(module: Any, y: Tensor) -> Tensor:
    """The way back."""
    return y.movedim(-1, -1 - len(module.kernel_size))
