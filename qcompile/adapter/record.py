"""What a model with adapters knows of them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from torch import nn

from qcompile.adapter.arguments import check_model
from qcompile.adapter.compiled import CompiledAdapter
from qcompile.adapter.switch import Switch
from qcompile.diagnostics.errors import AdapterError
from qcompile.diagnostics.messages.adapter import NothingAttached

RECORD = "qcompile_attached"
"""The attribute of the model that holds its `Record`."""


@dataclass(frozen=True)
class Record:
    """What `detach` needs to restore the model."""

    requires_grad: Mapping[str, bool]
    """Of every parameter of the base model, by its name before the first attachment."""
    adapters: tuple[CompiledAdapter, ...] = ()
    switch: Switch = field(default_factory=Switch)


def attached(model: nn.Module) -> tuple[CompiledAdapter, ...]:
    """The adapters of a model in the order of attachment; of a copy, the copy's own.

    Raises:
        AdapterError: QA6005.
        UsageError: QA6013.
    """
    return attached_record("attached", model).adapters


@contextlib.contextmanager
def disabled(model: nn.Module) -> Iterator[None]:
    """The base model's own outputs inside the block, in the thread that runs it.

    Blocks may nest and end in any order. Activation checkpointing (`use_reentrant=False`)
    recomputes a forward pass as it was, wherever its backward pass runs; replicas of DataParallel
    obey the block of the forward pass.

    Raises:
        AdapterError: QA6005.
        UsageError: QA6013.
    """
    switch = attached_record("disabled", model).switch
    block = object()
    try:
        switch.begin(block)
        yield
    finally:
        switch.end(block)


def attached_record(function: str, model: nn.Module) -> Record:
    """The record of a model with adapters, for the function that was called.

    Raises:
        AdapterError: QA6005.
        UsageError: QA6013.
    """
    check_model(function, model)
    record = vars(model).get(RECORD)
    if not isinstance(record, Record):
        raise AdapterError(NothingAttached(inside_peft=hasattr(model, "peft_config")))
    return record
