"""A language model's head with adapters on it, whose vocabulary stays as it is."""

from __future__ import annotations

from functools import partial
from typing import Any, NoReturn

from torch import nn

from qcompile.diagnostics.errors import AdapterError
from qcompile.diagnostics.messages.interface import VocabularyFixed

RESIZE = "resize_token_embeddings"
"""transformers' method; it replaces the input embeddings before it looks at the head."""


def fix_vocabulary(model: nn.Module, adapted: type[nn.Module]) -> None:
    """Refuse to resize the vocabulary of a model whose head is an `adapted` module."""
    for module in model.modules():
        if isinstance(_head(module), adapted) and hasattr(module, RESIZE):
            vars(module)[RESIZE] = partial(_refuse, type(module).__name__)


def free_vocabulary(model: nn.Module) -> None:
    """Undo `fix_vocabulary`."""
    for module in model.modules():
        if isinstance(method := vars(module).get(RESIZE), partial) and method.func is _refuse:
            del vars(module)[RESIZE]


def _head(module: nn.Module) -> Any:
    find = getattr(type(module), "get_output_embeddings", None)
    if find is None:
        return None
    try:
        return find(module)
    except (AttributeError, NotImplementedError):
        # Of a model without a head.
        return None


def _refuse(kind: str, *args: Any, **kwargs: Any) -> NoReturn:
    raise AdapterError(VocabularyFixed(kind=kind))
