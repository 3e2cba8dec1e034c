"""Launches of the kernels: tiles, warps, memory. Nothing waits for the device.

All memory comes from torch's allocator and grids depend on shapes alone, so that steps can be
captured in a CUDA graph after a first one, which compiles.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import NamedTuple

import torch
from torch import Tensor

from qcompile.executors.fused.gpu.encoding import Launch

LEAST_NUMBERS = 1024
"""Rows × tokens of a tile: 8 for each thread of four warps."""
MOST_WARPS = 32
REGISTERS = 65536
"""Of a multiprocessor, of 32 bits."""
MOST_CHUNKS = 1024
"""Programs on the way back, each with partial sums of its own."""
BLOCK = 128
"""Tokens, or chunks, of a program of the two small kernels."""


class Tile(NamedTuple):
    tokens: int
    warps: int


def tile_of(launch: Launch) -> Tile:
    rows = 1 << launch.bits
    tokens = max(1, LEAST_NUMBERS // rows)
    return Tile(tokens=tokens, warps=min(MOST_WARPS, max(4, rows * tokens // 256)))


def shared_bytes(launch: Launch, item_bytes: int) -> int:
    """Of a program: `tl.gather` puts the real or the imaginary parts of a tile there."""
    return (tile_of(launch).tokens << launch.bits) * item_bytes


def launch_values(
    code: Tensor, data: Tensor, angles: Tensor, outputs: int, launch: Launch
) -> Tensor:
    """(B, outputs)."""
    from qcompile.executors.fused.gpu import kernels

    _require_sizes(data, angles, outputs, launch)
    tokens, width = data.shape
    out = data.new_empty(tokens, outputs)
    if tokens == 0 or outputs == 0:
        return out
    tile = tile_of(launch)
    with _on(data):
        waves, shared_waves = _waves(code, data, angles, launch)
        kernels.run_values[(_blocks(tokens, tile.tokens),)](
            code, data, waves, shared_waves, out, tokens, width, outputs,
            **_constants(launch, tile, outputs),
        )  # fmt: skip
    return out


def launch_gradients(
    code: Tensor, data: Tensor, angles: Tensor, weights: Tensor, launch: Launch
) -> tuple[Tensor, Tensor]:
    """Of Σ weights · values, by data and by angles."""
    from qcompile.executors.fused.gpu import kernels

    _require_sizes(data, angles, weights.shape[1], launch)
    tokens, width = data.shape
    of_data, of_angles = torch.zeros_like(data), torch.zeros_like(angles)
    if tokens == 0 or weights.shape[1] == 0:
        return of_data, of_angles
    tile = tile_of(launch)
    tiles = _blocks(tokens, tile.tokens)
    chunks = min(tiles, MOST_CHUNKS)
    partial = data.new_zeros(launch.shared, chunks, dtype=torch.float64)
    with _on(data):
        waves, shared_waves = _waves(code, data, angles, launch)
        kernels.run_gradients[(chunks,)](
            code, data, waves, shared_waves, weights, of_data, partial,
            tokens, width, weights.shape[1], tiles, chunks,
            **_constants(launch, tile, weights.shape[1]),
        )  # fmt: skip
        if angles.numel():
            kernels.sum_partial[(angles.numel(),)](
                code, partial, of_angles, chunks,
                combinations=launch.data + launch.shared, BLOCK=BLOCK,
                **compiler_options(BLOCK // 32),
            )  # fmt: skip
    return of_data, of_angles


def _waves(code: Tensor, data: Tensor, angles: Tensor, launch: Launch) -> tuple[Tensor, Tensor]:
    """Cosines and sines of half the angles: (2, data, B) and (2, shared)."""
    from qcompile.executors.fused.gpu import kernels

    tokens, width = data.shape
    waves = data.new_empty(2, launch.data, tokens)
    shared_waves = data.new_empty(2, max(1, launch.shared))
    combinations = launch.data + launch.shared
    if combinations:
        blocks = _blocks(tokens, BLOCK) if launch.data else 1
        kernels.make_waves[(blocks, combinations)](
            code, data, angles, waves, shared_waves, tokens, width,
            data_count=launch.data, shared_count=max(1, launch.shared), BLOCK=BLOCK,
            **compiler_options(BLOCK // 32),
        )  # fmt: skip
    return waves, shared_waves


def _constants(launch: Launch, tile: Tile, outputs: int) -> dict[str, int | bool]:
    return {
        "BITS": launch.bits,
        "REAL": launch.real,
        "AMPLITUDES": launch.amplitudes,
        "OUTCOME_BITS": outputs.bit_length() - 1 if launch.probabilities else -1,
        "data_count": launch.data,
        "shared_count": max(1, launch.shared),
        "TOKENS": tile.tokens,
        **compiler_options(tile.warps),
    }


def compiler_options(warps: int) -> dict[str, int | bool]:
    """Of Triton's compiler."""
    options: dict[str, int | bool] = {"num_warps": warps, "num_stages": 1, "enable_fp_fusion": True}
    if warps == MOST_WARPS:
        # All that a multiprocessor has; otherwise ptxas keeps room for a second program and spills.
        options["maxnreg"] = REGISTERS // (32 * warps)
    return options


def _require_sizes(data: Tensor, angles: Tensor, outputs: int, launch: Launch) -> None:
    if (data.shape[1], angles.numel(), outputs) != (launch.width, launch.angles, launch.outputs):
        raise RuntimeError("the tensors are not those of a gate program of qcompile")


def _blocks(count: int, size: int) -> int:
    return -(-count // size)


def _on(data: Tensor) -> AbstractContextManager[object]:
    """Triton launches on the current device."""
    return torch.cuda.device(data.device) if data.is_cuda else nullcontext()
