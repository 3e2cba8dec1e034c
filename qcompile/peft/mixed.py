"""One batch for several adapters: peft's argument `adapter_names` of a call."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from peft.utils.other import AuxiliaryTrainingWrapper
from torch import nn

from qcompile.adapter.switch import BASE
from qcompile.diagnostics.errors import AdapterError
from qcompile.diagnostics.messages.peft import MixedBatchRefused
from qcompile.diagnostics.nearest import nearest
from qcompile.peft.beside import QCompileBeside
from qcompile.peft.layer import QCompileLayer
from qcompile.peft.parameters import QCompileTarget
from qcompile.peft.parts import PartsHolder
from qcompile.peft.prefix import QCompilePrefix


@contextlib.contextmanager
def rows_to_adapters(model: nn.Module, names: Any, repeats: int) -> Iterator[None]:
    """Inside the block each row of a batch goes to the adapter of its name.

    Args:
        model: With adapters of peft in it.
        names: One for each row: of an adapter, or `__base__`.
        repeats: How often `generate` repeats each row, for beams or for several answers.

    Raises:
        AdapterError: QA6203.
    """
    _check(model, names)
    given = list(names)
    repeated = given
    if repeats > 1:
        repeated = [name for name in given for _ in range(repeats)]
    inside = _inside_encoder(model) if repeated is not given else frozenset()
    handles = [
        module.register_forward_pre_hook(
            partial(_with_names, names=given if id(module) in inside else repeated),
            with_kwargs=True,
        )
        for module in model.modules()
        if isinstance(module, QCompileLayer | AuxiliaryTrainingWrapper)
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _with_names(
    module: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any], names: list[str]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    return args, {**kwargs, "adapter_names": names}


def _check(model: nn.Module, names: Any) -> None:
    if model.training:
        raise AdapterError(MixedBatchRefused(reason="the model is in training mode"))
    if isinstance(names, str) or not isinstance(names, Sequence):
        raise AdapterError(MixedBatchRefused(reason="`adapter_names` is no list of names"))
    holders = [module for module in model.modules() if isinstance(module, PartsHolder)]
    known = sorted({name for holder in holders for name in holder.qcompile_core})
    for name in dict.fromkeys(names):
        if name != BASE and name not in known:
            near = nearest(str(name), [*known, BASE])
            reason = f"there is no adapter `{name}`"
            raise AdapterError(MixedBatchRefused(reason=reason, candidates=near))
    if any(holder.merged for holder in holders):
        raise AdapterError(MixedBatchRefused(reason="adapters are merged; call `unmerge_adapter`"))
    for kind, reason in (
        (QCompilePrefix, "a prefix stands before the keys of all rows alike"),
        (QCompileTarget, "an adapter is at a parameter, which is the same for all rows"),
        (QCompileBeside, "an adapter of the batch is at modules that are no linear maps"),
    ):
        if any(isinstance(holder, kind) for holder in holders):
            raise AdapterError(MixedBatchRefused(reason=reason))


def _inside_encoder(model: nn.Module) -> frozenset[int]:
    """The modules of an encoder, which sees each row once."""
    find = getattr(model, "get_encoder", None)
    try:
        encoder = None if find is None else find()
    except (AttributeError, NotImplementedError, TypeError):
        return frozenset()
    if not isinstance(encoder, nn.Module) or encoder is model:
        return frozenset()
    return frozenset(map(id, encoder.modules()))


def refuse_names(module: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
    """A hook before the forward of a model whose caller is not peft, and drops the argument.

    Raises:
        AdapterError: QA6203.
    """
    if kwargs.get("adapter_names") is not None:
        reason = "this model was not made by `get_peft_model`, and would ignore the names"
        raise AdapterError(MixedBatchRefused(reason=reason))


def hold_names_off(model: nn.Module) -> None:
    """Refuse `adapter_names` in calls of a model that peft does not wrap, and of those in it."""
    for module in _models(model):
        if refuse_names not in module._forward_pre_hooks.values():
            module.register_forward_pre_hook(refuse_names, with_kwargs=True)


def let_names_pass(model: nn.Module) -> None:
    """Undo `hold_names_off`."""
    for module in _models(model):
        for number, hook in list(module._forward_pre_hooks.items()):
            if hook is refuse_names:
                del module._forward_pre_hooks[number]
                module._forward_pre_hooks_with_kwargs.pop(number, None)


def _models(model: nn.Module) -> Iterator[nn.Module]:
    """The model and the models of transformers inside it, such as the decoder under a head."""
    for module in model.modules():
        if module is model or hasattr(module, "base_model_prefix"):
            yield module
