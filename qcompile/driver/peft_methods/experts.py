"""LoRA of parameters: of those that hold the weights of all experts, and of routers.

peft wraps the module once for each of its parameters, the first one innermost, and keeps the
factors of all experts in one pair of tensors: A (experts · r, in), B (out, r · experts).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from qcompile.diagnostics.errors import AdapterError
from qcompile.diagnostics.messages.peft_folders import BaseUnusable
from qcompile.driver.peft_methods.method import Apart, Config, PeftFolder, Unreadable
from qcompile.ir.hosts import EXPERT_HOST, PARAMETER_HOSTS, parameter_of
from qcompile.models.parameters import is_transposed

if TYPE_CHECKING:
    from torch import Tensor, nn

A, B = "lora_A.weight", "lora_B.weight"
INSIDE = ".base_layer"

Tensors = dict[str, "Tensor"]
Held = Mapping[int | None, Tensors]
"""Of one parameter, by expert; None: of the whole parameter."""


def split_experts(
    config: Config, model: nn.Module, modules: Mapping[str, Tensors]
) -> dict[str, Tensors]:
    """Tensors by the modules that peft's file names → by the sites here.

    Raises:
        Unreadable: The shapes are not those of the parameters.
    """
    targets = tuple(config.get("target_parameters") or ())
    inside = dict(model.named_modules())
    found: dict[str, Tensors] = {}
    for name, tensors in modules.items():
        whole = name.replace(INSIDE, "")
        module = inside.get(whole)
        own = _targeted(whole, module, targets)
        depth = name.count(INSIDE)
        if module is None or depth >= len(own):
            found[name] = tensors
            continue
        parameter = own[-1 - depth]
        value = module.get_parameter(parameter)
        if value.dim() != 3:
            found[
                whole if parameter == "weight" and _linear(module) else f"{whole}.{parameter}"
            ] = tensors
            continue
        for expert, factors in enumerate(_apart(module, tensors, value.shape[0])):
            found[f"{whole}.{parameter}.{expert}"] = factors
    return found


def _linear(module: nn.Module) -> bool:
    from qcompile.models.linear import linear_sizes

    return linear_sizes(module) is not None


def _targeted(name: str, module: nn.Module | None, targets: tuple[str, ...]) -> list[str]:
    """The parameters of a module that peft takes for its targets, in their order."""
    if module is None:
        return []
    keys = {own: f"{name}.{own}" for own, _ in module.named_parameters(recurse=False)}
    return [own for own, key in keys.items() if any(f".{key}".endswith(f".{t}") for t in targets)]


def _apart(module: nn.Module, tensors: Tensors, count: int) -> list[Tensors]:
    """The factors of each expert."""
    a, b = tensors[A], tensors[B]
    if a.dim() != 2 or b.dim() != 2 or a.shape[0] != b.shape[1] or a.shape[0] % count:
        raise Unreadable(f"has factors that are not those of {count} experts")
    each_a = a.reshape(count, -1, a.shape[1])
    each_b = b.reshape(b.shape[0], -1, count)
    if _swapped(module):
        return [{A: each_b[:, :, e].T, B: each_a[e].T} for e in range(count)]
    return [{A: each_a[e], B: each_b[:, :, e]} for e in range(count)]


def _swapped(module: nn.Module) -> bool:
    """Whether peft does not know that the module keeps (experts, in, out)."""
    return is_transposed(module) and not getattr(module, "is_transposed", False)


def join_experts(folder: PeftFolder) -> None:
    """Put the factors of all experts together, as `split_experts` takes them apart.

    Raises:
        Apart: Experts of one parameter do not go together.
        AdapterError: QA6232, QA6233.
    """
    held: dict[str, dict[str, dict[int | None, Tensors]]] = {}
    kept: dict[str, Tensors] = {}
    for site, tensors in folder.modules.items():
        if folder.hosts[site] not in PARAMETER_HOSTS:
            kept[site] = tensors
            continue
        name, parameter, expert = parameter_of(site, folder.hosts[site])
        held.setdefault(name, {}).setdefault(parameter, {})[expert] = tensors
    if not held:
        return
    folder.config["target_modules"] = sorted(kept)
    folder.config["target_parameters"] = sorted(
        f"{name}.{parameter}" for name, found in held.items() for parameter in found
    )
    _join_patterns(folder)
    for name, found in held.items():
        module = folder.base.shaped(name, "the number of experts")
        own = {key: value for key, value in module.named_parameters(recurse=False) if key in found}
        if own.keys() != found.keys():
            raise AdapterError(BaseUnusable(module=name, reason="it has no such parameters"))
        for depth, parameter in enumerate(reversed(own)):
            shape = tuple(own[parameter].shape)
            joined = _joined(f"{name}.{parameter}", found[parameter], shape, module)
            kept[name + depth * INSIDE] = joined
    folder.modules = kept


def _joined(name: str, found: Held, shape: tuple[int, ...], module: nn.Module) -> Tensors:
    import torch

    whole = found.get(None)
    if whole is not None:
        if len(shape) == 3:
            raise Apart(f"`{name}` changes all experts alike")
        return whole
    missing = [e for e in range(shape[0]) if e not in found]
    if len(shape) != 3 or missing or len(found) != shape[0]:
        other = f"expert {missing[0]}" if missing else "the base model"
        raise Apart(f"all experts of `{name}` have factors, and {other} has none or others")
    each = [found[e] for e in range(shape[0])]
    if len({factors[A].shape for factors in each}) > 1:
        raise Apart(f"experts of `{name}` would have different ranks")
    if _swapped(module):
        each = [{A: factors[B].T, B: factors[A].T} for factors in each]
    return {
        A: torch.cat([factors[A] for factors in each]).contiguous(),
        B: torch.stack([factors[B] for factors in each], dim=2).flatten(1).contiguous(),
    }


def _join_patterns(folder: PeftFolder) -> None:
    """peft has one rank and one alpha for all experts of a parameter."""
    for entry in ("rank_pattern", "alpha_pattern"):
        pattern = folder.config.get(entry) or {}
        values: dict[str, set[object]] = {}
        for site, host in folder.hosts.items():
            name = site.rpartition(".")[0] if host == EXPERT_HOST else site
            values.setdefault(name, set()).add(pattern.get(site))
        for name, found in values.items():
            if len(found) > 1:
                raise Apart(f"experts of `{name}` would have a different {entry.split('_')[0]}")
        joined = {name: value for name, (value,) in values.items() if value is not None}
        if pattern:
            folder.config[entry] = joined
