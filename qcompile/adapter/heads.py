"""A language model with adapters at its head or tokens, whose vocabulary stays as it is."""

from __future__ import annotations

from functools import partial
from typing import Any, NoReturn

from torch import nn

from qcompile.artifact.peft_folder import BESIDE
from qcompile.diagnostics.errors import AdapterError
from qcompile.diagnostics.messages.interface import VocabularyFixed

RESIZE = "resize_token_embeddings"
"""transformers' method; it replaces the input embeddings before it looks at the head."""


def fix_vocabulary(model: nn.Module, adapted: type[nn.Module]) -> None:
    """Refuse to resize the vocabulary of a model whose head is an `adapted` module, or whose
    embedding has an adapter beside it, which a new embedding would not have."""
    for module in model.modules():
        if not hasattr(module, RESIZE):
            continue
        place = ""
        if isinstance(_found(module, "get_output_embeddings"), adapted):
            place = "head"
        tokens = _found(module, "get_input_embeddings")
        if isinstance(tokens, nn.Embedding) and BESIDE in tokens._modules:
            place = "embedding"
        if place:
            vars(module)[RESIZE] = partial(_refuse, type(module).__name__, place)


def free_vocabulary(model: nn.Module) -> None:
    """Undo `fix_vocabulary`."""
    for module in model.modules():
        if isinstance(method := vars(module).get(RESIZE), partial) and method.func is _refuse:
            del vars(module)[RESIZE]


def _found(module: nn.Module, method: str) -> Any:
    find = getattr(type(module), method, None)
    if find is None:
        return None
    try:
        return find(module)
    except (AttributeError, NotImplementedError):
        # Of a model without a head.
        return None


def _refuse(kind: str, place: str, *args: Any, **kwargs: Any) -> NoReturn:
    raise AdapterError(VocabularyFixed(kind=kind, place=place))
