"""What a norm of a model computes."""

from __future__ import annotations

import copy
from collections import OrderedDict
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

EPS = ("eps", "variance_epsilon", "epsilon")
"""Attributes of norms that hold what is added to the mean of the squares."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NormForm:
    """(w + `offset`) · v / √(mean(v²) + `eps`), plus a bias where the norm has one."""

    centred: bool
    """v is x less its mean, else x."""
    eps: float
    offset: float


def norm_form(module: torch.nn.Module) -> NormForm | None:
    """The form of a norm over the last axis, found by trying it; None where it has another one.

    Args:
        module: May be on the meta device; it is not changed.
    """
    import torch

    eps = next((getattr(module, name) for name in EPS if hasattr(module, name)), None)
    weight = getattr(module, "weight", None)
    if not isinstance(eps, float) or weight is None or weight.dim() != 1:
        return None
    tried = copy.copy(module)
    # What stands in it, and hooks that call that, are no part of the norm.
    vars(tried).update(_modules={}, _forward_hooks=OrderedDict())
    tried = copy.deepcopy(tried).to_empty(device="cpu").float()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in tried.parameters():
            parameter.copy_(torch.rand(parameter.shape, generator=generator))
        x = 1 + torch.randn(4, len(weight), generator=generator)
        found = tried(x)
        bias = getattr(tried, "bias", None)
        for centred, offset in product((False, True), (0.0, 1.0)):
            value = x - x.mean(-1, keepdim=True) if centred else x
            value = value * (value.square().mean(-1, keepdim=True) + eps).rsqrt()
            value = (tried.get_parameter("weight") + offset) * value
            if bias is not None:
                value = value + bias
            if torch.allclose(value, found, rtol=1e-4, atol=1e-5):
                return NormForm(centred=centred, eps=eps, offset=offset)
    return None
