"""Work as the operations of a call show it, without knowledge of what asked for them."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from qcompile.ir.work import Part

ELEMENTARY = 8
"""FLOPs of one elementary function."""

PER_RESULT = {
    "add": 1, "sub": 1, "mul": 1, "div": 1, "neg": 1, "pow": 1, "abs": 1, "eq": 1, "where": 1,
    "rsqrt": ELEMENTARY, "rsub": 1, "amax": 1, "addcmul_": 2, "cos": ELEMENTARY, "sin": ELEMENTARY,
    "add_": 1, "reciprocal": 1,
}  # fmt: skip
"""Elementwise FLOPs for each element of the result."""

COPIES = {
    "cat",
    "stack",
    "index_select",
    "clone",
    "flip",
    "constant_pad_nd",
    "ones",
    "eye",
    "zeros",
}

FREE = {
    "view", "_unsafe_view", "expand", "t", "transpose", "permute", "select", "slice", "unsqueeze",
    "squeeze", "unbind", "split", "detach", "alias", "as_strided", "_reshape_alias", "empty",
    "lift_fresh", "scalar_tensor", "view_as_complex", "view_as_real",
}  # fmt: skip
"""Views, and what writes nothing."""

CONVERSIONS = {"_to_copy"}
"""Of fixed tables to the dtype of a call."""


def reals(tensor: Tensor) -> int:
    """Real numbers of an element."""
    return 2 if tensor.is_complex() else 1


class Counted(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Adds up the forward work of what runs inside it."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.part = Part()
        self.log: list[tuple[str, int]] = []

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        name = func.overloadpacket.__name__
        results = [leaf for leaf in tree_leaves(result) if isinstance(leaf, Tensor)]
        written = sum(leaf.numel() * reals(leaf) for leaf in results)
        if name in FREE or name in CONVERSIONS:
            return result
        self.log.append((name, written))
        self.part.written += written
        if name in ("mm", "bmm", "baddbmm"):
            # A complex multiply-add is four real ones.
            summed = args[1 if name == "baddbmm" else 0].shape[-1]
            self.part.products += 2.0 * written * reals(results[0]) * summed
        elif name == "_linalg_eigh":
            sizes = args[0].shape
            self.part.elementwise += 25 * reals(args[0]) ** 2 * math.prod(sizes) * sizes[-1]
        elif name in ("sum", "linalg_vector_norm"):
            self.part.elementwise += math.prod(args[0].shape)
        elif name in PER_RESULT:
            self.part.elementwise += PER_RESULT[name] * written
        elif name not in COPIES:
            raise AssertionError(f"{name} is not known")
        return result


class Kept:
    """Real elements of the storages that autograd keeps for backward, those of `without` apart."""

    def __init__(self, without: list[Tensor]) -> None:
        self.without = {tensor.untyped_storage().data_ptr() for tensor in without}
        self.sizes: dict[int, int] = {}
        self.hooks = torch.autograd.graph.saved_tensors_hooks(self._pack, lambda tensor: tensor)

    def _pack(self, tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in self.without:
            elements = storage.nbytes() // tensor.element_size() * reals(tensor)
            self.sizes[storage.data_ptr()] = elements
        return tensor

    @property
    def total(self) -> int:
        return sum(self.sizes.values())
