"""Which of the attached adapters are on: for good, inside a block, or for single rows."""

from __future__ import annotations

import contextlib
import math
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from numbers import Real

from torch import nn

from qcompile.adapter.parameters import named_parts_at_parameters
from qcompile.adapter.prefixed import prefixes_of
from qcompile.adapter.record import (
    RECORD,
    Attached,
    Record,
    attached_record,
    names_in,
)
from qcompile.adapter.switch import BASE, Effect, Weights
from qcompile.diagnostics.arguments import wrong_argument
from qcompile.diagnostics.errors import AdapterError, few
from qcompile.diagnostics.messages.peft import MixedBatchRefused
from qcompile.diagnostics.messages.several import WeightUnusable
from qcompile.diagnostics.nearest import nearest

EMPTY: Mapping[str, float] = {}

Selection = str | Collection[str] | Mapping[str, float]
"""The name of an attached adapter, several names, or weights by their names."""


def set_adapter(model: nn.Module, names: Selection) -> None:
    """Turn these adapters on and all others off, in every thread, until the next call.

    Parameters of adapters that are turned off stop requiring gradients; when they are on again,
    those require them that did before. Not for use while another thread runs the model: there
    `using` is the way.

    Args:
        model: A model with adapters.
        names: One name, several, or none (`[]`: the base model); or weights by name, which
            multiply the change that an adapter makes to the output of each module.

    Raises:
        AdapterError: QA6005, QA6053, QA6057; what was on stays so.
        UsageError: QA6013.
    """
    record = attached_record("set_adapter", model)
    weights = weights_in(record, "set_adapter", names)
    on = dict(weights)
    before = [(p, p.requires_grad) for it in record.attachments for p in it.adapter.parameters()]
    try:
        changed = tuple(
            _turned(attachment, attachment.name in on) for attachment in record.attachments
        )
        setattr(model, RECORD, replace(record, attachments=changed))
        choose_adapters(record, weights)
    except BaseException:
        for parameter, flag in before:
            parameter.requires_grad_(flag)
        setattr(model, RECORD, record)
        raise


def active_adapters(model: nn.Module) -> dict[str, float]:
    """Names and weights of the adapters that are on, here and now.

    Raises:
        AdapterError: QA6005.
        UsageError: QA6013.
    """
    standing = attached_record("active_adapters", model).switch.now()
    if standing.rows is not None:
        return {name: 1.0 for name in standing.rows if name != BASE}
    return dict(standing.weights)


@contextlib.contextmanager
def disabled(model: nn.Module, names: str | Collection[str] | None = None) -> Iterator[None]:
    """Some adapters off inside the block, in the thread that runs it: all, where none is named.

    Blocks may nest and end in any order. Activation checkpointing recomputes a forward pass as it
    was, wherever its backward pass runs; replicas of DataParallel obey the block of the forward
    pass.

    Raises:
        AdapterError: QA6005, QA6053.
        UsageError: QA6013.
    """
    record = attached_record("disabled", model)
    off = () if names is None else names_in(record, "disabled", "names", names)
    if names is not None and not off:
        yield
        return
    with _block(record, Effect(off=off)):
        yield


@contextlib.contextmanager
def using(model: nn.Module, names: Selection) -> Iterator[None]:
    """These adapters on and the others off inside the block, in the thread that runs it.

    Of blocks inside each other the last one counts; what `disabled` turns off stays off.

    Args:
        model: A model with adapters.
        names: As for `set_adapter`. Gradients are left as they are.

    Raises:
        AdapterError: QA6005, QA6053, QA6057.
        UsageError: QA6013.
    """
    record = attached_record("using", model)
    with _block(record, Effect(weights=weights_in(record, "using", names))):
        yield


