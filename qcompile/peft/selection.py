"""Which modules a configuration chooses, in peft's terms."""

from __future__ import annotations

import contextlib
import copy
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from peft.tuners.tuners_utils import _maybe_include_all_linear_layers, check_target_module_exists
from peft.utils.other import AuxiliaryTrainingWrapper
from torch import nn

from qcompile.artifact.peft_folder import PREFIX
from qcompile.diagnostics.errors import AdapterError, few
from qcompile.diagnostics.messages.adapter import NotForAModel
from qcompile.diagnostics.messages.peft import SavedModuleMissing, TargetsMatchNothing
from qcompile.diagnostics.nearest import nearest
from qcompile.ir.compilation import ModelInfo, ModuleInfo
from qcompile.ir.globs import GlobError
from qcompile.ir.hosts import LINEAR_HOST
from qcompile.ir.module_choice import hosts_of, module_choice
from qcompile.ir.spec import AdapterSpec, Attachment, Spec
from qcompile.peft.config import QCompileConfig

HEADS = frozenset({"classifier", "score", "qa_outputs"})
"""What peft adds to modules_to_save by itself for a `task_type`, whether or not it is there."""


def check_saved_modules(config: QCompileConfig, model: nn.Module) -> None:
    """Whether each of modules_to_save is in the model.

    Raises:
        AdapterError: QA6212.
    """
    names = [name for name, _ in model.named_modules() if name]
    added = HEADS if config.task_type is not None else frozenset()
    missing = [
        wanted
        for wanted in config.modules_to_save or ()
        if wanted not in added
        and not any(name == wanted or name.endswith(f".{wanted}") for name in names)
    ]
    if missing:
        last = sorted({name.rpartition(".")[2] for name in names})
        raise AdapterError(
            *few([SavedModuleMissing(module=m, candidates=nearest(m, last)) for m in missing])
        )


def saved_tensors(config: QCompileConfig, model: nn.Module) -> dict[str, tuple[int, ...]]:
    """Key in adapter_model.safetensors → shape, for the tensors of modules_to_save."""
    wanted = tuple(config.modules_to_save or ())
    inside: list[str] = []
    found = {}
    for name, module in model.named_modules():
        if any(name.startswith(prefix) for prefix in inside):
            continue
        if isinstance(module, AuxiliaryTrainingWrapper):
            inside.append(f"{name}.")
        if name.endswith(wanted):  # As peft chooses them.
            base: Any = getattr(module, "original_module", module)
            for key, tensor in base.state_dict().items():
                found[f"{PREFIX}{name}.{key}"] = tuple(tensor.shape)
    return found


def selection(
    config: QCompileConfig, model: nn.Module, info: ModelInfo
) -> Callable[[Spec], Spec] | None:
    """Replaces the attachments where the configuration chooses modules."""
    choices = {
        name: value
        for name in (
            "target_modules",
            "exclude_modules",
            "layers_to_transform",
            "layers_pattern",
            "modules_to_save",
        )
        if (value := getattr(config, name)) is not None
    }
    if not choices:
        return None
    linear = {m.name: m for m in info.modules if m.in_features is not None}
    attention = {m.name: m for m in info.modules if m.attention is not None}
    given = copy.copy(config)
    if isinstance(given.target_modules, str):
        given = _maybe_include_all_linear_layers(given, model)

    def hosts(adapter: AdapterSpec) -> dict[str, ModuleInfo]:
        """The modules of the kinds that the adapter's own patterns take."""
        kinds = {module.host_sizes.kind for module in _own(adapter, info) if module.host_sizes}
        wanted = kinds or {LINEAR_HOST}
        return {m.name: m for m in info.modules if m.host_sizes and m.host_sizes.kind in wanted}

    def adjust(spec: Spec) -> Spec:
        every = [hosts(adapter) for adapter in spec.adapters if not _is_prefix(adapter)]
        updated = {name: module for found in every for name, module in found.items()}
        _refuse_idle(config, spec, list(updated), list(attention))
        adapters = tuple(
            _retarget(adapter, given, attention if _is_prefix(adapter) else hosts(adapter))
            for adapter in spec.adapters
        )
        if not any(adapter.attachments for adapter in adapters):
            wanted = choices.get("target_modules", ())
            fitting = attention if all(map(_is_prefix, spec.adapters)) else linear
            names = sorted({name.rpartition(".")[2] for name in fitting})
            words = [wanted] if isinstance(wanted, str) else sorted(wanted)
            near = nearest(words[0], names) if words else ()
            choice = ", ".join(f"{name}={_shown(value)}" for name, value in choices.items())
            message = TargetsMatchNothing(choice=choice, present=tuple(names), candidates=near)
            raise AdapterError(message)
        # An adapter of several that the choice leaves without modules is left out.
        return replace(spec, adapters=tuple(adapter for adapter in adapters if adapter.attachments))

    return adjust


