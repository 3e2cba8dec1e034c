"""A configuration and a model → the frozen compilation."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from peft.tuners.tuners_utils import BaseTunerLayer
from peft.utils.other import AuxiliaryTrainingWrapper
from torch import nn

from qcompile.adapter.parameters import ParameterHolder
from qcompile.artifact.manifest import Manifest
from qcompile.diagnostics.errors import AdapterError, few
from qcompile.diagnostics.message import Message
from qcompile.diagnostics.messages.adapter import (
    ModuleKindUnsupported,
    ModuleMissing,
    ModuleSizeMismatch,
    NotForAModel,
)
from qcompile.diagnostics.messages.interface import ModuleUnsuited
from qcompile.diagnostics.messages.peft import ConfigurationInUse
from qcompile.diagnostics.messages.prefix import NotAttention
from qcompile.diagnostics.nearest import nearest
from qcompile.driver.effect import warn_of_effect
from qcompile.driver.options import Options
from qcompile.driver.phases import compile_source
from qcompile.ir.compilation import ModelInfo, ModuleInfo
from qcompile.models.linear import linear_sizes
from qcompile.models.skeleton import describe_model
from qcompile.peft.beside import QCompileBeside
from qcompile.peft.config import QCompileConfig, Sizes
from qcompile.peft.prefix import QCompilePrefix
from qcompile.peft.selection import check_saved_modules, selection


def freeze(config: QCompileConfig, model: nn.Module) -> Manifest:
    """Compile for the model, once, and put the result into the configuration.

    Raises:
        CompileError: With every error of the first phase that found any.
        AdapterError: QA6001 to QA6003, QA6009, QA6201, QA6212, QA6213: nothing was changed.
    """
    check_saved_modules(config, model)
    info = base_info(model)
    manifest = config.manifest()
    if manifest is not None and config.compiled_for not in (None, _sizes(info)):
        raise AdapterError(ConfigurationInUse())
    if manifest is None:
        options = Options(
            parameters=tuple(sorted(config.parameters.items())),
            target=config.target,
            control=config.control,
            optimisation=config.optimisation,
            tokens=config.tokens,
            seed=config.seed,
        )
        compilation = compile_source(
            config.source(), options, model=info, adjust=selection(config, model, info)
        )
        warn_of_effect(compilation)
        manifest = compilation.manifest
        config.keep(manifest)
        config.compiled_for = _sizes(info)
    _check(manifest, info)
    return manifest


def base_info(model: nn.Module) -> ModelInfo:
    """Names and sizes of the base model's modules, whatever peft has put around them."""
    described = describe_model(model)
    hidden: set[str] = set()
    modules: list[ModuleInfo] = []
    there = {name for name, _ in model.named_modules(remove_duplicate=False)}
    total = sum(parameter.numel() for parameter in model.parameters())
    for module in described.modules:
        if any(module.name.startswith(prefix) for prefix in hidden):
            continue
        if module.name not in there:
            # A parameter, of experts or of a router; a projection of torch's attention.
            modules.append(module)
            continue
        found = model.get_submodule(module.name)
        if isinstance(found, QCompilePrefix | QCompileBeside | ParameterHolder):
            hidden.add(module.name + ".")
            total -= sum(p.numel() for p in found.parameters())
            continue
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


def _check(manifest: Manifest, info: ModelInfo) -> None:
    """Whether every module that the compilation is for is there, with its sizes."""
    modules = {module.name: module for module in info.modules}
    linear = tuple(name for name, module in modules.items() if module.in_features is not None)
    problems: list[Message] = []
    for site in manifest.planned.sites:
        module = modules.get(site.module)
        plan = manifest.planned.plans[site.unit]
        host = None if module is None else module.host_sizes
        if not site.module:
            problems.append(NotForAModel(adapter=site.adapter))
        elif module is None:
            near = nearest(site.module, linear)
            problems.append(
                ModuleMissing(module=site.module, adapter=site.adapter, candidates=near)
            )
        elif plan.mode == "prefix" and module.attention is None:
            problems.append(NotAttention(module=site.module, kind=module.kind))
        elif plan.mode != "prefix" and module.obstacle is not None:
            problems.append(
                ModuleUnsuited(
                    adapter=site.adapter,
                    module=site.module,
                    kind=module.kind,
                    reason=module.obstacle,
                )
            )
        elif plan.mode != "prefix" and (host is None or host.kind != plan.host):
            problems.append(ModuleKindUnsupported(module=site.module, kind=module.kind))
        else:
            widths = None if host is None else (host.in_features, host.out_features)
            sizes = module.attention if plan.mode == "prefix" else widths
            if sizes != (plan.in_features, plan.out_features):
                assert sizes is not None
                problems.append(
                    ModuleSizeMismatch(
                        module=site.module,
                        found=f"{sizes[0]} → {sizes[1]}",
                        expected=f"{plan.in_features} → {plan.out_features}",
                    )
                )
    if problems:
        raise AdapterError(*few(problems))


def _sizes(info: ModelInfo) -> Sizes:
    return tuple((module.name, module.in_features, module.out_features) for module in info.modules)
