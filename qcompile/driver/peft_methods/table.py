"""All methods of peft that are converted, by peft's name of the kind of adapter."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module

from qcompile.driver.peft_methods.method import PeftMethod

MODULES = (
    *("lora", "adalora", "ia3", "vera", "randlora", "vblora", "hira", "loha", "lokr", "hra"),
    *("oft", "boft", "psoft", "road", "c3a", "drawn", "miss", "ln_tuning", "trainable_tokens"),
)
"""In the order in which an adapter's plan is compared with their `METHODS`."""


def _all() -> dict[str, PeftMethod]:
    found: dict[str, PeftMethod] = {}
    for name in MODULES:
        found |= import_module(f"qcompile.driver.peft_methods.{name}").METHODS
    return found


METHODS_OF_PEFT: Mapping[str, PeftMethod] = _all()

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
