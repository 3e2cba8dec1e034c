"""The frozen module that an adapter computes with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn

from qcompile.backends.simulator.sharded import is_sharded
from qcompile.diagnostics.errors import AdapterError
from qcompile.diagnostics.messages.adapter import WeightNotReadable
from qcompile.models.convolutions import grouped, is_convolution
from qcompile.models.weights import as_matrix

_COMPUTED = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
"""What linear maps compute in; others are the storage of a quantised weight."""


class Base(Protocol):
    """W v + b."""

    def output(self, value: Tensor) -> Tensor:
        """(…, in_features) → (…, out_features), in any dtype."""

    def weight(self) -> Tensor:
        """(out_features, in_features), without gradient."""

    def bias(self) -> Tensor | None:
        """(out_features,), without gradient."""


@dataclass(frozen=True)
class GivenBase:
    """A weight and a bias."""

    matrix: Tensor
    shift: Tensor | None = None

    def output(self, value: Tensor) -> Tensor:
        return nn.functional.linear(value, self.matrix, self.shift)

    def weight(self) -> Tensor:
        return self.matrix

    def bias(self) -> Tensor | None:
        return self.shift


@dataclass(frozen=True)
class ModuleBase:
    """A module of a model, quantised or not; `dtype` is that of its usual input."""

    module: nn.Module
    dtype: torch.dtype
    adapter: str
    site: str

    def output(self, value: Tensor) -> Tensor:
        if is_convolution(self.module):
            # It takes images, and the values are patches.
            return GivenBase(self.weight().to(value), _like(self.bias(), value)).output(value)
        own = getattr(self.module, "weight", None)
        dtype = own.dtype if isinstance(own, Tensor) and own.dtype in _COMPUTED else self.dtype
        rows = value.reshape(-1, value.shape[-1]).to(dtype)
        result: Tensor = self.module(rows)
        return result.reshape(*value.shape[:-1], result.shape[-1])

    def weight(self) -> Tensor:
        """Raises AdapterError, QA6024, where the module does not hold it as numbers."""
        reason = unreadable(self.module)
        if reason is not None:
            where = self.site or type(self.module).__name__
            raise AdapterError(WeightNotReadable(adapter=self.adapter, module=where, reason=reason))
        weight = self.module.weight
        assert isinstance(weight, Tensor)
        return as_matrix(self.module, weight.detach())

    def bias(self) -> Tensor | None:
        own = getattr(self.module, "bias", None)
        return own.detach() if isinstance(own, Tensor) else None


def _like(tensor: Tensor | None, other: Tensor) -> Tensor | None:
    return None if tensor is None else tensor.to(other)


def unreadable(module: nn.Module) -> str | None:
    """Why the weight of a module cannot be read as numbers; None where it can."""
    weight: object = getattr(module, "weight", None)
    if not isinstance(weight, Tensor):
        return f"`{type(module).__name__}` has none"
    if is_sharded(weight):
        return "this process holds a part of it"
    if not _is_plain(weight):
        return f"it is quantised ({type(weight).__name__})"
    groups = grouped(module)
    if groups is not None:
        return groups
    if weight.dtype not in _COMPUTED or as_matrix(module, weight).dim() != 2:
        return f"it is quantised ({str(weight.dtype).removeprefix('torch.')})"
    return None


def _is_plain(weight: Tensor) -> bool:
    # Quantisation packages keep their integers in subclasses, some of which say `float32`.
    return type(weight) in (nn.Parameter, Tensor)
