"""Attaching compiled adapters to a model, and taking them off again."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import torch
from torch import nn

from qcompile.adapter.adapted import AdaptedModule
from qcompile.adapter.arguments import check_model
from qcompile.adapter.compiled import CompiledAdapter
from qcompile.adapter.fast_paths import leave_fast_paths, restore_fast_paths
from qcompile.adapter.heads import fix_vocabulary, free_vocabulary
from qcompile.adapter.load import load
from qcompile.adapter.places import Place, find_places
from qcompile.adapter.prefixed import Prefixes, forward_parameters, hold, prefixes_of, release
from qcompile.adapter.record import RECORD, Record, attached_record
from qcompile.adapter.snapshot import Snapshot
from qcompile.adapter.starts import forget_starts, start_from_weight, waiting
from qcompile.adapter.switch import Switch
from qcompile.adapter.watch import unwatch, watch
from qcompile.diagnostics.arguments import check_type

ModelT = TypeVar("ModelT", bound=nn.Module)

Parents = dict[int, list[tuple[nn.Module, str]]]
"""`id` of a module → each of its parents, with its name there."""


def attach(model: ModelT, adapter: CompiledAdapter | str | Path) -> ModelT:
    """Put the parts of `adapter` beside the modules that they are for, and freeze the rest.

    Only parameters of attached adapters require gradients afterwards. The parts move to the devices
    of their modules and keep their dtype. torch's encoder layers leave their fast path, which calls
    none of their linear maps; after its first forward pass the model warns of modules that were not
    called (QA6012). Tensors that start from the weight get their values where they have none yet.
    All or nothing: after an error, or an interruption, model and adapter are unchanged.

    Args:
        model: The model that the adapter was compiled for; changed in place and returned.
        adapter: A compiled adapter, or the path of one.

    Raises:
        AdapterError: QA6001 to QA6004, QA6009, QA6011, QA6044, all mismatches at once.
        ArtifactError: The file cannot be loaded.
        UsageError: QA6013: an argument is neither.
    """
    check_model("attach", model)
    expected = "a compiled adapter, or the path of one,"
    check_type("attach", "adapter", adapter, (CompiledAdapter, str, os.PathLike), expected)
    compiled = adapter if isinstance(adapter, CompiledAdapter) else load(adapter)
    places = find_places(model, compiled)
    before, parts_before = Snapshot(model), Snapshot(compiled)
    devices = [_device(place.part) for place in places]
    unset = [waiting(place.part) for place in places]
    try:
        for place in places:
            device = _device(place.module)
            if device is not None and device.type != "meta":
                place.part.to(device)
        for place, tensors in zip(places, unset, strict=True):
            start_from_weight(place.part, _base(place.module), tensors)
        record = vars(model).get(RECORD)
        if record is None:
            flags = {name: parameter.requires_grad for name, parameter in model.named_parameters()}
            record = Record(requires_grad=flags)
            model.requires_grad_(False)
        _put(model, places, record.switch)
        leave_fast_paths(model, AdaptedModule)
        fix_vocabulary(model, AdaptedModule)
        watch(model)
        setattr(model, RECORD, replace(record, adapters=(*record.adapters, compiled)))
        return model
    except BaseException:
        before.restore()
        for place, device in zip(places, devices, strict=True):
            if device is not None and _device(place.part) != device:
                place.part.to(device)
        parts_before.restore()
        for place, tensors in zip(places, unset, strict=True):
            forget_starts(place.part, tensors)
        raise


def _base(module: nn.Module) -> nn.Module:
    return module.base_layer if isinstance(module, AdaptedModule) else module


def detach(model: ModelT) -> ModelT:
    """Take all adapters off; the base model is bit for bit what it was, gradient flags included.

    All or nothing: after an interruption the adapters are attached.

    Raises:
        AdapterError: QA6005.
        UsageError: QA6013.
    """
    record = attached_record("detach", model)
    before = Snapshot(model)
    try:
        unwatch(model)
        restore_fast_paths(model)
        free_vocabulary(model)
        for parent in list(model.modules()):
            for name, child in parent._modules.items():
                if isinstance(child, AdaptedModule):
                    parent._modules[name] = child.base_layer
        for module in list(model.modules()):
            if prefixes_of(module) is not None:
                release(module)
        for name, parameter in model.named_parameters():
            parameter.requires_grad_(record.requires_grad.get(name, parameter.requires_grad))
        delattr(model, RECORD)
        return model
    except BaseException:
        before.restore()
        raise


def _put(model: nn.Module, places: list[Place], switch: Switch) -> None:
    parents = _parents(model)
    wrappers: dict[int, AdaptedModule] = {}
    for place in places:
        module, part, name = place.module, place.part, place.site.adapter
        if part.plan.mode == "prefix":
            prefixes = prefixes_of(module)
            if prefixes is None:
                prefixes = Prefixes(forward_parameters(module), switch)
                hold(module, prefixes)
            part.train(prefixes.training)
            prefixes.put(name, part)
            continue
        wrapper = module if isinstance(module, AdaptedModule) else wrappers.get(id(module))
        if wrapper is None:
            wrapper = wrappers[id(module)] = AdaptedModule(module, switch)
            for parent, child in parents[id(module)]:
                parent._modules[child] = wrapper
        part.train(wrapper.training)
        wrapper.put(name, part)


def _parents(model: nn.Module) -> Parents:
    found: Parents = {}
    for parent in model.modules():
        for name, child in parent._modules.items():
            if child is not None:
                found.setdefault(id(child), []).append((parent, name))
    return found


def _device(module: nn.Module) -> torch.device | None:
    """Of the first parameter."""
    first = next(module.parameters(), None)
    return None if first is None else first.device
