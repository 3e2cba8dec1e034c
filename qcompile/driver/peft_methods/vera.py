"""VeRA: two vectors around frozen matrices, which all modules share."""

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
    dropped,
)

if TYPE_CHECKING:
    from torch import Tensor


def _read(config: Config, place: PeftModule, tensors: dict[str, Tensor]) -> Piece:
    a, b = tensors["vera_A"], tensors["vera_B"]
    d, s = tensors.pop("vera_lambda_d"), tensors.pop("vera_lambda_b")
    body = f"""
    v = resize({dropped(config, "vera_dropout")}, {a.shape[1]})
    a = linear(v, to: {a.shape[0]}, init: kaiming_uniform(0), frozen: true, share: "vera.a")
    d = vector({a.shape[0]}, init: constant(0.1))
    b = linear(d * a, to: {b.shape[0]}, init: kaiming_uniform(0), frozen: true, share: "vera.b")
    s = vector(out_features, init: zero)
    update s * b[:out_features]"""
    named = {"a.weight": a, "b.weight": b, "d": d, "s": s}
    return Piece(body=body, tensors=named, out_features=s.shape[0])


def _forms(seen: Seen) -> Iterator[PeftForm]:
    for a in seen.frozen:
        for b in seen.frozen:
            if len(a) == len(b) == 2 and a[0] == b[1]:
                yield PeftForm(
                    config={"r": a[0], "save_projection": True},
                    shapes={
                        "vera_A": a,
                        "vera_B": b,
                        "vera_lambda_d": (a[0],),
                        "vera_lambda_b": (seen.out_features,),
                    },
                )


def _settle(folder: PeftFolder) -> None:
    """peft's matrices are as large as the largest module."""
    widest, highest = (max(sizes) for sizes in zip(*folder.sizes.values(), strict=True))
    folder.shared["vera_A"] = folder.shared["vera_A"][:, :widest]
    folder.shared["vera_B"] = folder.shared["vera_B"][:highest]


METHODS = {
    "VERA": PeftMethod(
        name="VeRA",
        read=_read,
        forms=_forms,
        fields="r projection_prng_key vera_dropout d_initial fan_in_fan_out init_weights",
        fixed={"save_projection": (True,)},
        shared=("vera_A", "vera_B"),
        dropout="vera_dropout",
        settle=_settle,
    )
}
