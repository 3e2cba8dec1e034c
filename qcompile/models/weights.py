"""Weights as they are stored, and as matrices (out_features, in_features)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qcompile.models.convolutions import is_convolution
from qcompile.models.linear import is_conv1d

if TYPE_CHECKING:
    import torch


def as_matrix(module: torch.nn.Module, weight: torch.Tensor) -> torch.Tensor:
    """A weight as the module stores it → (out_features, in_features), a view."""
    if is_convolution(module):
        return weight.flatten(1)
    return weight.T if _is_transposed(module) else weight


def as_stored(module: torch.nn.Module, matrix: torch.Tensor) -> torch.Tensor:
    """(out_features, in_features) → the weight as the module stores it."""
    if is_convolution(module):
        stored: Any = module.weight
        return matrix.reshape(stored.shape)
    return matrix.T if _is_transposed(module) else matrix


def _is_transposed(module: torch.nn.Module) -> bool:
    """Whether the weight is stored (in, out), as transformers' Conv1D and embeddings have it."""
    from torch import nn

    return is_conv1d(module) or isinstance(module, nn.Embedding)
