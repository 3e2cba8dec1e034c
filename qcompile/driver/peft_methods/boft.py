"""BOFT: the input turned by butterfly factors of orthogonal blocks, outputs scaled."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from qcompile.driver.peft_methods.method import (
    Config,
    PeftForm,
    PeftMethod,
    PeftModule,
    Piece,
    Seen,
)
from qcompile.driver.peft_methods.oft import block_size

if TYPE_CHECKING:
    from torch import Tensor


def _read(config: Config, place: PeftModule, tensors: dict[str, Tensor]) -> Piece:
    import torch

    matrices, scale = tensors.pop("boft_R"), tensors.pop("boft_s")
    count, blocks, size, _ = matrices.shape
    rows, columns = torch.triu_indices(size, size, 1)
    # peft multiplies rows by its matrices from the right.
    skew = (0.5 * (matrices.mT - matrices))[:, :, rows, columns]
    lines, value = [], "x"
    for index in reversed(range(count)):
        span = 2**index
        groups, half = blocks // span, size // 2
        if index:
            modes = f"[{groups}, 2, {span}, {half}]"
            lines.append(f"far{index} = permute({value}, modes: {modes}, axes: [0, 2, 1, 3])")
            value = f"far{index}"
        lines.append(f"turned{index} = cayley({value}, block: {size})")
        value = f"turned{index}"
        if index:
            modes = f"[{groups}, {span}, 2, {half}]"
            lines.append(f"near{index} = permute({value}, modes: {modes}, axes: [0, 2, 1, 3])")
            value = f"near{index}"
    lines += [
        "s = vector(out_features, init: constant(1))",
        f"replace s * (base({value}) - base_bias) + base_bias",
    ]
    named = {f"turned{index}.skew": skew[index] for index in range(count)}
    return Piece(
        body="\n    " + "\n    ".join(lines),
        tensors={**named, "s": scale.flatten()},
        in_features=blocks * size,
        out_features=scale.numel(),
    )


def _invert(named: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The skew-symmetric matrices of which `read` takes the entries above the diagonal."""
    import torch

    skew = torch.stack([named[f"turned{index}.skew"] for index in range(len(named) - 1)])
    size = block_size(skew.shape[2])
    rows, columns = torch.triu_indices(size, size, 1)
    matrices = skew.new_zeros(*skew.shape[:2], size, size)
    matrices[:, :, rows, columns] = -skew
    matrices[:, :, columns, rows] = skew
    return {"boft_R": matrices, "boft_s": named["s"][:, None]}


def _forms(seen: Seen) -> Iterator[PeftForm]:
    blocks = [shape for shape in seen.trained if len(shape) == 2]
    if blocks:
        size = block_size(blocks[0][1])
        yield PeftForm(
            config={
                "boft_block_size": size,
                "boft_block_num": 0,
                "boft_n_butterfly_factor": len(blocks),
            },
            shapes={
                "boft_R": (len(blocks), blocks[0][0], size, size),
                "boft_s": (seen.out_features, 1),
            },
        )


METHODS = {
    "BOFT": PeftMethod(
        name="BOFT",
        read=_read,
        forms=_forms,
        fields=(
            "boft_block_size boft_block_num boft_n_butterfly_factor fan_in_fan_out init_weights"
        ),
        invert=_invert,
    )
}
