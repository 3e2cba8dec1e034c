"""Tensors of an adapter between the model and a file of peft's."""

from __future__ import annotations

from typing import Any

import torch
from peft.tuners.tuners_utils import (
    _filter_state_dict_by_key_prefixes,
    _get_tuner_state_dict_key_prefixes,
)
from peft.utils.other import AuxiliaryTrainingWrapper
from torch import nn

from qcompile.artifact.peft_folder import CORE, WEIGHTS, mismatches
from qcompile.diagnostics.errors import ArtifactError, few
from qcompile.diagnostics.messages.artifact import TensorMismatch
from qcompile.peft.layer import QCompileLayer


def leave_base_weights_out(model: nn.Module, state: dict[str, torch.Tensor]) -> None:
    """Take weights of the base out of the state of a model that peft is about to save.

    It would save those of heads and embeddings that have an adapter, or are resized, beside what is
    trained.
    """
    for name, module in model.named_modules():
        if isinstance(module, QCompileLayer | AuxiliaryTrainingWrapper):
            own = isinstance(module, QCompileLayer)
            base = f"{name}.{'base_layer' if own else 'original_module'}."
            for key in [key for key in state if key.startswith(base)]:
                del state[key]


def take_aliases_apart(state: dict[str, torch.Tensor]) -> None:
    """Give all but the first name of a tensor a copy: files of safetensors hold no aliases.

    peft copies them itself when it saves, transformers refuses them.
    """
    seen: set[int] = set()
    for key, tensor in state.items():
        if tensor.device.type != "meta" and tensor.data_ptr() in seen:
            state[key] = tensor.clone()
        seen.add(tensor.data_ptr())


def without_adapter_name(key: str, adapter_name: str) -> str | None:
    """The key of a tensor of ours, or of a module in modules_to_save, as files have it; else None.

    peft may add the name a second time by that of the module in the model.
    """
    for place, kept in ((CORE, f".{CORE}"), ("modules_to_save", "")):
        head, found, tail = key.partition(f".{place}.{adapter_name}.")
        if found:
            return f"{head}{kept}.{tail}"
    return None


def refuse_other_tensors(
    model: nn.Module, adapter_name: str, mapped: dict[str, torch.Tensor]
) -> None:
    """A missing, foreign or misshapen tensor of a file is an error.

    Args:
        model: The model, with the adapter.
        adapter_name: Of peft.
        mapped: The tensors, under the keys of the model.

    Raises:
        ArtifactError: QA5009.
    """
    prefixes = _get_tuner_state_dict_key_prefixes(model, adapter_name=adapter_name)
    state = model.state_dict()
    own = _filter_state_dict_by_key_prefixes(state, prefixes)
    for name, wrapper in model.named_modules():
        if isinstance(wrapper, AuxiliaryTrainingWrapper):
            keys = _load_map(wrapper, adapter_name).values()
            own.update({f"{name}.{key}": state[f"{name}.{key}"] for key in keys})
    found, wanted = (
        {key: tuple(tensor.shape) for key, tensor in tensors.items()} for tensors in (mapped, own)
    )
    problems = [
        TensorMismatch(path=WEIGHTS, tensor=key, problem=problem)
        for key, problem in mismatches(found, wanted)
    ]
    if problems:
        raise ArtifactError(*few(problems))


def _load_map(wrapper: Any, adapter_name: str) -> dict[str, str]:
    """Key in a file → key in the model, of a module that is trained in full."""
    found: dict[str, str] = wrapper.adapter_state_dict_load_map(adapter_name)
    return found
