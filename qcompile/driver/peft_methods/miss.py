"""MiSS, once called Bone: sums over shards of the input, then one map."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from qcompile.driver.peft_methods.method import (
    Config,
    PeftForm,
    PeftMethod,
    PeftModule,
    Piece,
    Read,
    Seen,
    dropped,
    no_forms,
)

if TYPE_CHECKING:
    from torch import Tensor


def _reader(name: str) -> Read:
    """Of the tensor of this name."""

    def _read(config: Config, place: PeftModule, tensors: dict[str, Tensor]) -> Piece:
        block = tensors.pop(name)
        rank, width = block.shape
        x = dropped(config, "miss_dropout")
        tensor = block.T.contiguous()
        if config.get("init_weights") == "mini":
            body = f"""
    d = table({width}, {rank}, init: zero)
    all = table(out_features // {width}, 1, init: constant(1), frozen: true)
    update linear(fold({x}, {rank}), to: out_features, weight: kron(all, d))"""
            return Piece(body=body, tensors={"d": tensor})
        body = f"""
    d = linear(fold({x}, {rank}), to: out_features, init: zero)
    update d"""
        return Piece(body=body, tensors={"d.weight": tensor}, out_features=width)

    return _read


def _forms(seen: Seen) -> Iterator[PeftForm]:
    for shape in seen.trained[:1]:
        if len(shape) != 2:
            continue
        if seen.frozen:
            config = {"r": shape[1], "mini_r": shape[0], "init_weights": "mini"}
        else:
            config = {"r": shape[1]}
        yield PeftForm(config=config, shapes={"miss_block": (shape[1], shape[0])})


METHODS = {
    "MISS": PeftMethod(
        name="MiSS",
        read=_reader("miss_block"),
        forms=_forms,
        fields="r mini_r miss_dropout",
        fixed={"init_weights": (True, False, None, "mini")},
        dropout="miss_dropout",
    ),
    "BONE": PeftMethod(
        name="Bone",
        read=_reader("bone_block"),
        forms=no_forms,
        fields="r",
        fixed={"init_weights": (True, False, None)},
    ),
}
