"""Modules of a base model, for folders of peft that depend on them."""

from __future__ import annotations

import copy
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qcompile.artifact.weight_files import read_weights
from qcompile.diagnostics.arguments import check_type
from qcompile.diagnostics.errors import AdapterError
from qcompile.diagnostics.messages.peft_folders import BaseNotGiven, BaseUnusable

if TYPE_CHECKING:
    from torch import Tensor, nn

    from qcompile.backends.simulator.base import ModuleBase


class PeftBase:
    """A model in memory, or one that files describe; read when a module is asked for."""

    def __init__(self, model: nn.Module | str | os.PathLike[str] | None) -> None:
        """`model` is a config.json, or a folder with one and with safetensors; None: unknown.

        Raises:
            UsageError: QA6013.
        """
        if model is not None:
            from torch import nn

            expected = "a model, a config.json, or the folder of a model"
            check_type("write_peft_method", "model", model, (nn.Module, str, os.PathLike), expected)
        self._given = model
        self._built: nn.Module | None = None

    def shaped(self, name: str, needed: str) -> nn.Module:
        """A module whose tensors have their shapes, and perhaps no values.

        Args:
            name: As the adapter's site has it.
            needed: What of it, in words.

        Raises:
            AdapterError: QA6232 without a model, QA6233 where it has no such module.
            CompileError: QA7001 to QA7005.
        """
        if self._given is None:
            raise AdapterError(BaseNotGiven(module=name, needed=needed))
        if self._built is None:
            self._built = _whole(self._given)
        try:
            module = self._built.get_submodule(name)
        except AttributeError:
            raise AdapterError(BaseUnusable(module=name, reason="it has no such module")) from None
        while hasattr(module, "base_layer"):
            module = module.get_submodule("base_layer")
        return module

    def filled(self, name: str, needed: str) -> nn.Module:
        """A module with the values of its own parameters; as `shaped`."""
        from torch import nn

        module = self.shaped(name, needed)
        own = dict(module.named_parameters(recurse=False))
        if not any(parameter.device.type == "meta" for parameter in own.values()):
            return module
        if isinstance(self._given, nn.Module) or self._given is None:
            reason = "its weights have no values (meta device)"
            raise AdapterError(BaseUnusable(module=name, reason=reason))
        path = Path(self._given)
        folder = path.parent if path.name == "config.json" else path
        found = read_weights(folder, [f"{name}.{key}" for key in own])
        module = copy.deepcopy(module)
        for key, parameter in own.items():
            value = found[f"{name}.{key}"]
            if not isinstance(value, str) and value.shape != parameter.shape:
                value = f"`{key}` has the shape {tuple(value.shape)}, not {tuple(parameter.shape)}"
            if isinstance(value, str):
                raise AdapterError(BaseUnusable(module=name, reason=value))
            module.register_parameter(key, nn.Parameter(value, requires_grad=False))
        return module

    def head_of(self, name: str, needed: str) -> str | None:
        """The head whose weight an embedding's is as well, by the configuration; as `shaped`."""
        module = self.shaped(name, needed)
        model: Any = self._built
        tied = getattr(getattr(model, "config", None), "tie_word_embeddings", False)
        if not tied or model.get_input_embeddings() is not module:
            return None
        head = model.get_output_embeddings()
        return next((key for key, it in model.named_modules() if it is head), None)

    def weight(self, name: str, needed: str) -> Tensor:
        """(out_features, in_features) in float64; as `filled`, and QA6024 for a quantised one."""
        return self._reader(name, needed).weight().double().cpu()

    def _reader(self, name: str, needed: str) -> ModuleBase:
        import torch

        from qcompile.backends.simulator.base import ModuleBase

        module = self.filled(name, needed)
        return ModuleBase(module, torch.float32, adapter="peft", site=name)


def _whole(given: nn.Module | str | os.PathLike[str]) -> nn.Module:
    from torch import nn

    from qcompile.models.skeleton import model_on_meta

    if not isinstance(given, nn.Module):
        return model_on_meta(str(given))
    inner: object = getattr(given, "get_base_model", lambda: given)()
    return inner if isinstance(inner, nn.Module) else given