def _refuse_idle(
    config: QCompileConfig, spec: Spec, linear: list[str], attention: list[str]
) -> None:
    """Whether every entry of a list chooses, or excludes, some module.

    Raises:
        AdapterError: QA6201 for each that does not.
    """
    fitting = [
        name
        for prefixes, names in ((False, linear), (True, attention))
        if any(_is_prefix(adapter) == prefixes for adapter in spec.adapters)
        for name in names
    ]
    chosen = [name for name in fitting if _in_layers(config, name)]
    idle: list[tuple[str, str, list[str], str]] = []
    everywhere = "of the model"
    there = everywhere if config.layers_to_transform is None else "of these layers"
    for option, names, place in (
        ("target_modules", chosen, there),
        ("exclude_modules", fitting, everywhere),
    ):
        entries = getattr(config, option)
        if entries is None or isinstance(entries, str):
            continue
        idle += [
            (f"{entry!r} of {option}", entry, names, place)
            for entry in sorted(entries)
            if not any(name == entry or name.endswith(f".{entry}") for name in names)
        ]
    layers = config.layers_to_transform
    patterns = config.layers_pattern or ()
    lists = (patterns,) if isinstance(patterns, str) else tuple(patterns)
    numbers = {_layer(name, lists) for name in fitting}
    for layer in [layers] if isinstance(layers, int) else layers or ():
        if layer not in numbers:
            where = f", counted by layers_pattern={config.layers_pattern!r}" if lists else ""
            idle.append((f"{layer} of layers_to_transform{where}", str(layer), [], everywhere))
    if idle:
        raise AdapterError(
            *few(
                [
                    TargetsMatchNothing(
                        choice=choice,
                        present=(last := tuple(sorted({n.rpartition(".")[2] for n in names}))),
                        place=place,
                        candidates=nearest(entry, last),
                    )
                    for choice, entry, names, place in idle
                ]
            )
        )


def _own(adapter: AdapterSpec, info: ModelInfo) -> list[ModuleInfo]:
    """What the patterns of an adapter take, layers aside."""
    found = []
    for attachment in adapter.attachments:
        with contextlib.suppress(GlobError):  # Lowering reports it.
            found += hosts_of(module_choice(attachment), info.modules)
    return found


def _is_prefix(adapter: AdapterSpec) -> bool:
    return any(body.mode == "prefix" for body in adapter.bodies)


def _retarget(
    adapter: AdapterSpec, config: QCompileConfig, fitting: Mapping[str, ModuleInfo]
) -> AdapterSpec:
    """The adapter attached to the chosen modules by their names, with the bodies of the spec.

    `fitting`: the modules of the kind that the adapter is for.
    """
    if adapter.shape is not None:
        raise AdapterError(NotForAModel(adapter=adapter.name))
    choice = copy.copy(config)
    # Layers are chosen below, alike for every form of target_modules.
    choice.layers_to_transform = choice.layers_pattern = None
    if choice.target_modules is None:
        choice.target_modules = {
            name for name, module in fitting.items() if _attachment(adapter, module) is not None
        }
    chosen = []
    for name, module in fitting.items():
        if not check_target_module_exists(choice, name) or not _in_layers(config, name):
            continue
        if any(f".{m}." in f".{name}." for m in config.modules_to_save or ()):
            continue
        own = _attachment(adapter, module)
        body = 0 if own is None else own.body
        chosen.append(Attachment(pattern=name, layers=None, body=body, span=adapter.span))
    return replace(adapter, attachments=tuple(chosen))


def _in_layers(config: QCompileConfig, name: str) -> bool:
    wanted = config.layers_to_transform
    if wanted is None:
        return True
    patterns = config.layers_pattern or ()
    layer = _layer(name, (patterns,) if isinstance(patterns, str) else tuple(patterns))
    return layer is not None and layer in ([wanted] if isinstance(wanted, int) else wanted)


def _layer(name: str, patterns: tuple[str, ...] = ()) -> int | None:
    """The number behind the list of layers; without a name for the list, the first number."""
    for pattern in patterns:
        found = re.match(rf"(?:|.*?\.){pattern}\.(\d+)(?:\.|$)", name)
        if found is not None:
            return int(found[1])
    if patterns:
        return None
    return next((int(part) for part in name.split(".") if part.isdigit()), None)


def _attachment(adapter: AdapterSpec, module: ModuleInfo) -> Attachment | None:
    """The first attachment of the spec that takes a module."""
    for attachment in adapter.attachments:
        try:
            matches = module_choice(attachment).matching(module)
        except GlobError:
            return attachment  # Lowering reports it.
        layer = _layer(module.name)
        inside = attachment.layers is None or (
            layer is not None and attachment.layers[0] <= layer < attachment.layers[1]
        )
        if matches and inside:
            return attachment
    return None


def _shown(value: object) -> str:
    return repr(sorted(value)) if isinstance(value, set) else repr(value)
