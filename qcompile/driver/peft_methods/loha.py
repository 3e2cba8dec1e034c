"""LoHa: (B1 A1) ⊙ (B2 A2)."""

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
    entry,
    patterned,
    ranks,
    written_number,
)

if TYPE_CHECKING:
    from torch import Tensor


def _read(config: Config, place: PeftModule, tensors: dict[str, Tensor]) -> Piece:
    named = {}
    for index in "12":
        named[f"b{index}"] = tensors.pop(f"hada_w{index}_a")
        named[f"a{index}"] = tensors.pop(f"hada_w{index}_b")
    rank = named["a1"].shape[0]
    scale = patterned(config, "alpha", "alpha_pattern", place.name) / rank
    body = f"""
    a1 = table({rank}, in_features)
    b1 = table(out_features, {rank}, init: normal(0.1))
    a2 = table({rank}, in_features)
    b2 = table(out_features, {rank}, init: zero)
    one = linear(b1, to: in_features, weight: transpose(a1))
    two = linear(b2, to: in_features, weight: transpose(a2))
    update {written_number(scale)} * linear(x, to: out_features, weight: one * two)"""
    sizes = {"in_features": named["a1"].shape[1], "out_features": named["b1"].shape[0]}
    return Piece(body=body, tensors=named, **sizes)


def _forms(seen: Seen) -> Iterator[PeftForm]:
    for rank in ranks(seen):
        shapes = {}
        for index in "12":
            shapes[f"hada_w{index}_a"] = (seen.out_features, rank)
            shapes[f"hada_w{index}_b"] = (rank, seen.in_features)
        for scale in seen.reals:
            yield PeftForm(config={"r": rank, "alpha": entry(scale * rank)}, shapes=shapes)


METHODS = {
    "LOHA": PeftMethod(
        name="LoHa",
        read=_read,
        forms=_forms,
        fields="r alpha init_weights rank_pattern alpha_pattern",
        patterns={"r": "rank_pattern", "alpha": "alpha_pattern"},
    )
}
