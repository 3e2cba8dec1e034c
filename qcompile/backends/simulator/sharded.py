"""Parameters that FSDP2 or DeepSpeed's ZeRO-3 has cut up, of which a process has a part."""

from __future__ import annotations

import torch
from torch import Tensor


def is_sharded(tensor: Tensor) -> bool:
    """Whether this process may hold a part of the tensor alone."""
    # The class stands in a module whose import costs a second, and exists in no run without it.
    return hasattr(tensor, "full_tensor") or is_partitioned(tensor)


def is_partitioned(tensor: Tensor) -> bool:
    """Whether DeepSpeed has put the tensor elsewhere, and left an empty one."""
    whole = getattr(tensor, "ds_shape", None)
    return whole is not None and tuple(whole) != tuple(tensor.shape)


def gathered(tensor: Tensor) -> Tensor:
    """All of a tensor; where it is sharded, every process must call it.

    Differentiable, but for tensors that DeepSpeed has partitioned, of which it is a copy.
    """
    if is_partitioned(tensor):
        import deepspeed

        with deepspeed.zero.GatheredParameters([tensor]), torch.no_grad():
            return tensor.detach().clone()
    if not is_sharded(tensor):
        return tensor
    full: Tensor = tensor.full_tensor()  # type: ignore[attr-defined]
    return full


def own_shard(tensor: Tensor) -> Tensor:
    """What this process holds of a tensor of FSDP2; writing to it writes to the tensor."""
    if not hasattr(tensor, "to_local"):
        return tensor
    local: Tensor = tensor.to_local()
    return local
