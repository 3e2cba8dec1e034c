"""Where in a model the parts of a compiled adapter belong, or why they do not."""

from __future__ import annotations

from dataclasses import dataclass, replace

from torch import Tensor, nn

from qcompile.adapter.adapted import AdaptedModule
from qcompile.adapter.beside import Beside
from qcompile.adapter.compiled import CompiledAdapter
from qcompile.adapter.parameters import ParameterTarget, parameters_of
from qcompile.adapter.prefixed import Prefixes, holder_of
from qcompile.adapter.starts import waits_for_weight
from qcompile.artifact.peft_folder import BESIDE, PARAMETERS
from qcompile.backends.simulator.base import unreadable
from qcompile.backends.simulator.module import AdapterModule
from qcompile.backends.simulator.sharded import is_sharded
from qcompile.diagnostics.errors import AdapterError, few
from qcompile.diagnostics.message import Message
from qcompile.diagnostics.messages.adapter import (
    AlreadyAttached,
    ModuleKindUnsupported,
    ModuleMissing,
    ModuleSizeMismatch,
    NotForAModel,
    WeightNotReadable,
)
from qcompile.diagnostics.messages.interface import ModuleUnsuited
from qcompile.diagnostics.messages.prefix import NotAttention
from qcompile.diagnostics.nearest import nearest
from qcompile.ir.compilation import Site
from qcompile.ir.hosts import (
    LINEAR_HOST,
    PARAMETER_HOSTS,
    READ_HOSTS,
    HostSizes,
    parameter_of,
    target_name,
)
from qcompile.models.attention import attention_sizes
from qcompile.models.hosts import host_sizes
from qcompile.models.linear import linear_sizes
from qcompile.models.obstacles import obstacles
from qcompile.models.parameters import parameter_places


@dataclass(frozen=True)
class Place:
    """A part and the module of the model that it is for, which may have adapters already."""

    site: Site
    module: nn.Module
    part: AdapterModule


def find_places(model: nn.Module, adapter: CompiledAdapter, *, flat: bool = True) -> list[Place]:
    """The place of every part.

    Args:
        model: To attach to.
        adapter: To be attached.
        flat: Whether parts stand under the names of the file alone, which must be free then.

    Raises:
        AdapterError: QA6001 to QA6004, QA6009, QA6011, QA6024, QA6044; all misfits at once.
    """
    modules = dict(model.named_modules(remove_duplicate=False))
    unsuited = obstacles(model)
    problems: list[Message] = []
    places: list[Place] = []
    taken: set[tuple[int, str, str]] = set()
    missing: set[str] = set()
    for site, part in adapter.parts():
        name = adapter.manifest.planned.module_of(site)
        module = modules.get(name)
        if not site.module:
            problems.append(NotForAModel(adapter=site.adapter))
        elif module is None:
            near: tuple[str, ...] = ()
            if not missing:
                linear = [n for n, found in modules.items() if linear_sizes(found) is not None]
                near = nearest(site.module, linear)
            missing.add(site.module)
            problems.append(
                ModuleMissing(module=site.module, adapter=site.adapter, candidates=near)
            )
        else:
            obstacle = unsuited.get(id(module))
            reason = None if obstacle is None else obstacle.reason
            problem = _misfit(site, module, part, reason, flat)
            inside = site.module.removeprefix(name)
            if problem is None and (id(module), inside, site.adapter) in taken:
                problem = AlreadyAttached(module=site.module, adapter=site.adapter)
            taken.add((id(module), inside, site.adapter))
            if problem is not None:
                problems.append(problem)
            places.append(Place(site, module, part))
    if problems:
        raise AdapterError(*few(problems))
    return places


def _misfit(
    site: Site, module: nn.Module, part: AdapterModule, obstacle: str | None, flat: bool
) -> Message | None:
    if part.plan.mode == "prefix":
        return _prefix_misfit(site, module, part, flat)
    if part.plan.host in PARAMETER_HOSTS:
        return _parameter_misfit(site, module, part, flat)
    if obstacle is not None:
        return ModuleUnsuited(
            adapter=site.adapter,
            module=site.module,
            kind=type(module).__name__,
            reason=obstacle,
        )
    base = module.base_layer if isinstance(module, AdaptedModule) else module
    sizes = host_sizes(base)
    plan = part.plan
    wanted = HostSizes(plan.host, plan.in_features, plan.out_features)
    if sizes is not None:
        # That of the plan counts: a folder of peft does not say it.
        sizes = replace(sizes, padding=None)
    if sizes is None or sizes.kind != wanted.kind:
        return ModuleKindUnsupported(module=site.module, kind=type(base).__name__)
    if sizes != wanted:
        return ModuleSizeMismatch(
            module=site.module,
            found=f"{sizes.in_features} → {sizes.out_features}",
            expected=f"{wanted.in_features} → {wanted.out_features}",
        )
    if plan.host != LINEAR_HOST:
        there = module._modules.get(BESIDE)
        own = isinstance(there, Beside) and not (flat and site.adapter in there.owners)
        if there is not None and not own:
            return AlreadyAttached(module=site.module, adapter=site.adapter)
        if plan.host not in READ_HOSTS:
            return None
    # Under FSDP2 the weight is whole while the module runs.
    sharded = isinstance(base.weight, Tensor) and is_sharded(base.weight)
    read = part.plan.uses_weight and not sharded
    reason = unreadable(base) if read or waits_for_weight(part) else None
    if reason is not None:
        return WeightNotReadable(adapter=site.adapter, module=site.module, reason=reason)
    if flat and isinstance(module, AdaptedModule) and site.adapter in module.owners:
        return AlreadyAttached(module=site.module, adapter=site.adapter)
    return None


def _parameter_misfit(
    site: Site, module: nn.Module, part: AdapterModule, flat: bool
) -> Message | None:
    plan = part.plan
    name, parameter, expert = parameter_of(site.module, plan.host)
    own = site.module.removeprefix(f"{name}.")
    place = next((it for it in parameter_places(name, module) if it.name == own), None)
    if place is None:
        return ModuleKindUnsupported(module=site.module, kind=type(module).__name__)
    found, wanted = place.sizes, (plan.in_features, plan.out_features, plan.slices)
    if (found.in_features, found.out_features, found.slices) != wanted:
        return ModuleSizeMismatch(
            module=site.module,
            found=f"{found.in_features} → {found.out_features}, {found.slices} times",
            expected=f"{plan.in_features} → {plan.out_features}, {plan.slices} times",
        )
    weight = module.get_parameter(parameter)
    if type(weight) is not nn.Parameter or not weight.dtype.is_floating_point:
        kind = type(weight).__name__
        reason = f"its numbers are no plain ones ({kind}, {weight.dtype})"
        return ModuleUnsuited(
            adapter=site.adapter, module=site.module, kind=type(module).__name__, reason=reason
        )
    holder = parameters_of(module)
    target = None if holder is None else holder._modules.get(target_name(parameter, expert))
    other = holder is None and PARAMETERS in module._modules
    if other or (flat and isinstance(target, ParameterTarget) and site.adapter in target.owners):
        return AlreadyAttached(module=site.module, adapter=site.adapter)
    return None


def _prefix_misfit(
    site: Site, module: nn.Module, part: AdapterModule, flat: bool
) -> Message | None:
    sizes = attention_sizes(module, site.module)
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
    own = isinstance(there, Prefixes) and not (flat and site.adapter in there.owners)
    if there is not None and not own:
        return AlreadyAttached(module=site.module, adapter=site.adapter)
    return None
