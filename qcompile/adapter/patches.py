"""A convolution as a linear map of patches.

The patch at a position of the output holds the elements of the padded input under the kernel, in
the order of the weight: channel by channel, and in each row by row.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.utils._pytree import tree_map_only

KNOWN = (Tensor.dim, Tensor.size, Tensor.numel, Tensor.is_floating_point, Tensor.is_complex)
"""What is asked of the shape and dtype alone."""


@dataclass(frozen=True)
class Window:
    """What a convolution looks through."""

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]

    def unfold(self, images: Tensor) -> Tensor:
        """(N, channels, …), padded → (N, …, elements of a patch)."""
        axes = len(self.kernel)
        for axis in range(axes):
            apart = self.dilation[axis]
            span = apart * (self.kernel[axis] - 1) + 1
            images = images.unfold(2 + axis, span, self.stride[axis])[..., ::apart]
        # (N, channels, positions …, kernel …)
        return images.movedim(1, 1 + axes).flatten(1 + axes)

    def apply(self, images: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """A matrix (n, elements of a patch) at every position → (N, …, n)."""
        convolve: Any = (functional.conv1d, functional.conv2d, functional.conv3d)
        kernel = weight.reshape(len(weight), images.shape[1], *self.kernel)
        found: Tensor = convolve[len(self.kernel) - 1](
            images, kernel, bias, stride=self.stride, dilation=self.dilation
        )
        return found.movedim(1, -1)


class Patches(Tensor):
    """Patches that are not in memory as long as matrices are all that is applied to them.

    A matrix that is applied is a convolution of the images. For everything else the patches are
    built, once, and are an ordinary tensor from there on. So are their gradients.
    """

    images: Tensor
    """(N, channels, …), padded."""
    window: Window
    built: list[Tensor]
    """The ordinary tensor, once it is there; one list for all shapes of the same patches."""

    @staticmethod
    def __new__(
        cls, images: Tensor, window: Window, shape: tuple[int, ...], built: list[Tensor]
    ) -> Patches:
        make: Any = torch.Tensor._make_wrapper_subclass
        found: Patches = make(cls, shape, dtype=images.dtype, device=images.device)
        found.images, found.window, found.built = images, window, built
        return found

    def build(self) -> Tensor:
        """The ordinary tensor."""
        if not self.built:
            self.built.append(self.window.unfold(self.images))
        return self.built[0].reshape(self.shape)

    def applied(self, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        """A matrix (n, elements of a patch) at every position → (…, n)."""
        found = self.window.apply(self.images, weight, bias)
        return found.reshape(*self.shape[:-1], found.shape[-1])

    @classmethod
    def __torch_function__(
        cls, func: Any, types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        with torch._C.DisableTorchFunctionSubclass():
            first = args[0] if args else None
            if isinstance(first, Patches):
                if func is Tensor.requires_grad.__get__:  # type: ignore[attr-defined]
                    return first.images.requires_grad
                if func in KNOWN or getattr(func, "__name__", "") == "__get__":
                    return func(*args, **kwargs)
                if not first.built:
                    found = _unbuilt(first, func, args[1:], kwargs)
                    if found is not None:
                        return found
            if func is Tensor.to and len(args) == 2 and isinstance(args[1], Patches):
                # The dtype and device of a value are asked for.
                return args[0].to(args[1].images)
            if func is torch.einsum:
                product = _product(*args)
                if product is not None:
                    return product
            args, kwargs = tree_map_only(Patches, Patches.build, (args, kwargs))
            return func(*args, **kwargs)

    @classmethod
    def __torch_dispatch__(  # type: ignore[override]
        cls, func: Any, types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        raise AssertionError(f"{func} met patches that are not built")


def _unbuilt(x: Patches, func: Any, args: Any, kwargs: Mapping[str, Any]) -> Tensor | None:
    """What needs no patches in memory; None where they are needed."""
    if func is functional.linear and not any(isinstance(arg, Patches) for arg in args):
        return x.applied(*args, **kwargs)
    if getattr(func, "__name__", "").startswith("new_"):
        made: Tensor = func(x.images, *args, **kwargs)
        return made
    if func is Tensor.reshape and not kwargs:
        shape = tuple(args[0]) if isinstance(args[0], tuple | list) else args
        rows, width = x.numel() // x.shape[-1], x.shape[-1]
        if len(shape) == 2 and shape in ((-1, width), (rows, width)):
            return Patches(x.images, x.window, (rows, width), x.built)
    if func is Tensor.to and len(args) == 1 and isinstance(args[0], torch.dtype) and not kwargs:
        same = args[0] == x.dtype
        images, built = x.images.to(args[0]), x.built if same else []
        return Patches(images, x.window, tuple(x.shape), built)
    return None


def _product(equation: str, *operands: Any) -> Tensor | None:
    """The product of rows of patches, ba, and a matrix ac or ca, in either order."""
    if len(operands) != 2:
        return None
    sources, _, result = equation.partition("->")
    left, _, right = sources.partition(",")
    for x, name, matrix, other in (
        (operands[0], left, operands[1], right),
        (operands[1], right, operands[0], left),
    ):
        if isinstance(x, Patches) and not x.built and not isinstance(matrix, Patches):
            if len({*name, *other}) == 3 and len(name) == len(other) == 2 and x.dim() == 2:
                if other in (name[1] + result[1:], result[1:] + name[1]) and result[0] == name[0]:
                    return x.applied(matrix if other[1] == name[1] else matrix.T)
    return None


def patches(module: Any, x: Tensor) -> Tensor:
    """(N, channels, …) or (channels, …) → (N, …, elements of a patch), or without N.

    Padding in any mode, strides and dilations are those of the convolution `module`.
    """
    axes = len(module.kernel_size)
    single = x.dim() == axes + 1
    batch = x.unsqueeze(0) if single else x
    mode = "constant" if module.padding_mode == "zeros" else module.padding_mode
    batch = functional.pad(batch, module._reversed_padding_repeated_twice, mode=mode)
    window = Window(module.kernel_size, module.stride, module.dilation)
    if torch.compiler.is_compiling():
        found = window.unfold(batch)
        return found[0] if single else found
    positions = [
        (size - apart * (kernel - 1) - 1) // stride + 1
        for size, kernel, stride, apart in zip(
            batch.shape[2:], window.kernel, window.stride, window.dilation, strict=True
        )
    ]
    shape = (*positions, batch.shape[1] * math.prod(window.kernel))
    return Patches(batch, window, shape if single else (len(batch), *shape), [])


def channels_last(module: Any, y: Tensor) -> Tensor:
    """(N, channels, …) or (channels, …) → (N, …, channels), or without N."""
    return y.movedim(-1 - len(module.kernel_size), -1)


def channels_first(module: Any, y: Tensor) -> Tensor:
    """The way back."""
    return y.movedim(-1, -1 - len(module.kernel_size))
