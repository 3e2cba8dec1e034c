"""AdaLoRA: P Λ Q, with ranks that were taken away."""

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
    entry,
    ranks,
    written_number,
)

if TYPE_CHECKING:
    from torch import Tensor

EPS = 1e-5
"""peft adds it to the rank."""
MOST_RANKS = 4097
"""Ranks at the start that are tried."""


def _read(config: Config, place: PeftModule, tensors: dict[str, Tensor]) -> Piece:
    a, b, e = (tensors.pop(f"lora_{name}") for name in "ABE")
    if not a.shape[0]:
        # All ranks were taken away: one with a zero computes the same.
        a, b, e = a.new_zeros(1, a.shape[1]), b.new_zeros(b.shape[0], 1), e.new_zeros(1, 1)
    rank, alpha = config["init_r"], config.get("lora_alpha") or config["init_r"]
    body = f"""
    a = linear({dropped(config, "lora_dropout")}, to: {a.shape[0]}, init: normal(0.02))
    e = vector({a.shape[0]}, init: zero)
    b = linear(e * a, to: out_features, init: normal(0.02))
    update {written_number(alpha / (rank + EPS))} * b"""
    named = {"a.weight": a, "b.weight": b, "e": e.flatten()}
    return Piece(body=body, tensors=named, in_features=a.shape[1], out_features=b.shape[0])


def _forms(seen: Seen) -> Iterator[PeftForm]:
    for rank in ranks(seen):
        shapes = {
            "lora_A": (rank, seen.in_features),
            "lora_B": (seen.out_features, rank),
            "lora_E": (rank, 1),
        }
        for scale in seen.reals:
            # The rank of the start is in the scale alone.
            for start in range(rank, MOST_RANKS):
                alpha = entry(scale * (start + EPS))
                if isinstance(alpha, int) or start == rank:
                    config = {"init_r": start, "target_r": start, "lora_alpha": alpha}
                    yield PeftForm(config={**config, "total_step": 1}, shapes=shapes)


def _settle(folder: PeftFolder) -> None:
    """Say which ranks were taken away."""
    start = folder.config["init_r"]
    kept = {module: tensors["lora_A"].shape[0] for module, tensors in folder.modules.items()}
    if any(rank < start for rank in kept.values()):
        folder.config["rank_pattern"] = {
            f"{module}.lora_E": [index < rank for index in range(start)]
            for module, rank in kept.items()
        }


METHODS = {
    "ADALORA": PeftMethod(
        name="AdaLoRA",
        read=_read,
        forms=_forms,
        fields=(
            "r init_r target_r tinit tfinal deltaT beta1 beta2 orth_reg_weight total_step"
            " lora_alpha lora_dropout rank_pattern fan_in_fan_out runtime_config"
            " ephemeral_gpu_offload megatron_core qalora_group_size"
        ),
        fixed={"init_lora_weights": (True, False, None)},
        dropout="lora_dropout",
        settle=_settle,
    )
}
