"""A function of a value on each of its equal parts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class OnParts:
    """(…, n) as (…, parts, n / parts), a function of the last axis, and flat again."""

    function: Callable[[Tensor], Tensor]
    parts: int

    def __call__(self, value: Tensor) -> Tensor:
        size = value.shape[-1] // self.parts
        result = self.function(value.reshape(*value.shape[:-1], self.parts, size))
        return result.reshape(*value.shape[:-1], -1)


def for_each_part(function: Callable[[Tensor], Tensor], parts: int) -> Callable[[Tensor], Tensor]:
    """The function where there is one part, else `OnParts`."""
    return function if parts == 1 else OnParts(function, parts)
