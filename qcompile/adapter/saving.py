"""transformers' `save_pretrained` of a model with attached adapters."""

from __future__ import annotations

import warnings
from functools import partial
from typing import Any

from torch import nn

from qcompile.adapter.adapted import AdaptedModule
from qcompile.diagnostics.errors import QCompileWarning
from qcompile.diagnostics.messages.several import SavedWithoutAdapters

SAVE = "save_pretrained"


def save_under_own_names(model: nn.Module) -> None:
    """Let the model, and models of transformers inside it, save the base as `from_pretrained`
    reads it."""
    for module in model.modules():
        if hasattr(type(module), SAVE):
            vars(module)[SAVE] = partial(_save, module)


def save_as_before(model: nn.Module) -> None:
    """Undo `save_under_own_names`."""
    for module in model.modules():
        if isinstance(method := vars(module).get(SAVE), partial) and method.func is _save:
            del vars(module)[SAVE]


def _save(
    model: Any,
    save_directory: Any,
    is_main_process: bool = True,
    state_dict: dict[str, Any] | None = None,
    **options: Any,
) -> None:
    """As transformers does it. The adapters' tensors are in the files as well, from which a
    checkpoint is resumed; `from_pretrained` leaves them alone."""
    state = model.state_dict() if state_dict is None else state_dict
    for name, module in model.named_modules():
        if isinstance(module, AdaptedModule):
            state = module.own_keys(state, f"{name}." if name else "")
    type(model).save_pretrained(
        model, save_directory, is_main_process=is_main_process, state_dict=state, **options
    )
    if is_main_process:
        message = SavedWithoutAdapters(folder=str(save_directory))
        warnings.warn(QCompileWarning(message), stacklevel=2)
