"""The machine that costs are weighed for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """Rates that turn counts into seconds; only their ratios decide.

    The defaults fit square MPO layers and statevector circuits measured in torch on a desktop CPU:
    30 arithmetic operations in the time of one byte. Accelerators have similar ratios.
    """

    flops_per_second: float = 3e11
    """Of large matrix products."""
    elementwise_flops_per_second: float = 1e10
    """Of everything that is no matrix product."""
    bytes_per_second: float = 1e10
    cached_bytes_per_second: float = 2e10
    """Of tensors that stay in the cache."""
    state_flops_per_second: float = 1.2e11
    """Of products with the states of circuits."""
    fused_flops_per_second: float = 4.2e10
    """Of the compiled library, whose states stay in the cache."""
    seconds_per_operation: float = 8e-6
    """Fixed cost of one tensor operation with its backward."""

    def seconds(
        self,
        *,
        flops: float = 0.0,
        elementwise: float = 0.0,
        bytes: float = 0.0,
        operations: int = 0,
    ) -> float:
        """Time of a step, forward and backward counted by the caller."""
        return (
            flops / self.flops_per_second
            + elementwise / self.elementwise_flops_per_second
            + bytes / self.bytes_per_second
            + operations * self.seconds_per_operation
        )


DEFAULT_MACHINE = Machine()

ELEMENTARY_FUNCTION = 8
"""FLOPs of one exponential, sine or the like."""
