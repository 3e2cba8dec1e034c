"""IA³: outputs, or the inputs of feed-forward maps, times a vector."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from qcompile.driver.peft_methods.method import (
    Config,
    PeftFolder,
    PeftForm,
    PeftMethod,
    PeftModule,
    Piece,
    Seen,
)

if TYPE_CHECKING:
    from torch import Tensor


def _read(config: Config, place: PeftModule, tensors: dict[str, Tensor]) -> Piece:
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


def _forms(seen: Seen) -> Iterator[PeftForm]:
    yield PeftForm(config={}, shapes={"ia3_l": (seen.out_features, 1)})
    yield PeftForm(config={}, shapes={"ia3_l": (1, seen.in_features)})


def _settle(folder: PeftFolder) -> None:
    folder.config["feedforward_modules"] = sorted(
        module for module, tensors in folder.modules.items() if tensors["ia3_l"].shape[0] == 1
    )


METHODS = {
    "IA3": PeftMethod(
        name="IA³",
        read=_read,
        forms=_forms,
        fields="feedforward_modules fan_in_fan_out init_ia3_weights",
        settle=_settle,
    )
}
