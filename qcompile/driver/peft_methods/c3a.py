"""C3A: circulant blocks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from qcompile.driver.peft_methods.method import (
    Config,
    PeftForm,
    PeftMethod,
    PeftModule,
    Piece,
    Seen,
)

if TYPE_CHECKING:
    from torch import Tensor


def _read(config: Config, place: PeftModule, tensors: dict[str, Tensor]) -> Piece:
    kernel = tensors.pop("c3a_kernel")
    rows, columns, size = kernel.shape
    body = f"""
    c = circulant(x, to: out_features, block: {size}, init: zero)
    update c / in_features"""
    sizes = {"in_features": columns * size, "out_features": rows * size}
    return Piece(body=body, tensors={"c.rows": kernel}, **sizes)


def _forms(seen: Seen) -> Iterator[PeftForm]:
    for shape in seen.trained[:1]:
        if len(shape) == 3:
            yield PeftForm(config={"block_size": shape[2]}, shapes={"c3a_kernel": shape})


METHODS = {
    "C3A": PeftMethod(
        name="C3A",
        read=_read,
        forms=_forms,
        fields="block_size block_size_pattern init_weights",
        patterns={"block_size": "block_size_pattern"},
    )
}
