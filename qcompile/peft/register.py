"""Makes the method known to peft."""

from __future__ import annotations

from typing import Any

from qcompile.peft.config import QCompileConfig, peft_type
from qcompile.peft.model import QCompileModel


def register() -> None:
    """Add the method to peft's tables, once."""
    from peft.mapping import PEFT_TYPE_TO_TUNER_MAPPING
    from peft.utils.peft_types import register_peft_method

    tuners: dict[Any, Any] = PEFT_TYPE_TO_TUNER_MAPPING
    if peft_type() not in tuners:
        register_peft_method(
            name="qcompile", config_cls=QCompileConfig, model_cls=QCompileModel, prefix="qcompile_"
        )
