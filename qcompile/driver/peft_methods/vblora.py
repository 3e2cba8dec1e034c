"""VB-LoRA: LoRA's matrices made of vectors of one bank."""

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
)

if TYPE_CHECKING:
    from torch import Tensor


def _read(config: Config, place: PeftModule, tensors: dict[str, Tensor]) -> Piece:
    bank = tensors["vblora_vector_bank"]
    for_a, for_b = tensors.pop("vblora_logits_A"), tensors.pop("vblora_logits_B")
    (count, size), (rank, pieces, _), rows = bank.shape, for_a.shape, for_b.shape[0]
    lines = [f'bank = table({count}, {size}, init: uniform(-0.02, 0.02), share: "vblora.bank")']
    for name, logits in (("a", for_a), ("b", for_b)):
        lines += [
            f"for_{name} = table({logits.shape[0] * logits.shape[1]}, {count}, init: normal(0.1))",
            f"kept_{name} = top(for_{name}, {config['topk']}) * softmax(for_{name})",
            f"mixture_{name} = kept_{name} / sum(kept_{name})",
            f"flat_{name} = flat(linear(mixture_{name}, to: {size}, weight: transpose(bank)))",
        ]
    lines += [
        f"a = rows(flat_a, {rank})",
        f"b = permute(flat_b, modes: [{rows}, {rank}, {size}], axes: [0, 2, 1])",
        f"low = linear({dropped(config, 'vblora_dropout')}, to: {rank}, weight: a)",
        "update linear(low, to: out_features, weight: rows(b, out_features))",
    ]
    named = {"bank": bank, "for_a": for_a.flatten(0, 1), "for_b": for_b.flatten(0, 1)}
    return Piece(
        body="\n    " + "\n    ".join(lines),
        tensors=named,
        in_features=pieces * size,
        out_features=rows * size,
    )


def _forms(seen: Seen) -> Iterator[PeftForm]:
    for count, size in (shape for shape in seen.trained if len(shape) == 2):
        if seen.in_features % size or seen.out_features % size:
            continue
        pieces, rows = seen.in_features // size, seen.out_features // size
        for rank in {shape[0] // pieces for shape in seen.trained} - {0}:
            for mixed in (it for it in seen.integers if 1 <= it <= count):
                yield PeftForm(
                    config={
                        "r": rank,
                        "num_vectors": count,
                        "vector_length": size,
                        "topk": mixed,
                    },
                    shapes={
                        "vblora_vector_bank": (count, size),
                        "vblora_logits_A": (rank, pieces, count),
                        "vblora_logits_B": (rows, rank, count),
                    },
                )


METHODS = {
    "VBLORA": PeftMethod(
        name="VB-LoRA",
        read=_read,
        forms=_forms,
        fields=(
            "r num_vectors vector_length topk vblora_dropout fan_in_fan_out"
            " init_vector_bank_bound init_logits_std"
        ),
        fixed={"save_only_topk_weights": (False,)},
        shared=("vblora_vector_bank",),
        dropout="vblora_dropout",
    )
}
