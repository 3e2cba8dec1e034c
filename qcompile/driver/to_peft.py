"""An adapter → the folder that peft writes for a method of its own."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qcompile.artifact.peft_folder import PREFIX, write_folder
from qcompile.diagnostics.errors import AdapterError
from qcompile.diagnostics.messages.peft import NoMethodOfPeft
from qcompile.driver.peft_base import PeftBase
from qcompile.driver.peft_methods.method import Apart, PeftFolder, PeftHost, PeftMethod
from qcompile.driver.peft_methods.table import METHODS_OF_PEFT
from qcompile.driver.peft_recognised import Recognised, recognised, traced
from qcompile.ir.hosts import HOST_KINDS
from qcompile.ir.ops.scatter import ScatterNode

if TYPE_CHECKING:
    from torch import Tensor, nn

    from qcompile.adapter import CompiledAdapter
    from qcompile.backends.simulator.module import AdapterModule

SHARED_PREFIX = "base_model."
"""Of tensors that belong to the model."""


def write_peft_method(
    adapter: CompiledAdapter,
    path: str | Path,
    *,
    model: nn.Module | str | os.PathLike[str] | None = None,
    base_model: str | None = None,
    task_type: str | None = None,
) -> str:
    """Write a folder that peft itself reads, without qcompile; gives the name of the method.

    The method is that whose spec computes the same as the adapter from tensors of the same shapes.

    Args:
        adapter: As it is trained.
        path: The folder.
        model: The base model, a config.json of it, or a folder with one and with its safetensors;
            needed where peft keeps tensors in a form that the base has a part in.
        base_model: Name or path of the model for which the adapter is; None: as it states itself.
        task_type: peft's name of the task; the same.

    Raises:
        AdapterError: QA6231 where it is no method of peft, or modules do not go together; QA6232
            where `model` is needed, QA6233 where it does not serve, QA6024 where it is quantised.
        CompileError: QA7001 to QA7005, of `model`.
        UsageError: QA0013, QA0014.
    """
    kind, folder = folder_of(adapter, PeftBase(model))
    method = METHODS_OF_PEFT[kind]
    config = {
        "peft_type": kind,
        "base_model_name_or_path": base_model or adapter.manifest.base_model,
        "task_type": task_type or adapter.manifest.task_type,
        "target_modules": sorted(folder.modules),
        "inference_mode": True,
        **folder.config,
    }
    tensors = {f"{SHARED_PREFIX}{name}": tensor for name, tensor in folder.shared.items()}
    for module, named in folder.modules.items():
        tensors |= {f"{PREFIX}{module}.{name}": tensor for name, tensor in named.items()}
    write_folder(path, config, tensors)
    return method.name


def folder_of(adapter: CompiledAdapter, base: PeftBase) -> tuple[str, PeftFolder]:
    """peft's name of the method that an adapter is, and what a folder of it holds.

    Raises:
        As `write_peft_method`.
    """
    parts = {site.module: (site, part) for site, part in adapter.parts()}
    if len(parts) < len(adapter.sites) or "" in parts:
        modules = [site.module for site in adapter.sites]
        twice = next((it for it in modules if modules.count(it) > 1), "")
        reason = f"`{twice}` has several adapters" if twice else "it is for no module of a model"
        raise _refusal(adapter, reason)
    kept: dict[int, AdapterModule] = {}
    for site, part in parts.values():
        kept.setdefault(site.unit, part)
    reasons = []
    for kind, method in METHODS_OF_PEFT.items():
        found = {unit: recognised(part, method) for unit, part in kept.items()}
        if all(found.values()):
            try:
                return kind, _together(adapter, method, found, base)
            except Apart as refused:
                reasons.append(f"as {method.name}, {refused}")
        elif any(found.values()):
            unit = next(unit for unit, forms in found.items() if not forms)
            other = next(site.module for site in adapter.sites if site.unit == unit)
            reasons.append(f"some modules have {method.name}, but `{other}` does not")
    raise _refusal(adapter, reasons[0] if reasons else _why(adapter))


def _why(adapter: CompiledAdapter) -> str:
    hosts = {kind for method in METHODS_OF_PEFT.values() for kind in method.hosts}
    for site, part in adapter.parts():
        if part.plan.host not in hosts:
            return f"`{site.module}` is {HOST_KINDS[part.plan.host]}"
    nodes = [node for _, part in adapter.parts() for node in part.plan.nodes]
    if any(isinstance(node, ScatterNode) and node.draw != "torch" for node in nodes):
        return "`scatter` draws other places than peft; `draw: torch` draws the same"
    return "no method of peft computes the same from tensors of the same shapes"


def _refusal(adapter: CompiledAdapter, reason: str) -> AdapterError:
    parts = [part for _, part in adapter.parts()]
    name = parts[0].plan.adapter if parts else ""
    linear = all(part.plan.linear and not part.plan.uses_output for part in parts)
    return AdapterError(NoMethodOfPeft(adapter=name, reason=reason, linear=linear))


def _together(
    adapter: CompiledAdapter,
    method: PeftMethod,
    found: Mapping[int, list[Recognised]],
    base: PeftBase,
) -> PeftFolder:
    """One folder with forms of all plans that agree."""
    chosen = _agreeing(method, found)
    folder = PeftFolder(config={}, modules={}, shared={}, sizes={}, hosts={}, base=base)
    configs = {}
    for site, part in adapter.parts():
        taken = chosen[site.unit]
        configs[site.module] = taken.form.config
        folder.sizes[site.module] = (part.plan.in_features, part.plan.out_features)
        folder.hosts[site.module] = part.plan.host
        tensors = _tensors(method, taken, part)
        if taken.form.finish is not None:
            host = PeftHost(name=site.module, base=base, padding=part.plan.padding)
            tensors = taken.form.finish(tensors, host)
        for name in method.shared:
            folder.shared[name] = _joined(name, folder.shared.get(name), tensors.pop(name))
        folder.modules[site.module] = tensors
    folder.config = _config(method, configs)
    method.settle(folder)
    return folder


def _agreeing(method: PeftMethod, found: Mapping[int, list[Recognised]]) -> dict[int, Recognised]:
    """A form of each plan, with the same settings but for those that may differ."""
    # One to which all entries say something comes first.
    units = sorted(found, key=lambda unit: bool(found[unit][0].free))
    first, *others = (found[unit] for unit in units)

    def different(one: Recognised, other: Recognised) -> list[str]:
        both = one.form.config, other.form.config
        names = dict.fromkeys(name for config in both for name in config)
        ignored = one.free | other.free | method.patterns.keys()
        return [it for it in names if it not in ignored and both[0].get(it) != both[1].get(it)]

    for taken in first:
        fits = [next((it for it in forms if not different(taken, it)), None) for forms in others]
        if None not in fits:
            agreed = [taken, *(it for it in fits if it is not None)]
            return dict(zip(units, agreed, strict=True))
    names = dict.fromkeys(name for forms in others for name in different(first[0], forms[0]))
    raise Apart(f"modules would have different {' and '.join(names)}")


def _config(method: PeftMethod, configs: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """The settings of all modules, with patterns for those that differ."""
    settled: dict[str, Any] = {}
    for config in configs.values():
        settled = config | settled
    for name, pattern in method.patterns.items():
        other = {
            module: config[name]
            for module, config in configs.items()
            if config[name] != settled[name]
        }
        if other:
            settled[pattern] = other
    return settled


def _tensors(method: PeftMethod, taken: Recognised, part: AdapterModule) -> dict[str, Tensor]:
    """peft's tensors of one module, by peft's names.

    `read` only puts numbers elsewhere, some with another sign, which numbered elements show.
    """
    import torch

    piece = traced(method, taken.form, part.plan)
    values = {name: part.get_parameter(taken.names[name]).detach().cpu() for name in piece.tensors}
    if method.invert is not None:
        return method.invert(values)
    sizes = {name: torch.Size(shape).numel() for name, shape in taken.form.shapes.items()}
    flat = torch.zeros(sum(sizes.values()), dtype=torch.float64)
    dtypes = {value.dtype for value in values.values()}
    dtype = torch.float64 if torch.float64 in dtypes else torch.float32
    if len(dtypes) == 1:
        (dtype,) = dtypes
    for name, numbered in piece.tensors.items():
        index = numbered.abs().long().flatten() - 1
        flat[index] = numbered.sign().flatten() * values[name].double().flatten()
    parts = torch.split(flat, list(sizes.values()))
    shaped = {
        name: piece_of.reshape(taken.form.shapes[name]).to(dtype)
        for name, piece_of in zip(sizes, parts, strict=True)
    }
    return shaped | dict(taken.form.given)


def _joined(name: str, known: Tensor | None, more: Tensor) -> Tensor:
    """A tensor of the model of which modules use the first rows and columns."""
    import torch

    if known is None:
        return more
    shape = [max(pair) for pair in zip(known.shape, more.shape, strict=True)]
    both = [slice(0, min(pair)) for pair in zip(known.shape, more.shape, strict=True)]
    if not torch.equal(known[tuple(both)], more[tuple(both)]):
        raise Apart(f"modules share no {name}")
    whole = known.new_zeros(shape)
    for value in (known, more):
        whole[tuple(slice(0, extent) for extent in value.shape)] = value
    return whole
