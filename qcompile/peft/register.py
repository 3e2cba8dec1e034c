"""Makes the method known to peft."""

from __future__ import annotations

import functools
import os
from typing import Any

from peft import PeftConfig, PeftModel

from qcompile.artifact.folder import write_folder_whole
from qcompile.diagnostics.errors import AdapterError
from qcompile.diagnostics.messages.peft import PlanDiffers
from qcompile.peft.card import CARD
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
        _compare_plans()
        _save_whole()


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


def _compare_plans() -> None:
    """Let tensors come under the name of an adapter only where they are of its plan.

    peft leaves the configuration of a folder unread where it has an adapter of that name.
    """
    load: Any = PeftModel.load_adapter

    def load_adapter(self: Any, model_id: Any, adapter_name: str, *args: Any, **kwargs: Any) -> Any:
        known = self.peft_config.get(adapter_name)
        folder = os.path.join(model_id, kwargs.get("subfolder") or "")
        if isinstance(known, QCompileConfig) and os.path.isdir(folder):
            check_same_plan(adapter_name, known, PeftConfig.from_pretrained(folder))
        return load(self, model_id, adapter_name, *args, **kwargs)

    compared: Any = functools.wraps(load)(load_adapter)
    PeftModel.load_adapter = compared  # type: ignore[method-assign, unused-ignore]


def _save_whole() -> None:
    """Let a saved folder be written whole, or stay as it was.

    peft replaces the tensors before it writes the configuration that they belong to.
    """
    save: Any = PeftModel.save_pretrained

    def save_pretrained(self: Any, save_directory: Any, *args: Any, **kwargs: Any) -> None:
        ours = any(isinstance(config, QCompileConfig) for config in self.peft_config.values())
        if ours and not os.path.isfile(save_directory):
            write_folder_whole(
                save_directory, lambda folder: save(self, folder, *args, **kwargs), keep=(CARD,)
            )
        else:
            save(self, save_directory, *args, **kwargs)

    PeftModel.save_pretrained = functools.wraps(save)(save_pretrained)  # type: ignore[method-assign, unused-ignore]


def check_same_plan(name: str, known: QCompileConfig, given: object) -> None:
    """Whether two configurations compute the same from the same tensors.

    Raises:
        AdapterError: QA6220.
    """
    if not isinstance(given, QCompileConfig):
        raise AdapterError(PlanDiffers(name=name))
    ours, theirs = known.manifest(), given.manifest()
    if ours is None or theirs is None:
        return
    same = (ours.planned.plans, ours.planned.sites) == (theirs.planned.plans, theirs.planned.sites)
    if not same:
        raise AdapterError(PlanDiffers(name=name))
