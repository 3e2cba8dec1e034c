"""HRA: reflections before the weight."""

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
    u = tensors.pop("hra_u")
    body = f"""
    turned = reflections(x, count: {u.shape[1]})
    replace base(turned)"""
    return Piece(body=body, tensors={"turned.rows": u.T.contiguous()}, in_features=u.shape[0])


def _forms(seen: Seen) -> Iterator[PeftForm]:
    for shape in seen.trained[:1]:
        yield PeftForm(config={"r": shape[0]}, shapes={"hra_u": (seen.in_features, shape[0])})


METHODS = {"HRA": PeftMethod(name="HRA", read=_read, forms=_forms, fields="r init_weights")}
