"""Attaching compiled adapters to a model, and taking them off again."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from torch import nn

from qcompile.adapter.adapted import AdaptedModule
from qcompile.adapter.compiled import CompiledAdapter
from qcompile.adapter.load import load
from qcompile.adapter.prefixed import (
    Prefixes,
    forward_parameters,
    hold,
    holder_of,
    prefixes_of,
    release,
)
from qcompile.backends.simulator.module import AdapterModule
from qcompile.diagnostics.errors import AdapterError, few
from qcompile.diagnostics.message import Message
from qcompile.diagnostics.messages.adapter import (
    AlreadyAttached,
    ModuleKindUnsupported,
    ModuleMissing,
    ModuleSizeMismatch,
    NotForAModel,
    NothingAttached,
)
from qcompile.diagnostics.messages.prefix import NotAttention
from qcompile.diagnostics.nearest import nearest
from qcompile.ir.compilation import Site
from qcompile.models.attention import attention_sizes
from qcompile.models.linear import linear_sizes

ModelT = TypeVar("ModelT", bound=nn.Module)

RECORD = "qcompile_attached"
"""The attribute of the model that holds its `Record`."""


@dataclass
class Record:
    """What `detach` needs to restore the model."""

    requires_grad: dict[str, bool]
    """Of every parameter of the base model, by its name before the first attachment."""
    adapters: list[CompiledAdapter] = field(default_factory=list)


def attach(model: ModelT, adapter: CompiledAdapter | str | Path) -> ModelT:
    """Put the parts of `adapter` beside the modules that they are for, and freeze the rest.

    Only parameters of attached adapters require gradients afterwards. The parts move to the devices
    of their modules and keep their dtype. All or nothing: after an error the model is unchanged.

    Args:
        model: The model that the adapter was compiled for; changed in place and returned.
        adapter: A compiled adapter, or the path of one.

    Raises:
        AdapterError: QA6001 to QA6004, QA6009, all mismatches at once.
        ArtifactError: The file cannot be loaded.
    """
    compiled = adapter if isinstance(adapter, CompiledAdapter) else load(adapter)
    places = _places(model, compiled)
    for _, module, part in places:
        weight = next(module.parameters(), None)
        if weight is not None and weight.device.type != "meta":
            part.to(weight.device)
    record = getattr(model, RECORD, None)
    if record is None:
        flags = {name: parameter.requires_grad for name, parameter in model.named_parameters()}
        record = Record(requires_grad=flags)
        model.requires_grad_(False)
        setattr(model, RECORD, record)
    wrappers: dict[int, AdaptedModule] = {}
    for site, module, part in places:
        if part.plan.mode == "prefix":
            prefixes = prefixes_of(module)
            if prefixes is None:
                prefixes = Prefixes(forward_parameters(module))
                hold(module, prefixes)
            part.train(prefixes.training)
            prefixes.put(site.adapter, part)
            continue
        if isinstance(module, AdaptedModule):
            wrapper = module
        elif id(module) in wrappers:
            wrapper = wrappers[id(module)]
        else:
            wrapper = wrappers[id(module)] = AdaptedModule(module)
            _substitute(model, module, wrapper)
        part.train(wrapper.training)
        wrapper.put(site.adapter, part)
    record.adapters.append(compiled)
    return model


def detach(model: ModelT) -> ModelT:
    """Take all adapters off; the base model is bit for bit what it was, gradient flags included.

    Raises:
        AdapterError: QA6005.
    """
    record = attached_record(model)
    for wrapper in _wrappers(model):
        _substitute(model, wrapper, wrapper.base_layer)
    for module in list(model.modules()):
        if prefixes_of(module) is not None:
            release(module)
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(record.requires_grad.get(name, parameter.requires_grad))
    delattr(model, RECORD)
    return model


@contextlib.contextmanager
def disabled(model: nn.Module) -> Iterator[None]:
    """The base model's own outputs inside the block.

    Raises:
        AdapterError: QA6005.
    """
    attached_record(model)
    switches = [m for m in model.modules() if isinstance(m, (AdaptedModule, Prefixes))]
    before = [switch.enabled for switch in switches]
    for switch in switches:
        switch.enabled = False
    try:
        yield
    finally:
        for switch, enabled in zip(switches, before, strict=True):
            switch.enabled = enabled


def attached(model: nn.Module) -> tuple[CompiledAdapter, ...]:
    """The adapters of a model in the order of attachment; of a copy, the copy's own.

    Raises:
        AdapterError: QA6005.
    """
    return tuple(attached_record(model).adapters)


def attached_record(model: nn.Module) -> Record:
    """The record of a model with adapters.

    Raises:
        AdapterError: QA6005.
    """
    record = getattr(model, RECORD, None)
    if not isinstance(record, Record):
        raise AdapterError(NothingAttached())
    return record


def _wrappers(model: nn.Module) -> list[AdaptedModule]:
    return [module for module in model.modules() if isinstance(module, AdaptedModule)]


def _places(
    model: nn.Module, compiled: CompiledAdapter
) -> list[tuple[Site, nn.Module, AdapterModule]]:
    modules = dict(model.named_modules(remove_duplicate=False))
    names = tuple(name for name, module in modules.items() if linear_sizes(module) is not None)
    problems: list[Message] = []
    places: list[tuple[Site, nn.Module, AdapterModule]] = []
    taken: set[tuple[int, str]] = set()
    for site, part in compiled.parts():
        module = modules.get(site.module)
        if not site.module:
            problems.append(NotForAModel(adapter=site.adapter))
        elif module is None:
            near = nearest(site.module, names)
            problems.append(
                ModuleMissing(module=site.module, adapter=site.adapter, candidates=near)
            )
        else:
            problem = _misfit(site, module, part)
            if problem is None and (id(module), site.adapter) in taken:
                problem = AlreadyAttached(module=site.module, adapter=site.adapter)
            taken.add((id(module), site.adapter))
            if problem is not None:
                problems.append(problem)
            places.append((site, module, part))
    if problems:
        raise AdapterError(*few(problems))
    return places


def _misfit(site: Site, module: nn.Module, part: AdapterModule) -> Message | None:
    if part.plan.mode == "prefix":
        return _prefix_misfit(site, module, part)
    base = module.base_layer if isinstance(module, AdaptedModule) else module
    sizes = linear_sizes(base)
    wanted = (part.plan.in_features, part.plan.out_features)
    if sizes is None:
        return ModuleKindUnsupported(module=site.module, kind=type(base).__name__)
    if sizes != wanted:
        return ModuleSizeMismatch(
            module=site.module,
            found=f"{sizes[0]} → {sizes[1]}",
            expected=f"{wanted[0]} → {wanted[1]}",
        )
    if isinstance(module, AdaptedModule) and site.adapter in module.parts():
        return AlreadyAttached(module=site.module, adapter=site.adapter)
    return None


def _prefix_misfit(site: Site, module: nn.Module, part: AdapterModule) -> Message | None:
    sizes = attention_sizes(module)
    wanted = (part.plan.in_features, part.plan.out_features)
    if sizes is None:
        return NotAttention(module=site.module, kind=type(module).__name__)
    if sizes != wanted:
        return ModuleSizeMismatch(
            module=site.module,
            found=f"{sizes[0]} → {sizes[1]}",
            expected=f"{wanted[0]} → {wanted[1]}",
        )
    there = holder_of(module)
    if there is not None and not (
        isinstance(there, Prefixes) and site.adapter not in there.parts()
    ):
        return AlreadyAttached(module=site.module, adapter=site.adapter)
    return None


def _substitute(model: nn.Module, old: nn.Module, new: nn.Module) -> None:
    """Put `new` wherever `old` is a child; a module may have several parents."""
    for parent in list(model.modules()):
        if parent is new or parent is old:
            continue
        for name, child in parent._modules.items():
            if child is old:
                parent._modules[name] = new
