"""What calibration learns of a module from a few batches. All in float32 or wider."""

from __future__ import annotations

import torch
from torch import Tensor


class InputProducts:
    """C, the mean over calls of xᵀ x, each call's x divided by its largest element. CorDA,
    arXiv:2406.05223."""

    def __init__(self) -> None:
        self._sum: Tensor | None = None
        self._calls = 0

    def add(self, x: Tensor) -> None:
        """x: (tokens, in_features)."""
        x = x / x.max().abs()
        product = x.T @ x
        self._sum = product if self._sum is None else self._sum + product
        self._calls += 1

    @property
    def empty(self) -> bool:
        return self._sum is None

    def value(self) -> Tensor:
        """(in_features, in_features)"""
        assert self._sum is not None
        return self._sum / self._calls


class InputDirections:
    """The directions in which inputs vary most, call by call. EVA, arXiv:2410.07170.

    Incremental principal components (Ross et al., 2008): the components so far, weighted by their
    singular values, stand for all tokens before, and one row for the shift of the mean.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._seen = 0
        self._held: list[Tensor] = []
        self._mean: Tensor | None = None
        self._weighted: Tensor | None = None

    def add(self, x: Tensor) -> None:
        """x: (tokens, in_features). Fewer tokens than directions wait for more."""
        self._held.append(x)
        if sum(map(len, self._held)) < self._count:
            return
        x = torch.cat(self._held).double()
        self._held = []
        mean = x.mean(0)
        total = self._seen + len(x)
        rows = [x - mean]
        if self._mean is not None and self._weighted is not None:
            shift = (self._seen * len(x) / total) ** 0.5 * (self._mean - mean)
            rows = [self._weighted, *rows, shift[None]]
            mean = (self._seen * self._mean + len(x) * mean) / total
        self._mean, self._seen = mean, total
        self._weighted = _weighted_directions(torch.cat(rows), self._count)

    @property
    def tokens(self) -> int:
        """How many were seen, those that wait included."""
        return self._seen + sum(map(len, self._held))

    def value(self) -> Tensor:
        """(count, in_features), rows of length 1 whose largest element is positive."""
        assert self._weighted is not None
        rows: Tensor = self._weighted / self._weighted.norm(dim=1, keepdim=True)
        rows *= rows.gather(1, rows.abs().argmax(1, keepdim=True)).sign()
        return rows


def _weighted_directions(matrix: Tensor, count: int) -> Tensor:
    """S Vᵀ of the `count` largest singular values, (count, columns)."""
    if matrix.shape[0] >= matrix.shape[1]:
        values, vectors = torch.linalg.eigh(matrix.T @ matrix)
        found: Tensor = (vectors * values.clamp_min(0.0).sqrt()).T
    else:
        _, vectors = torch.linalg.eigh(matrix @ matrix.T)
        found = vectors.T @ matrix
    return found.flip(0)[:count]


class GradientSum:
    """The gradient of the weight, from inputs and gradients of outputs, so that the module may hold
    its weight in any form. LoRA-GA, arXiv:2407.05000."""

    def __init__(self) -> None:
        self._sum: Tensor | None = None

    def add(self, x: Tensor, gradient: Tensor) -> None:
        """x: (tokens, in_features); gradient: (tokens, out_features)."""
        product = gradient.T @ x
        self._sum = product if self._sum is None else self._sum + product

    @property
    def empty(self) -> bool:
        return self._sum is None

    def value(self) -> Tensor:
        """(out_features, in_features)"""
        assert self._sum is not None
        return self._sum


def covariance_factors(weight: Tensor, products: Tensor) -> tuple[Tensor, Tensor]:
    """U √S (out, k) and √S Vᵀ C⁻¹ (k, in) of W C = U S Vᵀ.

    C is damped by a hundredth of its mean diagonal, or twice as much and so on, until its inverse
    is good: ‖C C⁻¹ - 1‖ below 0.05.
    """
    unit = torch.eye(len(products), dtype=products.dtype, device=products.device)
    damping = 0.01
    while True:
        damped = products + damping * products.diagonal().mean() * unit
        inverse: Tensor = torch.linalg.inv(damped)
        if bool((damped @ inverse - unit).norm() < 0.05):
            break
        damping *= 2.0
    u, s, vh = torch.linalg.svd(weight @ damped, full_matrices=False)
    root = s.sqrt()
    return u * root, root[:, None] * (vh @ inverse)
