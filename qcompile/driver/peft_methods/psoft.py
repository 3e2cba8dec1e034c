"""PSOFT: a matrix between the principal factors of the weight."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import TYPE_CHECKING, Any

from qcompile.driver.peft_methods.method import (
    Config,
    PeftForm,
    PeftMethod,
    PeftModule,
    Piece,
    Seen,
    Shape,
    Unreadable,
    dropped,
)
from qcompile.driver.peft_methods.oft import block_size, powers

if TYPE_CHECKING:
    from torch import Tensor


def _read(config: Config, place: PeftModule, tensors: dict[str, Tensor]) -> Piece:
    weight = tensors.pop("psoft_R.weight")
    orthogonal = config.get("psoft_orth", True)
    rank = block_size(len(weight)) if orthogonal else len(weight)
    symmetric = config.get("ab_svd_init") == "pissa_init"
    named, value = {}, "h"
    lines = [
        f"a = table({rank}, in_features, init: principal_rows, frozen: true)",
        f"b = table(out_features, {rank}, init: principal_columns, frozen: true)",
        f"v = {dropped(config, 'psoft_dropout')}",
        f"h = linear(v, to: {rank}, weight: {'a' if symmetric else 'a / norm(a)'})",
    ]
    # peft's names: `vector_a` is that of the input.
    for name, side in (("vector_a", "before"), ("vector_b", "after")):
        if config.get(name.replace("vector", "psoft_mag"), True):
            named[side] = tensors.pop(f"psoft_R.{name}")
            lines.append(f"{side} = vector({rank}, init: constant(1))")
    if "before" in named:
        lines.append("scaled = before * h")
        value = "scaled"
    if orthogonal:
        series = bool(config.get("use_cayley_neumann"))
        if series and config.get("cayley_neumann_eps") is not None:
            raise Unreadable("has `cayley_neumann_eps`, which shortens the matrix of its series")
        lines.append(f"r = cayley({value}, block: {rank}{powers(config) if series else ''})")
        # peft's matrix is (I + Q)(I - Q)^{-1}.
        named["r.skew"] = -weight[None]
    else:
        lines.append(f"r = linear({value}, to: {rank}, init: identity)")
        named["r.weight"] = weight
    turned = "after * r" if "after" in named else "r"
    change = f"({turned} - h)" if symmetric else f"flat(norm(a)) * ({turned} - h)"
    lines.append(f"update linear({change}, to: out_features, weight: b)")
    return Piece(body="\n    " + "\n    ".join(lines), tensors=named)


def _forms(seen: Seen) -> Iterator[PeftForm]:
    ranks = [shape[0] for shape in seen.frozen if shape[-1] == seen.in_features]
    vectors = [shape for shape in seen.trained if len(shape) == 1]
    for rank in ranks:
        for orthogonal in (True, False):
            weight: Shape = (rank * (rank - 1) // 2,) if orthogonal else (rank, rank)
            for a, b in ((True, True), (True, False), (False, True), (False, False)):
                if a + b != len(vectors):
                    continue
                shapes = {"psoft_R.weight": weight}
                shapes |= {"psoft_R.vector_a": (rank,)} if a else {}
                shapes |= {"psoft_R.vector_b": (rank,)} if b else {}
                series = [0, *(it + 1 for it in seen.integers if orthogonal and it >= 3)]
                for start, terms in product(("psoft_init", "pissa_init"), series):
                    config: dict[str, Any] = {
                        "r": rank,
                        "psoft_alpha": rank,
                        "psoft_orth": orthogonal,
                        "psoft_mag_a": a,
                        "psoft_mag_b": b,
                        "ab_svd_init": start,
                        "use_cayley_neumann": bool(terms),
                    }
                    if terms:
                        config["num_cayley_neumann_terms"] = terms
                    yield PeftForm(config=config, shapes=shapes)


METHODS = {
    "PSOFT": PeftMethod(
        name="PSOFT",
        read=_read,
        forms=_forms,
        fields=(
            "r psoft_alpha psoft_dropout psoft_orth psoft_mag_a psoft_mag_b ab_svd_init"
            " psoft_svd_lowrank_niter random_seed use_cayley_neumann num_cayley_neumann_terms"
            " cayley_neumann_eps fan_in_fan_out init_weights"
        ),
        fixed={"psoft_svd": ("full",)},
        dropout="psoft_dropout",
        needs_model=True,
    )
}
