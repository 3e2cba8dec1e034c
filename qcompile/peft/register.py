"""Makes the method known to peft."""

from __future__ import annotations

import functools
import os
from typing import Any

from peft import PeftConfig

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
        _keep_folders()


def _keep_folders() -> None:
    """Let configurations know the folder that they are read from, whoever reads them.

    Its tensors are checked before a model changes. transformers calls the method of PeftConfig,
    which makes a QCompileConfig without a method of its own.
    """
    read: Any = PeftConfig.from_pretrained.__func__  # type: ignore[attr-defined, unused-ignore]

    def from_pretrained(
        cls: Any,
        pretrained_model_name_or_path: Any,
        subfolder: str | None = None,
        **kwargs: Any,
    ) -> Any:
        config = read(cls, pretrained_model_name_or_path, subfolder=subfolder, **kwargs)
        if isinstance(config, QCompileConfig):
            config.folder = os.path.join(pretrained_model_name_or_path, subfolder or "")
        return config

    read_and_keep: Any = functools.wraps(read)(from_pretrained)
    method: Any = classmethod(read_and_keep)
    PeftConfig.from_pretrained = method  # type: ignore[method-assign, unused-ignore]
