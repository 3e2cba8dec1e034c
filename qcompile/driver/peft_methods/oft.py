"""OFT: the input turned by orthogonal blocks."""

from __future__ import annotations

import math
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
    skew = tensors.pop("oft_R.weight")
    size = block_size(skew.shape[1])
    body = f"""
    turned = cayley(x, block: {size})
    replace base(turned)"""
    # peft multiplies rows by its matrix from the right.
    return Piece(body=body, tensors={"turned.skew": -skew}, in_features=skew.shape[0] * size)


def block_size(above: int) -> int:
    """Rows of a matrix with so many entries above the diagonal."""
    return (1 + math.isqrt(1 + 8 * above)) // 2


def _forms(seen: Seen) -> Iterator[PeftForm]:
    for shape in seen.trained[:1]:
        if len(shape) == 2:
            config = {
                "r": 0,
                "oft_block_size": block_size(shape[1]),
                "use_cayley_neumann": False,
            }
            yield PeftForm(config=config, shapes={"oft_R.weight": shape})


METHODS = {
    "OFT": PeftMethod(
        name="OFT",
        read=_read,
        forms=_forms,
        fields="r oft_block_size eps num_cayley_neumann_terms fan_in_fan_out init_weights",
        fixed={"use_cayley_neumann": (False,)},
    )
}
