"""HRA: reflections before the weight."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from qcompile.driver.peft_methods.method import Config, Form, PeftMethod, Piece, Place, Seen

if TYPE_CHECKING:
    from torch import Tensor


def read(config: Config, place: Place, tensors: dict[str, Tensor]) -> Piece:
    u = tensors.pop("hra_u")
    body = f"""
    turned = reflections(x, count: {u.shape[1]})
    replace base(turned)"""
    return Piece(body=body, tensors={"turned.rows": u.T.contiguous()}, in_features=u.shape[0])


def forms(seen: Seen) -> Iterator[Form]:
    for shape in seen.trained[:1]:
        yield Form(config={"r": shape[0]}, shapes={"hra_u": (seen.in_features, shape[0])})


METHODS = {"HRA": PeftMethod(name="HRA", read=read, forms=forms, fields="r init_weights")}
