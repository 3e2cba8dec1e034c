"""Parameters that torch.distributed has cut up: FSDP2 keeps a shard of each on every process."""

from __future__ import annotations

from torch import Tensor


def is_sharded(tensor: Tensor) -> bool:
    """Whether this process may hold a part of the tensor alone."""
    # The class stands in a module whose import costs a second, and exists in no run without it.
    return hasattr(tensor, "full_tensor")


def gathered(tensor: Tensor) -> Tensor:
    """All of a tensor, differentiable; where it is sharded, every process must call it."""
    if not is_sharded(tensor):
        return tensor
    full: Tensor = tensor.full_tensor()  # type: ignore[attr-defined]
    return full


def own_shard(tensor: Tensor) -> Tensor:
    """What this process holds of a tensor; writing to it writes to the tensor."""
    if not is_sharded(tensor):
        return tensor
    local: Tensor = tensor.to_local()  # type: ignore[attr-defined]
    return local
