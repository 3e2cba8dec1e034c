"""Fixed tables that follow a module's device without being part of its state."""

from __future__ import annotations

import torch
from torch import Tensor


class ConstantTensor:
    """A table built on the CPU.

    Not a buffer: a buffer would be a key of the state_dict, or would stay on the meta device after
    `load_state_dict(assign=True)`, and `.to(bfloat16)` would round it.
    """

    def __init__(self, value: Tensor) -> None:
        """Floating tables are kept in float32 where that is exact."""
        if value.is_floating_point():
            single = value.to(torch.float32)
            value = single if torch.equal(single.to(torch.float64), value) else value
        self.value = value

    def like(self, reference: Tensor) -> Tensor:
        """The table in the dtype and on the device of `reference`."""
        return self.value.to(device=reference.device, dtype=reference.dtype)

    def on(self, reference: Tensor) -> Tensor:
        """The table on the device of `reference`: for indices."""
        return self.value.to(device=reference.device)

    def move(self, device: torch.device) -> None:
        """Keep the table on `device` from now on."""
        self.value = self.value.to(device=device)


class Constants:
    """All tables of a module."""

    def __init__(self) -> None:
        self.items: list[ConstantTensor] = []

    def real(self, value: Tensor) -> ConstantTensor:
        """A table of real numbers, given in float64."""
        return self._keep(ConstantTensor(value))

    def index(self, values: Tensor | list[int]) -> ConstantTensor:
        """A table of indices."""
        return self._keep(ConstantTensor(torch.as_tensor(values, dtype=torch.int64, device="cpu")))

    def move(self, device: torch.device) -> None:
        """Move all tables, except to the meta device, where they would be lost."""
        if device.type != "meta":
            for item in self.items:
                item.move(device)

    def _keep(self, item: ConstantTensor) -> ConstantTensor:
        self.items.append(item)
        return item
