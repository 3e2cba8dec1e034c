"""Parameters that are matrices of their own: of experts, all in one, and of routers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from qcompile.ir.hosts import EXPERT_HOST, PARAMETER_HOST, HostSizes
from qcompile.models.linear import linear_sizes

if TYPE_CHECKING:
    import torch

ROUTERS = frozenset({"gate", "router", "shared_expert_gate"})
"""Names of what chooses among experts."""

TIED_EXPERTS = "experts.tied"
"""The role of a parameter of experts; that of one of its slices is `experts`."""

TRANSPOSED = frozenset({"Llama4TextExperts"})
"""Classes that keep (experts, in, out) and do not say so by `is_transposed`."""


@dataclass(frozen=True, slots=True)
class ParameterPlace:
    """A parameter, or one slice of it."""

    name: str
    """Of the parameter in its module, with the number of the slice: `down_proj.3`."""
    parameter: str
    expert: int | None
    transposed: bool
    """It is (…, in, out)."""
    sizes: HostSizes
    role: str


def parameter_places(name: str, module: torch.nn.Module) -> Iterator[ParameterPlace]:
    """The parameters of a module of this name that an update can be added to."""
    router = router_weight(name, module)
    if router is not None:
        out_features, in_features = router.shape
        sizes = HostSizes(PARAMETER_HOST, in_features, out_features)
        yield ParameterPlace("weight", "weight", None, False, sizes, "router")
    transposed = is_transposed(module)
    for parameter in stacked_experts(name, module):
        count, first, second = module.get_parameter(parameter).shape
        widths = (first, second) if transposed else (second, first)
        whole = HostSizes(PARAMETER_HOST, *widths, slices=count)
        yield ParameterPlace(parameter, parameter, None, transposed, whole, TIED_EXPERTS)
        one = HostSizes(EXPERT_HOST, *widths)
        for expert in range(count):
            own = f"{parameter}.{expert}"
            yield ParameterPlace(own, parameter, expert, transposed, one, "experts")


def stacked_experts(name: str, module: torch.nn.Module) -> tuple[str, ...]:
    """Parameters (experts, …, …) of a module that holds the weights of all experts."""
    # Convolutions have three axes, too.
    if "expert" not in f"{name.rpartition('.')[2]} {type(module).__name__}".lower():
        return ()
    return tuple(n for n, p in module.named_parameters(recurse=False) if p.dim() == 3)


def is_transposed(module: torch.nn.Module) -> bool:
    """Whether a module of experts keeps (experts, in, out)."""
    said: Any = getattr(module, "is_transposed", None)
    return said if isinstance(said, bool) else type(module).__name__ in TRANSPOSED


def router_weight(name: str, module: torch.nn.Module) -> torch.Tensor | None:
    """The weight, (experts, in_features), of a router that is not simply a linear map.

    That of Llama 4 is a subclass of `Linear` whose forward gives scores as well.
    """
    if name.rpartition(".")[2] not in ROUTERS:
        return None
    if linear_sizes(module) is not None and "Router" not in type(module).__name__:
        return None
    weight = module._parameters.get("weight")
    return weight if weight is not None and weight.dim() == 2 else None
