"""Start values of trainable tensors: drawn in float64 on the CPU from a generator of their own."""

from __future__ import annotations

import hashlib
import json
import math

import torch
from torch import Tensor

from qcompile.diagnostics.errors import CompileError
from qcompile.diagnostics.messages.calls import InitFileUnusable
from qcompile.ir.file_tensor import FileTensor, FileTensorError, read_file_tensor
from qcompile.ir.initialisation import Init
from qcompile.ir.tensor import TensorSpec

_DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
}


def tensor_seed(seed: int, site: str, adapter: str, spec: TensorSpec) -> int:
    """63 bits of sha256 of what names the tensor; shared tensors are named by their key alone."""
    name = ["shared", spec.share] if spec.share is not None else ["own", site, adapter, spec.name]
    digest = hashlib.sha256(json.dumps([seed, *name]).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def initial_value(spec: TensorSpec, seed: int) -> Tensor:
    """float64 on the CPU, whatever the default device; torch's own generator is not touched."""
    if spec.init.from_module:
        # The module is not there yet; `starts.py` and `calibration.py` of the adapter replace them.
        return _full(spec.shape, math.nan)
    if spec.init.kind == "file":
        return _of_file(spec)
    generator = torch.Generator(device="cpu").manual_seed(seed)
    if not spec.segments:
        return _draw(spec.init, spec.shape, spec.fan_in, generator)
    parts = [_draw(init, (length,), spec.fan_in, generator) for length, init in spec.segments]
    return torch.cat(parts).reshape(spec.shape)


def _draw(
    init: Init, shape: tuple[int, ...], fan_in: int | None, generator: torch.Generator
) -> Tensor:
    fan = fan_in if fan_in is not None else math.prod(shape[1:])
    arguments = init.arguments
    match init.kind:
        case "zero":
            return _full(shape, 0.0)
        case "constant":
            return _full(shape, arguments[0])
        case "normal":
            return arguments[1] + arguments[0] * _normal(shape, generator)
        case "uniform":
            return _uniform(shape, arguments[0], arguments[1], generator)
        case "kaiming_uniform":
            bound = math.sqrt(6.0 / ((1.0 + arguments[0] ** 2) * max(fan, 1)))
            return _uniform(shape, -bound, bound, generator)
        case "kaiming_normal":
            deviation = math.sqrt(2.0 / ((1.0 + arguments[0] ** 2) * max(fan, 1)))
            return deviation * _normal(shape, generator)
        case "xavier_uniform":
            fan_out = math.prod((*shape[:1], *shape[2:]))
            bound = arguments[0] * math.sqrt(6.0 / max(fan + fan_out, 1))
            return _uniform(shape, -bound, bound, generator)
        case "orthogonal":
            return arguments[0] * _orthogonal(shape, generator)
        case "identity":
            if len(shape) < 2:
                return _full(shape, arguments[0])
            rows, columns = shape[0], math.prod(shape[1:])
            unit = torch.eye(rows, columns, dtype=torch.float64, device="cpu")
            return (arguments[0] * unit).reshape(shape)
        case "pairs":
            bound = 1.0 / math.sqrt(max(fan, 1))
            rows = (shape[0] + 1) // 2
            half = _uniform((rows, *shape[1:]), -bound, bound, generator)
            return half.repeat_interleave(2, 0)[: shape[0]]
        case _:
            raise ValueError(f"`{init.kind}` is not drawn")


def _of_file(spec: TensorSpec) -> Tensor:
    """NaN once the path is forgotten: what was read stands in adapter.pt then.

    Raises:
        CompileError: QA2140 where the file is not what it was.
    """
    named = spec.init.file
    if named is None or not named.where:
        return _full(spec.shape, math.nan)
    reason = "it has changed meanwhile"
    found: FileTensor | None = None
    try:
        found, numbers = read_file_tensor(named.where, named.name, path=named.path)
    except FileTensorError as error:
        reason = str(error)
    if found is None or found != named:
        raise CompileError(InitFileUnusable(path=named.path, reason=reason))
    value = torch.frombuffer(bytearray(numbers), dtype=_DTYPES[named.kind])
    return value.to(torch.float64).reshape(named.shape)


def _full(shape: tuple[int, ...], value: float) -> Tensor:
    return torch.full(shape, value, dtype=torch.float64, device="cpu")


def _normal(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    return torch.randn(shape, dtype=torch.float64, device="cpu", generator=generator)


def _uniform(shape: tuple[int, ...], low: float, high: float, generator: torch.Generator) -> Tensor:
    unit = torch.rand(shape, dtype=torch.float64, device="cpu", generator=generator)
    return low + (high - low) * unit


def _orthogonal(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """Haar-distributed rows or columns of the matrix (first axis, all others)."""
    rows, columns = (*shape[:1], *(1 for _ in range(1 - len(shape))))[0], math.prod(shape[1:])
    tall = _normal((max(rows, columns), min(rows, columns)), generator)
    factor: Tensor
    triangle: Tensor
    factor, triangle = torch.linalg.qr(tall)
    factor = factor * triangle.diagonal().sign()
    return (factor if rows >= columns else factor.T).reshape(shape)
