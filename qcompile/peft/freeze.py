"""A configuration and a model → the frozen compilation."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from peft.tuners.tuners_utils import (
    BaseTunerLayer,
    _maybe_include_all_linear_layers,
    check_target_module_exists,
)
from peft.utils.other import AuxiliaryTrainingWrapper
from torch import nn

from qcompile.artifact.manifest import Manifest
from qcompile.diagnostics.errors import AdapterError, few
from qcompile.diagnostics.message import Message
from qcompile.diagnostics.messages.adapter import (
    ModuleKindUnsupported,
    ModuleMissing,
    ModuleSizeMismatch,
    NotForAModel,
)
from qcompile.diagnostics.messages.peft import TargetsMatchNothing
from qcompile.diagnostics.nearest import nearest
from qcompile.driver import Options, compile_source
from qcompile.ir.codec import canonical_json
from qcompile.ir.compilation import ModelInfo, ModuleInfo
from qcompile.ir.spec import AdapterSpec, Attachment, Spec
from qcompile.models.linear import linear_sizes
from qcompile.models.skeleton import describe_model
from qcompile.passes.lowering.patterns import PatternError, parse_pattern
from qcompile.peft.config import QCompileConfig


def freeze(config: QCompileConfig, model: nn.Module) -> Manifest:
    """Compile for the model, once, and put the result into the configuration.

    Raises:
        CompileError: With every error of the first phase that found any.
        AdapterError: QA6001 to QA6003, QA6009, QA6201: nothing was changed.
    """
    manifest = config.manifest()
    if manifest is None:
        options = Options(
            definitions=tuple(
                f"{name}={_literal(value)}" for name, value in sorted(config.parameters.items())
            ),
            target=config.target,
            control=config.control,
            optimisation=config.optimisation,
            tokens=config.tokens,
            seed=config.seed,
        )
        info = base_info(model)
        compilation = compile_source(
            config.source(), options, model=info, adjust=_selection(config, model, info)
        )
        manifest = compilation.manifest
        config.plan = canonical_json(manifest)
    _check(manifest, model)
    return manifest


def base_info(model: nn.Module) -> ModelInfo:
    """Names and sizes of the base model's modules, whatever peft has put around them."""
    described = describe_model(model)
    hidden: set[str] = set()
    modules: list[ModuleInfo] = []
    total = sum(parameter.numel() for parameter in model.parameters())
    for module in described.modules:
        if any(module.name.startswith(prefix) for prefix in hidden):
            continue
        found = model.get_submodule(module.name)
        if isinstance(found, (BaseTunerLayer, AuxiliaryTrainingWrapper)):
            hidden.add(module.name + ".")
            base = _base(found)
            total -= sum(p.numel() for p in found.parameters())
            total += sum(p.numel() for p in base.parameters())
            sizes = linear_sizes(base) or (None, None)
            module = replace(
                module, kind=type(base).__name__, in_features=sizes[0], out_features=sizes[1]
            )
        modules.append(module)
    return replace(described, modules=tuple(modules), parameters=total)


def _base(module: Any) -> nn.Module:
    base: nn.Module
    if isinstance(module, BaseTunerLayer):
        base = module.get_base_layer()
    else:
        base = getattr(module, "original_module", module)
    return base


def _selection(
    config: QCompileConfig, model: nn.Module, info: ModelInfo
) -> Callable[[Spec], Spec] | None:
    """Replaces the attachments where the configuration chooses modules."""
    choices = {
        name: value
        for name in ("target_modules", "exclude_modules", "layers_to_transform", "modules_to_save")
        if (value := getattr(config, name)) is not None
    }
    if not choices:
        return None
    linear = [module.name for module in info.modules if module.in_features is not None]
    given = copy.copy(config)
    if isinstance(given.target_modules, str):
        given = _maybe_include_all_linear_layers(given, model)

    def adjust(spec: Spec) -> Spec:
        adapters = tuple(_retarget(adapter, given, linear) for adapter in spec.adapters)
        if not any(adapter.attachments for adapter in adapters):
            wanted = choices.get("target_modules", ())
            names = sorted({name.rpartition(".")[2] for name in linear})
            words = [wanted] if isinstance(wanted, str) else sorted(wanted)
            near = nearest(words[0], names) if words else ()
            choice = ", ".join(f"{name}={_shown(value)}" for name, value in choices.items())
            message = TargetsMatchNothing(choice=choice, present=tuple(names), candidates=near)
            raise AdapterError(message)
        # An adapter of several that the choice leaves without modules is left out.
        return replace(spec, adapters=tuple(adapter for adapter in adapters if adapter.attachments))

    return adjust


def _retarget(adapter: AdapterSpec, config: QCompileConfig, linear: list[str]) -> AdapterSpec:
    """The adapter attached to the chosen modules by their names, with the bodies of the spec."""
    if adapter.shape is not None:
        raise AdapterError(NotForAModel(adapter=adapter.name))
    choice = copy.copy(config)
    if choice.target_modules is None:
        choice.target_modules = {n for n in linear if _attachment(adapter, n) is not None}
    chosen = []
    for name in linear:
        # peft leaves the layer aside where a name is matched as a whole.
        if not check_target_module_exists(choice, name) or not _in_layers(config, name):
            continue
        if any(name == m or name.endswith(f".{m}") for m in config.modules_to_save or ()):
            continue
        own = _attachment(adapter, name)
        body = 0 if own is None else own.body
        chosen.append(Attachment(pattern=name, layers=None, body=body, span=adapter.span))
    return replace(adapter, attachments=tuple(chosen))


def _in_layers(config: QCompileConfig, name: str) -> bool:
    wanted = config.layers_to_transform
    if wanted is None:
        return True
    layer = _layer(name)
    return layer is not None and layer in ([wanted] if isinstance(wanted, int) else wanted)


def _layer(name: str) -> int | None:
    return next((int(part) for part in name.split(".") if part.isdigit()), None)


def _attachment(adapter: AdapterSpec, name: str) -> Attachment | None:
    """The first attachment of the spec that takes a module."""
    for attachment in adapter.attachments:
        try:
            matches = parse_pattern(attachment.pattern).matches(name)
        except PatternError:
            return attachment  # Lowering reports it.
        layer = _layer(name)
        inside = attachment.layers is None or (
            layer is not None and attachment.layers[0] <= layer < attachment.layers[1]
        )
        if matches and inside:
            return attachment
    return None


def _check(manifest: Manifest, model: nn.Module) -> None:
    """Whether every module that the compilation is for is there, with its sizes."""
    modules = {module.name: module for module in base_info(model).modules}
    linear = tuple(name for name, module in modules.items() if module.in_features is not None)
    problems: list[Message] = []
    for site in manifest.planned.sites:
        module = modules.get(site.module)
        plan = manifest.planned.plans[site.unit]
        if not site.module:
            problems.append(NotForAModel(adapter=site.adapter))
        elif module is None:
            near = nearest(site.module, linear)
            problems.append(
                ModuleMissing(module=site.module, adapter=site.adapter, candidates=near)
            )
        elif module.in_features is None:
            problems.append(ModuleKindUnsupported(module=site.module, kind=module.kind))
        elif (module.in_features, module.out_features) != (plan.in_features, plan.out_features):
            problems.append(
                ModuleSizeMismatch(
                    module=site.module,
                    found=f"{module.in_features} → {module.out_features}",
                    expected=f"{plan.in_features} → {plan.out_features}",
                )
            )
    if problems:
        raise AdapterError(*few(problems))


def _literal(value: bool | int | float | str) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _shown(value: object) -> str:
    return repr(sorted(value)) if isinstance(value, set) else repr(value)
