"""Whether the tensors of attached adapters are still numbers."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from qcompile.backends.simulator.module import AdapterModule
from qcompile.backends.simulator.sharded import own_shard
from qcompile.diagnostics.arguments import check_type
from qcompile.diagnostics.errors import AdapterError, few
from qcompile.diagnostics.message import Message
from qcompile.diagnostics.messages.adapter import NotFinite


def check_finite(model: nn.Module) -> None:
    """Check every tensor of the adapters in `model` and its gradient, where it has one.

    Costs one pass over the adapters' parameters and waits for the device once: for steps that are
    logged, not for each. Of sharded tensors each process checks what it holds.

    Args:
        model: A model with adapters, a compiled adapter, or a part of one.

    Raises:
        AdapterError: QA6031, which names modules and tensors that hold NaN or an infinity.
        UsageError: QA6013.
    """
    check_type("check_finite", "model", model, nn.Module, "a module with adapters in it")
    found = list(_tensors(model))
    if not found or bool(_all_finite([tensor for _, _, tensor in found])):
        return
    problems: list[Message] = []
    for part, name, tensor in found:
        broken = tensor.numel() - int(tensor.isfinite().sum())
        if broken:
            problems.append(
                NotFinite(
                    tensor=name,
                    adapter=part.plan.adapter,
                    place=f" on `{part.site}`" if part.site else "",
                    broken=broken,
                    size=tensor.numel(),
                )
            )
    raise AdapterError(*few(problems))


def _tensors(model: nn.Module) -> Iterator[tuple[AdapterModule, str, Tensor]]:
    """Parameters and their gradients with what messages call them; shared ones once."""
    seen: set[int] = set()
    for part in model.modules():
        if not isinstance(part, AdapterModule):
            continue
        for name, parameter in part.named_parameters():
            if id(parameter) in seen or parameter.device.type == "meta":
                continue
            seen.add(id(parameter))
            own = own_shard(parameter.detach())
            # A process beyond the last row of a tensor holds nothing of it.
            if own.numel():
                yield part, f"`{name}`", own
            if own.numel() and parameter.grad is not None:
                yield part, f"the gradient of `{name}`", own_shard(parameter.grad.detach())


def _all_finite(tensors: list[Tensor]) -> Tensor:
    """0-dim; the largest absolute value is NaN where any is, and does not overflow as sums do."""
    device = tensors[0].device
    largest = [tensor.abs().amax().to(device, torch.float64) for tensor in tensors]
    return torch.stack(largest).isfinite().all()
