"""HiRA: W ⊙ B A."""

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
    dropped,
    ranks,
)

if TYPE_CHECKING:
    from torch import Tensor


def _read(config: Config, place: PeftModule, tensors: dict[str, Tensor]) -> Piece:
    a, b = tensors.pop("hira_A"), tensors.pop("hira_B")
    body = f"""
    a = table({a.shape[0]}, in_features, init: kaiming_uniform)
    b = table(out_features, {a.shape[0]}, init: zero)
    delta = W * linear(b, to: in_features, weight: transpose(a))
    update linear({dropped(config, "hira_dropout")}, to: out_features, weight: delta)"""
    named = {"a": a, "b": b}
    return Piece(body=body, tensors=named, in_features=a.shape[1], out_features=b.shape[0])


def _forms(seen: Seen) -> Iterator[PeftForm]:
    for rank in ranks(seen):
        shapes = {"hira_A": (rank, seen.in_features), "hira_B": (seen.out_features, rank)}
        yield PeftForm(config={"r": rank}, shapes=shapes)


METHODS = {
    "HIRA": PeftMethod(
        name="HiRA",
        read=_read,
        forms=_forms,
        fields="r hira_dropout fan_in_fan_out init_weights rank_pattern",
        dropout="hira_dropout",
        patterns={"r": "rank_pattern"},
    )
}
