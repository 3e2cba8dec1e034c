"""OFT: the input turned by orthogonal blocks."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from qcompile.driver.peft_methods.method import (
    Config,
    PeftForm,
    PeftMethod,
    PeftModule,
    Piece,
    Seen,
    Unreadable,
)

if TYPE_CHECKING:
    from torch import Tensor

VERSION = "0.18.0"
"""Of peft, from which on its series is this one."""


def _read(config: Config, place: PeftModule, tensors: dict[str, Tensor]) -> Piece:
    skew = tensors.pop("oft_R.weight")
    size = block_size(skew.shape[1])
    series = bool(config.get("use_cayley_neumann"))
    if series and not _recent(config.get("peft_version")):
        raise Unreadable(f"is of peft before {VERSION}, whose series was another")
    body = f"""
    turned = cayley(x, block: {size}{powers(config) if series else ""})
    replace base(turned)"""
    # peft multiplies rows by its matrix from the right; its series has the other sign.
    named = {"turned.skew": skew if series else -skew}
    return Piece(body=body, tensors=named, in_features=skew.shape[0] * size)


def _recent(version: object) -> bool:
    numbers = re.match(r"(\d+)\.(\d+)", str(version))
    return numbers is not None and tuple(map(int, numbers.groups())) >= (0, 18)


def powers(config: Config) -> str:
    """The argument for peft's series, in which three terms are as many as four."""
    terms = config.get("num_cayley_neumann_terms", 5)
    if not isinstance(terms, int) or terms < 3:
        raise Unreadable(f"has a series of {terms} terms, and peft's is one from three on")
    return f", powers: {max(terms - 1, 3)}"


def block_size(above: int) -> int:
    """Rows of a matrix with so many entries above the diagonal."""
    return (1 + math.isqrt(1 + 8 * above)) // 2


def _forms(seen: Seen) -> Iterator[PeftForm]:
    for shape in seen.trained[:1]:
        if len(shape) == 2:
            for terms in (0, *(it + 1 for it in seen.integers if it >= 3)):
                config: dict[str, Any] = {
                    "r": 0,
                    "oft_block_size": block_size(shape[1]),
                    "use_cayley_neumann": bool(terms),
                }
                if terms:
                    config |= {"num_cayley_neumann_terms": terms, "peft_version": VERSION}
                yield PeftForm(config=config, shapes={"oft_R.weight": shape})


METHODS = {
    "OFT": PeftMethod(
        name="OFT",
        read=_read,
        forms=_forms,
        fields=(
            "r oft_block_size eps use_cayley_neumann num_cayley_neumann_terms fan_in_fan_out"
            " init_weights"
        ),
    )
}