@contextlib.contextmanager
def mixed_batch(model: nn.Module, names: Sequence[str], *, repeats: int = 1) -> Iterator[None]:
    """Each row of a batch through the adapter of its name, inside the block, in its thread.

    Args:
        model: A model with adapters, whose modules take (rows, …, in_features).
        names: One for each row: of an adapter, or `__base__`.
        repeats: How often `generate` repeats each row: beams, or sequences to return.

    Raises:
        AdapterError: QA6005, QA6203, which also comes of a module that is called with another
            number of rows.
        UsageError: QA6013.
    """
    record = attached_record("mixed_batch", model)
    if isinstance(names, str) or not isinstance(names, Sequence) or not names:
        raise wrong_argument("mixed_batch", "names", names, "a list of names, one for each row,")
    if isinstance(repeats, bool) or not isinstance(repeats, int) or repeats < 1:
        expected = "a whole number of at least 1"
        raise wrong_argument("mixed_batch", "repeats", repeats, expected)
    known = (*record.names, BASE)
    for name in dict.fromkeys(names):
        if name not in known:
            reason = f"there is no adapter `{name}`"
            near = nearest(str(name), known)
            raise AdapterError(MixedBatchRefused(reason=reason, candidates=near))
    for module in model.modules():
        prefixes = prefixes_of(module)
        if prefixes is not None and any(prefixes.parts(name) for name in set(names)):
            reason = "a prefix stands before the keys of all rows alike"
            raise AdapterError(MixedBatchRefused(reason=reason))
        if any(name in names for name, _ in named_parts_at_parameters(module)):
            reason = "it has an adapter at a parameter, which is the same for all rows"
            raise AdapterError(MixedBatchRefused(reason=reason))
    with _block(record, Effect(rows=tuple(names), repeats=repeats)):
        yield


@contextlib.contextmanager
def _block(record: Record, effect: Effect) -> Iterator[None]:
    block = object()
    try:
        record.switch.begin(block, effect)
        yield
    finally:
        record.switch.end(block)


def choose_adapters(record: Record, weights: Weights) -> None:
    """Let these adapters of the record be on, in every thread without a block of its own."""
    on = dict(weights)
    chosen = record.switch.chosen
    chosen.frozen = tuple(name for name in record.names if name not in on)
    chosen.weights = weights


def weights_in(
    record: Record, function: str, given: object, known: Mapping[str, float] = EMPTY
) -> Weights:
    """Names with weights in the order of attachment.

    Args:
        record: Of the model.
        function: That was called.
        given: What it was given as `names`.
        known: Weights of names without one; 1 for all others.

    Raises:
        AdapterError: QA6053, QA6057.
        UsageError: QA6013.
    """
    names = names_in(record, function, "names", given)
    weights = (
        dict(given) if isinstance(given, Mapping) else {it: known.get(it, 1.0) for it in names}
    )
    for weight in weights.values():
        number = isinstance(weight, Real) and not isinstance(weight, bool)
        if not (number and math.isfinite(weight)):
            raise wrong_argument(function, "names", weight, "finite numbers as weights")
    found = tuple((name, float(weights[name])) for name in record.names if name in weights)
    check_adapter_weights(record.attachments, found)
    return found


def check_adapter_weights(attachments: Iterable[Attached], weights: Weights) -> None:
    """Refuse weights other than 1 where they mean nothing.

    Raises:
        AdapterError: QA6057.
    """
    on = dict(weights)
    if all(weight == 1 for weight in on.values()):
        return
    modes = [
        (attachment.name, site.module, attachment.adapter.manifest.planned.plans[site.unit].mode)
        for attachment in attachments
        if attachment.name in on
        for site in attachment.adapter.sites
    ]
    replaced = Counter(module for _, module, mode in modes if mode == "replace")
    problems: dict[str, WeightUnusable] = {}
    for name, module, mode in modes:
        reason = None
        if mode == "prefix":
            reason = f"it is a prefix of `{module}`"
        elif mode == "replace" and replaced[module] > 1:
            reason = f"it and another one replace the output of `{module}`"
        if on[name] != 1 and reason is not None:
            problems.setdefault(name, WeightUnusable(name=name, weight=on[name], reason=reason))
    if problems:
        raise AdapterError(*few(tuple(problems.values())))


def _turned(attachment: Attached, on: bool) -> Attached:
    """The attachment with its parameters frozen, or as they were before that."""
    named = dict(attachment.adapter.named_parameters())
    if on and attachment.flags is not None:
        for name, parameter in named.items():
            parameter.requires_grad_(attachment.flags.get(name, parameter.requires_grad))
        return replace(attachment, flags=None)
    if not on and attachment.flags is None:
        flags = {name: parameter.requires_grad for name, parameter in named.items()}
        for parameter in named.values():
            parameter.requires_grad_(False)
        return replace(attachment, flags=flags)
    return attachment


def unfreeze(attachment: Attached) -> None:
    """Undo what `set_adapter` has done to the parameters of an adapter that is taken off."""
    _turned(attachment, on=True)
