"""Attaching compiled adapters to a model, and taking them off again."""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor, nn

from qcompile.adapter.adapted import AdaptedModule
from qcompile.adapter.arguments import check_model
from qcompile.adapter.beside import Beside, beside_of, put_beside, take_from_beside
from qcompile.adapter.compiled import CompiledAdapter
from qcompile.adapter.fast_paths import leave_fast_paths, restore_fast_paths
from qcompile.adapter.heads import fix_vocabulary, free_vocabulary
from qcompile.adapter.load import load
from qcompile.adapter.packed import PackedLinear, close_attention, open_attention
from qcompile.adapter.parameters import (
    take_off_parameters,
    target_at,
)
from qcompile.adapter.places import Place, find_places
from qcompile.adapter.prefixed import Prefixes, forward_parameters, hold, prefixes_of, release
from qcompile.adapter.probe_places import probe_places
from qcompile.adapter.record import (
    RECORD,
    Attached,
    Record,
    attached_record,
    names_in,
)
from qcompile.adapter.saving import save_as_before, save_under_own_names
from qcompile.adapter.selected import (
    check_adapter_weights,
    choose_adapters,
    unfreeze,
)
from qcompile.adapter.snapshot import Snapshot
from qcompile.adapter.starts import forget_starts, start_from_weight, waiting, waits_for_data
from qcompile.adapter.switch import BASE, Chosen, Switch
from qcompile.adapter.watch import unwatch, watch
from qcompile.diagnostics.arguments import check_type, wrong_argument
from qcompile.diagnostics.errors import AdapterError, few
from qcompile.diagnostics.messages.several import AttachedTwice, AttachmentTaken
from qcompile.ir.hosts import LINEAR_HOST, PARAMETER_HOSTS, parameter_of

ModelT = TypeVar("ModelT", bound=nn.Module)

Parents = dict[int, list[tuple[nn.Module, str]]]
"""`id` of a module → each of its parents, with its name there."""


def attach(
    model: ModelT,
    adapter: CompiledAdapter | str | Path,
    *,
    name: str | None = None,
    example_inputs: object = None,
) -> ModelT:
    """Put the parts of `adapter` beside the modules that they are for, and freeze the rest.

    Only parameters of attached adapters require gradients afterwards. The parts move to the devices
    of their modules and keep their dtype. torch's encoder layers leave their fast path, which calls
    none of their linear maps. Tensors that start from the weight get their values where they have
    none yet. One tiny forward pass without numbers shows whether the modules are called, and are
    the maps that their sizes say, where inputs are known: of models of transformers, and of others
    by `example_inputs`. After its first real forward pass the model warns of modules that were not
    called (QA6012). All or nothing: after an error, or an interruption, model and adapter are
    unchanged.

    Args:
        model: The model that the adapter was compiled for; changed in place and returned.
        adapter: A compiled adapter, or the path of one.
        name: What `set_adapter` and others know it by; by default the name in its file. Adapters of
            one file can be attached side by side under different names.
        example_inputs: What the model may be called with: a tensor, a tuple of arguments, or
            arguments by name. Only its shapes matter.

    Raises:
        AdapterError: QA6001 to QA6004, QA6009, QA6011, QA6044, all mismatches at once; QA6051,
            QA6055, QA6057, QA6131.
        ArtifactError: The file cannot be loaded.
        UsageError: QA6013: an argument is neither.
    """
    check_model("attach", model)
    expected = "a compiled adapter, or the path of one,"
    check_type("attach", "adapter", adapter, (CompiledAdapter, str, os.PathLike), expected)
    _check_name(name)
    compiled = adapter if isinstance(adapter, CompiledAdapter) else load(adapter)
    record = vars(model).get(RECORD)
    attachment = _attachment(compiled, name, record)
    before, parts_before = Snapshot(model), Snapshot(compiled)
    try:
        open_attention(model, [site.module for site in compiled.sites])
        places = find_places(model, compiled, flat=name is None)
        _check_places(places, attachment, record)
    except BaseException:
        before.restore()
        raise
    chosen = Chosen() if record is None else record.switch.chosen
    weights, frozen = chosen.weights, chosen.frozen
    devices = [_device(place.part) for place in places]
    unset = [waiting(place.part) for place in places]
    try:
        for place in places:
            device = _device(place.module)
            if device is not None and device.type != "meta":
                place.part.to(device)
        for place, tensors in zip(places, unset, strict=True):
            start_from_weight(place.part, _base(place.module), tensors)
        if record is None:
            flags = {name: parameter.requires_grad for name, parameter in model.named_parameters()}
            record = Record(requires_grad=flags)
            model.requires_grad_(False)
        _put(model, places, record.switch, attachment)
        leave_fast_paths(model, (AdaptedModule, Beside))
        fix_vocabulary(model, AdaptedModule)
        save_under_own_names(model)
        unwatch(model)
        _keep(model, replace(record, attachments=(*record.attachments, attachment)))
        probe_places(model, places, example_inputs)
        watch(model)
        return model
    except BaseException:
        before.restore()
        chosen.weights, chosen.frozen = weights, frozen
        for place, device in zip(places, devices, strict=True):
            if device is not None and _device(place.part) != device:
                place.part.to(device)
        parts_before.restore()
        for place, tensors in zip(places, unset, strict=True):
            forget_starts(place.part, tensors)
        raise


def _check_places(places: list[Place], attachment: Attached, record: Record | None) -> None:
    unseen = [waits_for_data(place.site, place.part) for place in places]
    if any(unseen):
        raise AdapterError(*few([message for message in unseen if message is not None]))
    if record is not None:
        both = (*record.switch.chosen.weights, (attachment.name, 1.0))
        check_adapter_weights((*record.attachments, attachment), both)


