"""What a model with adapters knows of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import overload

from torch import nn

from qcompile.adapter.arguments import check_model
from qcompile.adapter.compiled import CompiledAdapter
from qcompile.adapter.switch import Chosen, Switch
from qcompile.diagnostics.arguments import wrong_argument
from qcompile.diagnostics.errors import AdapterError, few
from qcompile.diagnostics.messages.adapter import NothingAttached
from qcompile.diagnostics.messages.several import AttachmentUnknown
from qcompile.diagnostics.nearest import nearest

RECORD = "qcompile_attached"
"""The attribute of the model that holds its `Record`."""


@dataclass(frozen=True)
class Attached:
    """One attached adapter."""

    name: str
    adapter: CompiledAdapter
    given: bool
    """Whether `attach` was given the name; else it comes of the names in the adapter's file."""
    flags: Mapping[str, bool] | None = None
    """Of every parameter, whether it had gradients when `set_adapter` turned the adapter off."""


@dataclass(frozen=True)
class Record:
    """What `detach` needs to restore the model."""

    requires_grad: Mapping[str, bool]
    """Of every parameter of the base model, by its name before the first attachment."""
    attachments: tuple[Attached, ...] = ()
    switch: Switch = field(default_factory=lambda: Switch(Chosen()))

    @property
    def names(self) -> tuple[str, ...]:
        """Of the adapters, in the order of attachment."""
        return tuple(attachment.name for attachment in self.attachments)


@overload
def attached(model: nn.Module) -> tuple[CompiledAdapter, ...]: ...


@overload
def attached(model: nn.Module, name: str) -> CompiledAdapter: ...


def attached(
    model: nn.Module, name: str | None = None
) -> tuple[CompiledAdapter, ...] | CompiledAdapter:
    """The adapters of a model in the order of attachment, or the one of a name; of a copy, the
    copy's own.

    Raises:
        AdapterError: QA6005, QA6053.
        UsageError: QA6013.
    """
    record = attached_record("attached", model)
    if name is None:
        return tuple(attachment.adapter for attachment in record.attachments)
    wanted = names_in(record, "attached", "name", name)
    return next(item.adapter for item in record.attachments if item.name in wanted)


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


def names_in(record: Record, function: str, argument: str, given: object) -> tuple[str, ...]:
    """The names that a function was given, one or several.

    Raises:
        AdapterError: QA6053, for each that no adapter has.
        UsageError: QA6013.
    """
    names = (given,) if isinstance(given, str) else given
    if not isinstance(names, Collection) or not all(isinstance(name, str) for name in names):
        expected = "the name of an attached adapter, or several names,"
        raise wrong_argument(function, argument, given, expected)
    unknown = [name for name in dict.fromkeys(names) if name not in record.names]
    if unknown:
        problems = [
            AttachmentUnknown(name=it, present=record.names, candidates=nearest(it, record.names))
            for it in unknown
        ]
        raise AdapterError(*few(problems))
    return tuple(dict.fromkeys(names))
