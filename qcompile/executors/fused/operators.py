"""Values and gradients of gate programs as operators of torch, and as functions with derivatives.

On the CPU they are the two calls of the library, on a GPU the kernels of `gpu/`, whose programs are
encoded in another way and come with a `Launch`, since the device is not asked for anything.

Operators without autograd inside an `autograd.Function` with rules for the transforms of
torch.func: derivatives registered with an operator are wrong or missing under them. torch.compile
traces no function that has such rules, and takes an operator with its own derivative.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from qcompile.executors.fused.gpu.encoding import Launch
from qcompile.executors.fused.gpu.launch import launch_gradients, launch_values
from qcompile.executors.fused.library import library

Eager = Callable[[Tensor, Tensor], Tensor]
"""data (B, w), angles (k,) → (B, outputs), in torch: for derivatives beyond the first."""

_LIBRARY = torch.library.Library("qcompile", "DEF")  # type: ignore[no-untyped-call]
for _name in ("fused_values", "fused_values_traced"):
    _LIBRARY.define(  # type: ignore[no-untyped-call]
        f"{_name}(Tensor code, Tensor data, Tensor angles, int outputs, int[] launch=[]) -> Tensor"
    )
_LIBRARY.define(  # type: ignore[no-untyped-call]
    "fused_gradients(Tensor code, Tensor data, Tensor angles, Tensor weights, int[] launch=[])"
    " -> (Tensor, Tensor)"
)


def _values(
    code: Tensor, data: Tensor, angles: Tensor, outputs: int, launch: Sequence[int] = ()
) -> Tensor:
    code, data, angles = code.contiguous(), data.contiguous(), angles.contiguous()
    out = data.new_empty(data.shape[0], outputs)
    _call("values", code, data, angles, out)
    return out


def _gradients(
    code: Tensor, data: Tensor, angles: Tensor, weights: Tensor, launch: Sequence[int] = ()
) -> tuple[Tensor, Tensor]:
    code, data, angles = code.contiguous(), data.contiguous(), angles.contiguous()
    of_data, of_angles = data.new_empty(data.shape), angles.new_empty(angles.shape)
    _call("gradients", code, data, angles, weights.contiguous(), of_data, of_angles)
    return of_data, of_angles


def _call(
    name: str, code: Tensor, data: Tensor, angles: Tensor, out: Tensor, *more: Tensor
) -> None:
    loaded = library()
    if loaded is None:
        raise RuntimeError("the fused kernel of qcompile was not built")
    suffix = _suffix(code, data, angles, out, *more)
    failed = getattr(loaded, f"fused_{name}_{suffix}")(
        code.data_ptr(),
        code.numel(),
        data.data_ptr(),
        data.shape[0],
        data.shape[1],
        angles.data_ptr(),
        angles.numel(),
        out.data_ptr(),
        out.shape[1],
        *(tensor.data_ptr() for tensor in more),
        torch.get_num_threads(),
    )
    if failed == NO_MEMORY:
        raise MemoryError("the states of a circuit")
    if failed:
        raise RuntimeError("the tensors are not those of a gate program of qcompile")


def _suffix(code: Tensor, data: Tensor, *others: Tensor) -> str:
    """Of the kernel for these dtypes."""
    dtype = data.dtype
    suffix = SUFFIXES.get(dtype)
    if code.dtype != torch.int64 or suffix is None or any(t.dtype != dtype for t in others):
        raise RuntimeError("tensors of one dtype, and a code of int64, are needed")
    return suffix


SUFFIXES = {torch.float32: "float32", torch.float64: "float64"}
NO_MEMORY = 2
"""`Outcome` of kernel/kernel.hpp."""


def _values_on_gpu(
    code: Tensor, data: Tensor, angles: Tensor, outputs: int, launch: Sequence[int] = ()
) -> Tensor:
    _suffix(code, data, angles)
    code, data, angles = code.contiguous(), data.contiguous(), angles.contiguous()
    return launch_values(code, data, angles, outputs, Launch.of_numbers(launch))


def _gradients_on_gpu(
    code: Tensor, data: Tensor, angles: Tensor, weights: Tensor, launch: Sequence[int] = ()
) -> tuple[Tensor, Tensor]:
    _suffix(code, data, angles, weights)
    code, data, angles = code.contiguous(), data.contiguous(), angles.contiguous()
    weights = weights.contiguous()
    return launch_gradients(code, data, angles, weights, Launch.of_numbers(launch))


for _name, _on_cpu, _on_gpu in (
    ("fused_values", _values, _values_on_gpu),
    ("fused_values_traced", _values, _values_on_gpu),
    ("fused_gradients", _gradients, _gradients_on_gpu),
):
    _LIBRARY.impl(_name, _on_cpu, "CPU")  # type: ignore[no-untyped-call]
    _LIBRARY.impl(_name, _on_gpu, "CUDA")  # type: ignore[no-untyped-call]


@torch.library.register_fake("qcompile::fused_values", lib=_LIBRARY)  # type: ignore[untyped-decorator]
@torch.library.register_fake("qcompile::fused_values_traced", lib=_LIBRARY)  # type: ignore[untyped-decorator]
def _fake_values(
    code: Tensor, data: Tensor, angles: Tensor, outputs: int, launch: Sequence[int] = ()
) -> Tensor:
    return data.new_empty(data.shape[0], outputs)


@torch.library.register_fake("qcompile::fused_gradients", lib=_LIBRARY)  # type: ignore[untyped-decorator]
def _fake_gradients(
    code: Tensor, data: Tensor, angles: Tensor, weights: Tensor, launch: Sequence[int] = ()
) -> tuple[Tensor, Tensor]:
    return data.new_empty(data.shape), angles.new_empty(angles.shape)


def _keep(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    code, data, angles, _, ctx.launch = inputs
    ctx.save_for_backward(code, data, angles)


def _traced_backward(ctx: Any, weights: Tensor) -> tuple[None, Tensor, Tensor, None, None]:
    inputs = (*ctx.saved_tensors, weights, ctx.launch)
    of_data, of_angles = torch.ops.qcompile.fused_gradients(*inputs)
    return None, of_data, of_angles, None, None


torch.library.register_autograd(
    "qcompile::fused_values_traced", _traced_backward, setup_context=_keep, lib=_LIBRARY
)


def run_traced(
    data: Tensor, angles: Tensor, code: Tensor, outputs: int, launch: Sequence[int]
) -> Tensor:
    """(B, outputs) with first derivatives: what torch.compile takes."""
    found: Tensor = torch.ops.qcompile.fused_values_traced(code, data, angles, outputs, launch)
    return found


class FusedRun(torch.autograd.Function):
    """(data, angles, code, outputs, launch, eager) → (B, outputs), with all derivatives."""

    @staticmethod
    def forward(
        data: Tensor,
        angles: Tensor,
        code: Tensor,
        outputs: int,
        launch: Sequence[int],
        eager: Eager,
    ) -> Tensor:
        found: Tensor = torch.ops.qcompile.fused_values(code, data, angles, outputs, launch)
        return found

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        data, angles, code, _, ctx.launch, ctx.eager = inputs
        ctx.save_for_backward(data, angles, code)
        ctx.save_for_forward(data, angles)

    @staticmethod
    def backward(ctx: Any, *weights: Tensor) -> Any:
        data, angles, code = ctx.saved_tensors
        (weight,) = weights
        if torch.is_grad_enabled() or transformed():
            slopes = Slopes.apply(data, angles, weight, code, ctx.launch, ctx.eager)  # type: ignore[no-untyped-call]
        else:
            slopes = torch.ops.qcompile.fused_gradients(code, data, angles, weight, ctx.launch)
        return *slopes, None, None, None, None

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Any:
        data, angles = ctx.saved_tensors
        moved = _tangents((data, angles), tangents)
        return torch.func.jvp(ctx.eager, (data, angles), moved)[1]

    @staticmethod
    def vmap(
        info: Any,
        in_dims: tuple[int | None, ...],
        data: Tensor,
        angles: Tensor,
        code: Tensor,
        outputs: int,
        launch: Sequence[int],
        eager: Eager,
    ) -> tuple[Tensor, int]:
        size: int = info.batch_size
        if in_dims[0] is not None and in_dims[1] is None:
            # Tokens are independent of each other.
            rows = data.movedim(in_dims[0], 0)
            flat = rows.reshape(-1, rows.shape[-1])
            found = FusedRun.apply(flat, angles, code, outputs, launch, eager)  # type: ignore[no-untyped-call]
            return found.reshape(size, -1, outputs), 0
        parts = [
            FusedRun.apply(*pair, code, outputs, launch, eager)  # type: ignore[no-untyped-call]
            for pair in _each(size, in_dims[:2], (data, angles))
        ]
        return torch.stack(parts), 0


class FusedStep(torch.autograd.Function):
    """The same without a rule for vmap, which torch takes in half of the time."""

    @staticmethod
    def forward(
        ctx: Any,
        data: Tensor,
        angles: Tensor,
        code: Tensor,
        outputs: int,
        launch: Sequence[int],
        eager: Eager,
    ) -> Tensor:
        FusedRun.setup_context(ctx, (data, angles, code, outputs, launch, eager), data)
        return FusedRun.forward(data, angles, code, outputs, launch, eager)

    backward = FusedRun.backward
    jvp = FusedRun.jvp


def run(
    data: Tensor, angles: Tensor, code: Tensor, outputs: int, launch: Sequence[int], eager: Eager
) -> Tensor:
    """(B, outputs) with derivatives of every kind."""
    function = FusedRun if transformed() else FusedStep
    found: Tensor = function.apply(data, angles, code, outputs, launch, eager)  # type: ignore[no-untyped-call]
    return found


def transformed() -> bool:
    """Whether a transform of torch.func is at work; `torch.autograd.Function` asks the same."""
    return torch._C._are_functorch_transforms_active()


class Slopes(torch.autograd.Function):
    """(data, angles, weights, code, launch, eager) → gradients of Σ weights · values.

    By data and by angles.
    """

    @staticmethod
    def forward(
        data: Tensor,
        angles: Tensor,
        weights: Tensor,
        code: Tensor,
        launch: Sequence[int],
        eager: Eager,
    ) -> tuple[Tensor, Tensor]:
        found: tuple[Tensor, Tensor] = torch.ops.qcompile.fused_gradients(
            code, data, angles, weights, launch
        )
        return found

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        data, angles, weights, _, _, ctx.eager = inputs
        ctx.save_for_backward(data, angles, weights)
        ctx.save_for_forward(data, angles, weights)

    @staticmethod
    def backward(ctx: Any, *cotangents: Any) -> Any:
        _, pull = torch.func.vjp(_slopes_of(ctx.eager), *ctx.saved_tensors)  # type: ignore[misc]
        return (*pull(cotangents), None, None, None)

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Any:
        inputs = ctx.saved_tensors
        return torch.func.jvp(_slopes_of(ctx.eager), inputs, _tangents(inputs, tangents))[1]

    @staticmethod
    def vmap(
        info: Any,
        in_dims: tuple[int | None, ...],
        data: Tensor,
        angles: Tensor,
        weights: Tensor,
        code: Tensor,
        launch: Sequence[int],
        eager: Eager,
    ) -> tuple[tuple[Tensor, Tensor], tuple[int, int]]:
        parts = [
            Slopes.apply(*inputs, code, launch, eager)  # type: ignore[no-untyped-call]
            for inputs in _each(info.batch_size, in_dims[:3], (data, angles, weights))
        ]
        return (torch.stack([a for a, _ in parts]), torch.stack([b for _, b in parts])), (0, 0)


for _function in (FusedRun, Slopes):
    # torch asks for it at every call, which takes longer than small circuits do.
    _forward: Any = _function.forward
    _forward.__signature__ = inspect.signature(_forward)


def _slopes_of(eager: Eager) -> Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]:
    def slopes(data: Tensor, angles: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
        _, pull = torch.func.vjp(eager, data, angles)  # type: ignore[misc]
        found: tuple[Tensor, Tensor] = pull(weights)
        return found

    return slopes


def _tangents(inputs: tuple[Tensor, ...], tangents: tuple[Any, ...]) -> tuple[Tensor, ...]:
    """Those of the tensors; zero where an input does not move."""
    return tuple(
        torch.zeros_like(tensor) if tangent is None else tangent
        for tensor, tangent in zip(inputs, tangents, strict=False)
    )


def _each(
    size: int, dims: tuple[int | None, ...], tensors: tuple[Tensor, ...]
) -> list[tuple[Tensor, ...]]:
    return [
        tuple(
            tensor if dim is None else tensor.select(dim, index)
            for tensor, dim in zip(tensors, dims, strict=True)
        )
        for index in range(size)
    ]
