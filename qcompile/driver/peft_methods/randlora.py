"""RandLoRA: random products of low rank, mixed by trained diagonals."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import permutations
from typing import TYPE_CHECKING

from qcompile.driver.peft_methods.method import (
    Config,
    PeftFolder,
    PeftForm,
    PeftMethod,
    PeftModule,
    Piece,
    Seen,
    Shape,
    dropped,
    entry,
    written_number,
)

if TYPE_CHECKING:
    from torch import Tensor


def _read(config: Config, place: PeftModule, tensors: dict[str, Tensor]) -> Piece:
    mixed, gamma = tensors.pop("randlora_lambda"), tensors.pop("randlora_gamma")
    rank, bases = mixed.shape
    inputs, outputs = place.sizes
    small, large = min(inputs, outputs), max(inputs, outputs)
    a, b = tensors["randlora_A"][:, 0], tensors["randlora_B"].flatten(1)
    scale = written_number(config["randlora_alpha"] / rank)
    side = "in_features" if inputs <= outputs else "out_features"
    random = "init: kaiming_uniform, frozen: true"
    body = f"""
    whole_a = table({rank}, {a.shape[1]}, {random}, share: "randlora.a")
    whole_b = table({b.shape[0]}, {b.shape[1]}, {random}, share: "randlora.b")
    a = whole_a[:{small}]
    b = transpose(transpose(whole_b)[:{large}])[:{rank * bases}]
    gamma = table({bases}, {side}, init: constant({written_number(1 / large)}))
    lambda = vector({rank * bases}, init: zero)
    each = table({bases}, 1, init: constant(1), frozen: true)
    all = table({rank}, 1, init: constant(1), frozen: true)
    scaled = kron(a, each) * kron(all, gamma)
    v = {dropped(config, "randlora_dropout")}"""
    if inputs <= outputs:
        body += f"""
    low = lambda * linear(v, to: {rank * bases}, weight: scaled)
    update {scale} * linear(low, to: out_features, weight: b)"""
    else:
        body += f"""
    low = lambda * linear(v, to: {rank * bases}, weight: transpose(b))
    update {scale} * linear(low, to: out_features, weight: transpose(scaled))"""
    named = {"whole_a": a, "whole_b": b, "gamma": gamma, "lambda": mixed.flatten()}
    return Piece(body=body, tensors=named, in_features=inputs, out_features=outputs)


def _forms(seen: Seen) -> Iterator[PeftForm]:
    small, large = sorted((seen.in_features, seen.out_features))
    for bases, width in (shape for shape in seen.trained if len(shape) == 2):
        mixed = sum(shape[0] for shape in seen.trained if len(shape) == 1)
        if width != small or not mixed or mixed % bases:
            continue
        rank = mixed // bases
        shapes: dict[str, Shape] = {
            "randlora_lambda": (rank, bases),
            "randlora_gamma": (bases, small),
        }
        for a, b in permutations([it for it in seen.frozen if len(it) == 2], 2):
            # As many bases as peft has for a module of the size.
            if a[0] != rank or a[1] < small or b[0] < large or b[1] % rank:
                continue
            if bases != math.ceil(small / rank):
                continue
            shapes |= {"randlora_A": (rank, 1, a[1]), "randlora_B": (b[0], b[1] // rank, rank)}
            for scale in seen.reals:
                alpha = entry(scale * rank)
                config = {"r": rank, "randlora_alpha": alpha, "save_projection": True}
                yield PeftForm(config=config, shapes=dict(shapes))


def _settle(folder: PeftFolder) -> None:
    """peft's matrices are as large as the largest module, with bases for the smaller side.

    Its file has them for every module, and peft warns of a file that has not.
    """
    # The largest input and output, whether or not of one module, as peft counts them.
    sides = [max(sizes) for sizes in zip(*folder.sizes.values(), strict=True)]
    small, large, rank = min(sides), max(sides), folder.config["r"]
    for name, shape in (
        ("randlora_A", (rank, 1, small)),
        ("randlora_B", (large, math.ceil(small / rank), rank)),
    ):
        known = folder.shared[name]
        whole = known.new_zeros(shape)
        both = tuple(slice(0, min(pair)) for pair in zip(shape, known.shape, strict=True))
        whole[both] = known[both]
        folder.shared[name] = whole
        for tensors in folder.modules.values():
            tensors[name] = whole


METHODS = {
    "RANDLORA": PeftMethod(
        name="RandLoRA",
        read=_read,
        forms=_forms,
        fields=(
            "r projection_prng_key sparse very_sparse randlora_dropout randlora_alpha"
            " fan_in_fan_out init_weights"
        ),
        fixed={"save_projection": (True,)},
        shared=("randlora_A", "randlora_B"),
        needs_model=True,
        dropout="randlora_dropout",
        settle=_settle,
    )
}
