"""All methods of peft that are converted, by peft's name of the kind of adapter."""

from __future__ import annotations

from collections.abc import Mapping

from qcompile.driver.peft_methods import (
    adalora,
    boft,
    c3a,
    drawn,
    hira,
    hra,
    ia3,
    ln_tuning,
    loha,
    lokr,
    lora,
    miss,
    oft,
    psoft,
    randlora,
    road,
    vblora,
    vera,
)
from qcompile.driver.peft_methods.method import PeftMethod

METHODS_OF_PEFT: Mapping[str, PeftMethod] = {
    **lora.METHODS,
    **adalora.METHODS,
    **ia3.METHODS,
    **vera.METHODS,
    **randlora.METHODS,
    **vblora.METHODS,
    **hira.METHODS,
    **loha.METHODS,
    **lokr.METHODS,
    **hra.METHODS,
    **oft.METHODS,
    **boft.METHODS,
    **psoft.METHODS,
    **road.METHODS,
    **c3a.METHODS,
    **drawn.METHODS,
    **miss.METHODS,
    **ln_tuning.METHODS,
}
"""In the order in which an adapter's plan is compared with them."""

COMMON_FIELDS = frozenset(
    {
        "auto_mapping",
        "base_model_name_or_path",
        "exclude_modules",
        "inference_mode",
        "layers_pattern",
        "layers_to_transform",
        "peft_type",
        "peft_version",
        "revision",
        "target_modules",
        "task_type",
    }
)
"""Entries that say nothing of what an adapter computes where its tensors are there."""
