"""Merging what is added to parameters."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from qcompile.adapter.merge_obstacles import ParameterUses, not_finite, part_obstacle
from qcompile.adapter.parameters import ParameterTarget, parameters_of
from qcompile.backends.simulator.module import AdapterModule


def merged_parameters(
    module: nn.Module, on: Mapping[str, float]
) -> tuple[list[tuple[Tensor, Tensor]], list[tuple[str, str]]]:
    """What changes with its new values, slice by slice; (adapter, why it cannot be merged).

    Sums are computed in float64 and rounded once.
    """
    holder = parameters_of(module)
    assert holder is not None
    changes: dict[tuple[str, int | None], Tensor] = {}
    adapters: dict[str, str] = {}
    for target in holder.targets():
        parts = _parts(target, on)
        if not parts:
            continue
        change = torch.stack([factor * part.merge_weight() for part, factor in parts]).sum(0)
        held: Tensor = module.get_parameter(target.parameter)
        changes[target.parameter, target.expert] = holder.laid_out(held, change)
        adapters[target.parameter] = parts[0][0].plan.adapter
    results: list[tuple[Tensor, Tensor]] = []
    problems: list[tuple[str, str]] = []
    for name, adapter in adapters.items():
        weight = module.get_parameter(name).detach()
        whole = changes.get((name, None))
        for expert, old in enumerate(weight if weight.dim() == 3 else [weight]):
            own = changes.get((name, expert))
            total = [it.to(old.device) for it in (whole, own) if it is not None]
            if not total:
                continue
            new = torch.stack([old.double(), *total]).sum(0).to(old.dtype)
            reason = not_finite(old, new)
            if reason is not None:
                problems.append((adapter, reason))
                break
            results.append((old, new))
    return results, problems


def parameter_obstacles(
    module: nn.Module, on: Mapping[str, float], uses: ParameterUses
) -> list[tuple[str, str, str]]:
    """(adapter, parameter, why it cannot be merged)."""
    holder = parameters_of(module)
    assert holder is not None
    found = []
    for target in holder.targets():
        weight = module.get_parameter(target.parameter)
        shared = uses.is_shared(weight)
        for part, _ in _parts(target, on):
            reason = part_obstacle(part)
            if weight.device.type == "meta":
                reason = "the weight has no values (meta device)"
            elif weight.is_inference():
                reason = "the weight was made in inference mode and cannot change"
            elif shared:
                reason = "the weight is shared with another module"
            if reason is not None:
                found.append((part.plan.adapter, target.parameter, reason))
    return found


def _parts(target: ParameterTarget, on: Mapping[str, float]) -> list[tuple[AdapterModule, float]]:
    return [(part, on[name]) for name, part in target.named_parts() if name in on]