def _keep(model: nn.Module, record: Record) -> None:
    """Let the model have the record, whose last adapter is new and on."""
    setattr(model, RECORD, record)
    choose_adapters(record, (*record.switch.chosen.weights, (record.names[-1], 1.0)))


def _check_name(name: object) -> None:
    if name is None or (isinstance(name, str) and name and "." not in name and name != BASE):
        return
    raise wrong_argument("attach", "name", name, f"a name without dots, other than `{BASE}`,")


def _attachment(adapter: CompiledAdapter, name: str | None, record: Record | None) -> Attached:
    own = dict.fromkeys(site.adapter for site in adapter.sites)
    others = () if record is None else record.attachments
    taken = {other.name for other in others}
    if name is None:
        # Adapters of one name at different modules have always been welcome.
        first = "+".join(own)
        numbered = (f"{first}_{number}" for number in range(2, len(others) + 2))
        free = next(given for given in (first, *numbered) if given not in taken)
        clash = next((other.name for other in others if other.given and other.name in own), None)
        if clash is not None:
            raise AdapterError(AttachmentTaken(name=clash))
        return Attached(name=free, adapter=adapter, given=False)
    for other in others:
        if other.adapter is adapter:
            raise AdapterError(AttachedTwice(name=other.name))
    flat = {site.adapter for other in others if not other.given for site in other.adapter.sites}
    if name in taken | flat:
        raise AdapterError(AttachmentTaken(name=name))
    return Attached(name=name, adapter=adapter, given=True)


def _base(module: nn.Module) -> nn.Module:
    return module.base_layer if isinstance(module, AdaptedModule) else module


def detach(model: ModelT, names: str | Collection[str] | None = None) -> ModelT:
    """Take adapters off: all, where none is named.

    Without any adapter the base model is bit for bit what it was, gradient flags included. All or
    nothing: after an interruption the adapters are attached.

    Raises:
        AdapterError: QA6005, QA6053.
        UsageError: QA6013.
    """
    record = attached_record("detach", model)
    gone = record.names if names is None else names_in(record, "detach", "names", names)
    left = tuple(item for item in record.attachments if item.name not in gone)
    before = Snapshot(model)
    chosen = record.switch.chosen
    weights, frozen = chosen.weights, chosen.frozen
    try:
        restore_fast_paths(model)
        free_vocabulary(model)
        for parent in list(model.modules()):
            for key, child in parent._modules.items():
                if isinstance(child, AdaptedModule):
                    child.take_off(gone)
                    if not child.owners:
                        parent._modules[key] = child.base_layer
        for module in list(model.modules()):
            take_off_parameters(module, gone)
            prefixes = prefixes_of(module)
            if prefixes is not None:
                prefixes.take_off(gone)
                if not prefixes.owners:
                    release(module)
            beside = beside_of(module)
            if beside is not None:
                beside.take_off(gone)
                if not beside.owners:
                    take_from_beside(module)
        close_attention(model)
        for attachment in record.attachments:
            if attachment.name in gone:
                unfreeze(attachment)
        if left:
            leave_fast_paths(model, (AdaptedModule, Beside))
            fix_vocabulary(model, AdaptedModule)
            rest = replace(record, attachments=left)
            setattr(model, RECORD, rest)
            choose_adapters(rest, tuple(item for item in weights if item[0] not in gone))
            return model
        save_as_before(model)
        unwatch(model)
        for name, parameter in model.named_parameters():
            parameter.requires_grad_(record.requires_grad.get(name, parameter.requires_grad))
        delattr(model, RECORD)
        return model
    except BaseException:
        before.restore()
        chosen.weights, chosen.frozen = weights, frozen
        raise


def _put(model: nn.Module, places: list[Place], switch: Switch, attachment: Attached) -> None:
    parents = _parents(model)
    wrappers: dict[int, AdaptedModule] = {}
    name, given = attachment.name, attachment.given
    for place in places:
        module, part = place.module, place.part
        if part.plan.mode == "prefix":
            prefixes = prefixes_of(module)
            if prefixes is None:
                prefixes = Prefixes(forward_parameters(module), switch)
                hold(module, prefixes)
            part.train(prefixes.training)
            prefixes.put(name, part, given=given)
            continue
        if part.plan.host in PARAMETER_HOSTS:
            _, parameter, expert = parameter_of(place.site.module, part.plan.host)
            target = target_at(module, switch, parameter, expert)
            part.train(target.training)
            target.put(name, part, given=given)
            continue
        if part.plan.host != LINEAR_HOST:
            beside = beside_of(module)
            if beside is None:
                beside = Beside(forward_parameters(module), place.site.module, switch)
                put_beside(module, beside)
            part.train(beside.training)
            beside.put(name, part, given=given)
            continue
        wrapper = module if isinstance(module, AdaptedModule) else wrappers.get(id(module))
        if wrapper is None:
            wrapper = wrappers[id(module)] = AdaptedModule(module, switch)
            for parent, child in parents[id(module)]:
                parent._modules[child] = wrapper
        part.train(wrapper.training)
        wrapper.put(name, part, given=given)


def _parents(model: nn.Module) -> Parents:
    found: Parents = {}
    for parent in model.modules():
        for name, child in parent._modules.items():
            if child is not None:
                found.setdefault(id(child), []).append((parent, name))
    return found


def _device(module: nn.Module) -> torch.device | None:
    """Of the first parameter, or of a weight that another module holds."""
    first: Tensor | None = next(module.parameters(), None)
    if first is None and isinstance(module, PackedLinear):
        first = module.stored("weight")
    return None if first is None else first.device
