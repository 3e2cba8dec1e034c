"""peft's LoRA of torch's MultiheadAttention, as LoRA of its projections."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qcompile.driver.peft_methods.method import Config, Unreadable
from qcompile.models.packed import PROJECTIONS

if TYPE_CHECKING:
    from torch import Tensor

INSIDE = ".base_layer.out_proj"
"""Behind the name of the attention: where peft keeps the tensors of its last map."""

TIMES = 2
"""How often peft adds the update of that map to its weight (`MultiheadAttention.merge`)."""


def projections(
    config: Config, modules: dict[str, dict[str, Tensor]]
) -> dict[str, dict[str, Tensor]]:
    """Tensors by module, those of an attention by projection.

    peft has one A for queries, keys and values, of which each gets a copy, and the rows of one B.

    Raises:
        Unreadable: Settings name the attention as a whole.
    """
    found = dict(modules)
    for name, last in modules.items():
        attention = name.removesuffix(INSIDE)
        if attention == name or attention not in modules:
            continue
        tensors = modules[attention]
        if config.get("alpha_pattern") or "lora_A.weight" not in tensors:
            raise Unreadable("is an attention of torch, of which no `alpha_pattern` is read")
        if isinstance(config.get("init_lora_weights"), str):
            raise Unreadable("is an attention of torch, whose start from the weight is not read")
        del found[name], found[attention]
        for projection, rows in zip(PROJECTIONS, tensors["lora_B.weight"].chunk(3), strict=True):
            own = {"lora_A.weight": tensors["lora_A.weight"].clone(), "lora_B.weight": rows}
            found[f"{attention}.{projection}"] = own
        found[f"{attention}.out_proj"] = last | {"lora_B.weight": TIMES * last["lora_B.weight"]}
    return found
