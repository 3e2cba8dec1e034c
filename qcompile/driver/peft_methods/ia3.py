"""IA³: outputs, or the inputs of feed-forward maps, times a vector."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from qcompile.driver.peft_methods.method import (
    Config,
    Folder,
    Form,
    PeftMethod,
    Piece,
    Place,
    Seen,
)

if TYPE_CHECKING:
    from torch import Tensor


def read(config: Config, place: Place, tensors: dict[str, Tensor]) -> Piece:
    scale = tensors.pop("ia3_l")
    if scale.shape[0] == 1 and scale.shape[1] > 1:
        body = """
    l = vector(in_features, init: constant(1))
    replace base(l * x)"""
        return Piece(body=body, tensors={"l": scale.flatten()}, in_features=scale.shape[1])
    body = """
    l = vector(out_features, init: constant(1))
    replace l * y"""
    return Piece(body=body, tensors={"l": scale.flatten()}, out_features=scale.shape[0])


def forms(seen: Seen) -> Iterator[Form]:
    yield Form(config={}, shapes={"ia3_l": (seen.out_features, 1)})
    yield Form(config={}, shapes={"ia3_l": (1, seen.in_features)})


def settle(folder: Folder) -> None:
    folder.config["feedforward_modules"] = sorted(
        module for module, tensors in folder.modules.items() if tensors["ia3_l"].shape[0] == 1
    )


METHODS = {
    "IA3": PeftMethod(
        name="IA³",
        read=read,
        forms=forms,
        fields="feedforward_modules fan_in_fan_out init_ia3_weights",
        settle=settle,
    )
}
