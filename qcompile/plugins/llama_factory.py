"""`peft_config: {name: qcompile, spec: adapter.qa}` in a configuration of LLaMA-Factory's v1.

It looks for no plugins of others, so that training starts here:

    python -m qcompile.plugins.llama_factory sft train.yaml

Its training in several processes needs accelerators and was not tried.
"""

from __future__ import annotations

from typing import Any

from llamafactory.v1 import launcher
from llamafactory.v1.plugins.model_plugins.peft import PeftPlugin
from peft import get_peft_model

from qcompile.adapter.training import has_clauses
from qcompile.diagnostics.errors import AdapterError
from qcompile.diagnostics.messages.plugins import ClausesNotCalled
from qcompile.peft.load import load
from qcompile.plugins.settings import configuration

NAME = "qcompile"
FOLDER = "adapter_name_or_path"


def add_adapter(model: Any, config: Any, is_train: bool) -> Any:
    """The model with a new adapter, or with that of a folder, as `peft_config` says.

    Args:
        model: The base model.
        config: `peft_config`: `name`, and either the fields of a QCompileConfig or
            `adapter_name_or_path`, a folder that an earlier run wrote.
        is_train: To train, rather than to use.

    Raises:
        AdapterError: Of the configuration, or as `get_peft_model` raises it; QA7404 for a spec with
            `train` clauses.
        ArtifactError: What the folder holds cannot be read.
    """
    adapted = _adapted(model, dict(config), is_train)
    if is_train:
        if has_clauses(adapted):
            raise AdapterError(ClausesNotCalled())
        adapted.print_trainable_parameters()
    return adapted


def _adapted(model: Any, settings: dict[str, Any], is_train: bool) -> Any:
    settings.pop("name", None)
    if FOLDER in settings:
        return load(model, settings[FOLDER], trainable=is_train)
    return get_peft_model(
        model,
        configuration(
            settings,
            "`peft_config`",
            "peft_config: {name: qcompile, spec: adapter.qa}",
            task_type="CAUSAL_LM",
            inference_mode=not is_train,
        ),
    )


def register_method() -> None:
    """Make `name: qcompile` known."""
    PeftPlugin(NAME).register()(add_adapter)


if __name__ == "__main__":
    register_method()
    # `launch` would start processes that know of no registration.
    launcher.main()
