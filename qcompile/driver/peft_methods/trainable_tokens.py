"""Trainable tokens: rows of an embedding, trained in the place of the model's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from qcompile.diagnostics.errors import AdapterError
from qcompile.diagnostics.messages.peft_folders import BaseUnusable
from qcompile.driver.peft_methods.method import (
    Config,
    EmbeddingPiece,
    PeftForm,
    PeftHost,
    PeftMethod,
    PeftModule,
    Piece,
    Seen,
    Unreadable,
)
from qcompile.ir.hosts import EMBEDDING_HOST

if TYPE_CHECKING:
    from torch import Tensor

DELTA = "trainable_tokens_delta"
"""peft's name of the rows, which stand in the place of the model's."""


def _indices(config: Config, rows: Tensor) -> Sequence[int]:
    indices: Any = config.get("token_indices")
    whole = isinstance(indices, list) and all(isinstance(it, int) for it in indices)
    if not whole or len(set(indices)) != len(indices):
        raise Unreadable("has `token_indices` that are no list of different tokens")
    if rows.shape[0] != len(indices):
        raise Unreadable(f"has {rows.shape[0]} rows for {len(indices)} tokens")
    return tuple(indices)


def _read(config: Config, place: PeftModule, tensors: dict[str, Tensor]) -> Piece:
    rows = tensors.pop(DELTA)
    body = f"""
    picked = gather(x, at: [{", ".join(map(str, _indices(config, rows)))}])
    rows = linear(picked, to: out_features, init: zero)
    replace where(sum(picked) > 0, rows, y)"""
    return EmbeddingPiece(body=body, tensors={"rows.weight": rows.T})


def _read_changes(config: Config, place: PeftModule, tensors: dict[str, Tensor]) -> Piece:
    """What is added to the rows, `examples/trainable_tokens.qa`."""
    rows = tensors.pop(DELTA)
    body = f"""
    picked = gather(x, at: [{", ".join(map(str, _indices(config, rows)))}])
    changes = linear(picked, to: out_features, init: zero)
    update changes"""
    return EmbeddingPiece(body=body, tensors={"changes.weight": rows.T})


def _forms(seen: Seen) -> Iterator[PeftForm]:
    for indices in seen.places:
        if seen.trained == ((seen.out_features, len(indices)),):
            shapes = {DELTA: (len(indices), seen.out_features)}
            config = {"token_indices": list(indices)}
            yield PeftForm(config=config, shapes=shapes, finish=_checked)
            finish = partial(_with_rows, indices)
            yield PeftForm(config=dict(config), shapes=shapes, read=_read_changes, finish=finish)


def _checked(tensors: dict[str, Tensor], host: PeftHost) -> dict[str, Tensor]:
    """peft changes a head with the same weight as well, and no adapter at an embedding does."""
    head = host.base.head_of(host.name, "whether a head has the same weight")
    if head is not None:
        reason = f"its weight is that of `{head}` too, which peft changes with it"
        raise AdapterError(BaseUnusable(module=host.name, reason=reason))
    return tensors


def _with_rows(
    indices: Sequence[int], tensors: dict[str, Tensor], host: PeftHost
) -> dict[str, Tensor]:
    """The rows that the changes lead to."""
    _checked(tensors, host)
    own = host.base.weight(host.name, "rows of the weight").T
    if max(indices) >= len(own) or own.shape[1] != tensors[DELTA].shape[1]:
        reason = f"its weight has the shape {tuple(own.shape)}"
        raise AdapterError(BaseUnusable(module=host.name, reason=reason))
    changes = tensors[DELTA].double()
    for row, token in enumerate(indices):
        # Nothing is added for the token of padding.
        changes[row] = own[token] + (0 if token == host.padding else changes[row])
    return {DELTA: changes.to(tensors[DELTA].dtype)}


METHODS = {
    "TRAINABLE_TOKENS": PeftMethod(
        name="trainable tokens",
        read=_read,
        forms=_forms,
        fields="token_indices init_weights",
        needs_model=True,
        hosts=(EMBEDDING_HOST,),
    )
}
