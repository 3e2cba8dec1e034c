"""Taking back an injection, or a merge, that failed half-way."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from torch import nn

from qcompile.adapter.beside import take_from_beside
from qcompile.adapter.packed import close_attention
from qcompile.adapter.parameters import take_from_parameters
from qcompile.adapter.prefixed import holder_of, release
from qcompile.artifact.peft_folder import BESIDE, PARAMETERS
from qcompile.peft.merging import MergingHolder


@contextlib.contextmanager
def all_or_nothing(model: nn.Module) -> Iterator[None]:
    """Inside the block an error restores the modules of `model` and their gradient flags."""
    children = [(module, dict(module._modules)) for module in model.modules()]
    flags = [(parameter, parameter.requires_grad) for parameter in model.parameters()]
    active = [
        (module, module.__dict__["_active_adapter"])
        for module in model.modules()
        if "_active_adapter" in module.__dict__
    ]
    try:
        yield
    except BaseException:
        for parent, modules in children:
            parent._modules.clear()
            parent._modules.update(modules)
            if holder_of(parent) is None:
                release(parent)
            if BESIDE not in parent._modules:
                take_from_beside(parent)
            if PARAMETERS not in parent._modules:
                take_from_parameters(parent)
        close_attention(model)
        for parameter, flag in flags:
            parameter.requires_grad_(flag)
        for module, names in active:
            module.__dict__["_active_adapter"] = names
        raise


@contextlib.contextmanager
def merged_or_not(model: nn.Module) -> Iterator[None]:
    """Inside the block an error leaves merged in each layer what was merged there before."""
    layers = [layer for layer in model.modules() if isinstance(layer, MergingHolder)]
    before = [list(layer.merged_adapters) for layer in layers]
    try:
        yield
    except BaseException:
        for layer, names in zip(layers, before, strict=True):
            if layer.merged_adapters != names:
                layer.unmerge()
                if names:
                    layer.merge(adapter_names=names)
        raise


def forget_adapter(model: Any, adapter_name: str) -> None:
    """Take an adapter that was not injected off the records that transformers keeps."""
    configs = model.__dict__.get("peft_config")
    if configs is not None:
        configs.pop(adapter_name, None)
    else:
        # `add_adapter` of transformers sets it first, and would take the next call for the second.
        model.__dict__.pop("_hf_peft_config_loaded", None)
