"""`adapter: qcompile` in a configuration of Axolotl.

plugins: [qcompile.plugins.axolotl.QCompilePlugin]
adapter: qcompile
qcompile: {spec: adapter.qa}
"""

from __future__ import annotations

from typing import Any

from axolotl.integrations.base import AdapterCapabilities, BasePlugin
from peft import get_peft_model
from pydantic import BaseModel

from qcompile.adapter.trainer_callback import trainer_callback
from qcompile.diagnostics.errors import AdapterError, few
from qcompile.diagnostics.messages.plugins import PluginSettingIgnored
from qcompile.peft.config import QCompileConfig
from qcompile.peft.load import load
from qcompile.plugins.settings import configuration

ADAPTER = "qcompile"

_IGNORED = {
    "load_in_4bit": "Axolotl quantises for `adapter: qlora` alone; name a model that is quantised",
    "load_in_8bit": "Axolotl quantises for `adapter: lora` alone; name a model that is quantised",
    "lora_r": "the spec says it: `parameters` of the block `qcompile` set what it leaves open",
    "lora_alpha": "the spec says it: `parameters` of the block `qcompile` set what it leaves open",
    "lora_dropout": "the spec says it",
    "lora_target_modules": "`target_modules` of the block `qcompile` does this",
    "lora_target_linear": "`attach linear` in the spec does this",
    "lora_target_parameters": "the spec's `attach` lines do this",
    "lora_modules_to_save": "`modules_to_save` of the block `qcompile` does this",
    "lora_mlp_kernel": "the kernel is for LoRA",
    "lora_qkv_kernel": "the kernel is for LoRA",
    "lora_o_kernel": "the kernel is for LoRA",
    "peft_use_dora": "the spec says what the adapter is",
    "peft_use_rslora": "the spec says what the adapter is",
    "peft_init_lora_weights": "the spec says how tensors start",
}


class QCompileArgs(BaseModel):
    """What the plugin adds to Axolotl's settings.

    Attributes:
        qcompile: The fields of a QCompileConfig.
    """

    qcompile: dict[str, Any] | None = None


class QCompilePlugin(BasePlugin):  # type: ignore[misc, unused-ignore]
    """Axolotl calls the methods; other adapters are left to it."""

    def get_input_args(self) -> str:
        """The class whose fields join those of Axolotl's configuration."""
        return f"{QCompileArgs.__module__}.{QCompileArgs.__qualname__}"

    def get_adapter_capabilities(self) -> list[Any]:
        """The one adapter that this plugin makes; it is none of LoRA's kind."""
        return [AdapterCapabilities(name=ADAPTER)]

    def pre_model_load(self, cfg: Any) -> None:
        """Refuse what would be wrong or without effect, before a model is loaded.

        Raises:
            AdapterError: QA7401, QA7402, QA7403.
        """
        if cfg.adapter == ADAPTER:
            refused = [
                PluginSettingIgnored(name=name, advice=advice)
                for name, advice in _IGNORED.items()
                if cfg.get(name)
            ]
            if refused:
                raise AdapterError(*few(refused))
            if not cfg.lora_model_dir:
                _configuration(cfg)

    def load_adapter(
        self, model: Any, cfg: Any, inference: bool = False, config_only: bool = False
    ) -> tuple[Any, Any] | None:
        """The model with a new adapter, or with that of `lora_model_dir`, and its configuration.

        Raises:
            AdapterError: Of the configuration, or as `get_peft_model` raises it.
            ArtifactError: What `lora_model_dir` holds cannot be read.
        """
        if cfg.adapter != ADAPTER:
            return None
        if cfg.lora_model_dir and not config_only:
            adapted = load(model, cfg.lora_model_dir, trainable=not inference)
            return adapted, adapted.peft_config[adapted.active_adapter]
        if cfg.lora_model_dir:
            return None, QCompileConfig.from_pretrained(cfg.lora_model_dir)
        config = _configuration(cfg)
        if config_only:
            return None, config
        adapted = get_peft_model(model, config)
        adapted.print_trainable_parameters()
        return adapted, config

    def add_callbacks_pre_trainer(self, cfg: Any, model: Any) -> list[Any]:
        """The callback for `train` clauses."""
        return [trainer_callback()] if cfg.adapter == ADAPTER else []


def _configuration(cfg: Any) -> QCompileConfig:
    # Axolotl's dictionaries answer None for what they lack.
    block = cfg.qcompile
    plain = block.to_dict() if hasattr(block, "to_dict") else block
    task = "SEQ_CLS" if cfg.reward_model or cfg.process_reward_model else "CAUSAL_LM"
    return configuration(
        plain, "the block `qcompile`", "qcompile: {spec: adapter.qa}", task_type=task
    )
