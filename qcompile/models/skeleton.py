"""A model built from its configuration on the meta device: names and sizes, no weights."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from qcompile.diagnostics.errors import CompileError
from qcompile.diagnostics.messages.models import (
    ModelConfigMalformed,
    ModelNotBuilt,
    ModelTypeUnknown,
)
from qcompile.diagnostics.nearest import nearest
from qcompile.diagnostics.quiet import quiet
from qcompile.diagnostics.source import Span
from qcompile.ir.compilation import ModelInfo, ModuleInfo
from qcompile.ir.hosts import LINEAR_HOST
from qcompile.models.attached import own_modules, own_parameters
from qcompile.models.attention import attention_sizes
from qcompile.models.config import config_digest, read_config, without_code
from qcompile.models.heads import Heads, heads_of
from qcompile.models.hosts import host_sizes
from qcompile.models.obstacles import obstacles
from qcompile.models.packed import projection_sizes
from qcompile.models.parameters import TIED_EXPERTS, parameter_places
from qcompile.models.roles import linear_role, roles

if TYPE_CHECKING:
    import torch


MOST_MODULES = 20_000
"""Modules of a model; building one takes time for each."""


def read_model(path: str, span: Span | None = None) -> ModelInfo:
    """Names and sizes of the modules of the model that a configuration describes.

    The model is built on the meta device with the class that `architectures` names, or as a
    causal language model; nothing is downloaded and no code of the model's own is run.

    Args:
        path: A config.json or a folder that holds one.
        span: Where the source names it, for diagnostics.

    Raises:
        CompileError: QA7001 to QA7005.
    """
    _, config = read_config(path, span)
    model = _build(path, config, span)
    return ModelInfo(
        architecture=type(model).__name__,
        source=path,
        digest=config_digest(config),
        modules=module_infos(model),
        parameters=_count(model),
    )


def model_on_meta(path: str, changes: Mapping[str, object] | None = None) -> torch.nn.Module:
    """The model itself as `read_model` builds it, without weights.

    Args:
        path: A config.json or a folder that holds one.
        changes: Entries of the configuration that are others than there.

    Raises:
        CompileError: QA7001 to QA7005.
    """
    _, config = read_config(path)
    return _build(path, {**config, **(changes or {})}, None)


def describe_model(model: torch.nn.Module) -> ModelInfo:
    """The same facts of a model that exists already, without adapters that are attached to it."""
    modules = module_infos(model)
    configuration: Any = getattr(model, "config", None)
    settings: dict[str, object]
    if hasattr(configuration, "to_dict"):
        settings = configuration.to_dict()
    else:
        settings = {"modules": [[m.name, m.kind, m.in_features, m.out_features] for m in modules]}
    return ModelInfo(
        architecture=type(model).__name__,
        source=f"<{type(model).__name__}>",
        digest=config_digest(settings),
        modules=modules,
        parameters=_count(model),
    )


def module_infos(model: torch.nn.Module) -> tuple[ModuleInfo, ...]:
    """Every named module of a model with the sizes of those that are linear maps.

    So are the projections of torch's attention, which `attach` makes modules.
    """
    infos = []
    unsuited = obstacles(model)
    named = {name: module for name, module in own_modules(model).items() if name}
    hosts = {name: host_sizes(module) for name, module in named.items()}
    held = roles(model, {name: found.kind for name, found in hosts.items() if found is not None})
    heads: dict[str, Heads | None] = {"": heads_of(model, None)}
    for name, module in named.items():
        heads[name] = heads_of(module, heads[name.rpartition(".")[0]])
        obstacle = unsuited.get(id(module))
        found = hosts[name] if obstacle is None else None
        linear = found if found is not None and found.kind == LINEAR_HOST else None
        places = tuple(parameter_places(name, module))
        layer = next((int(part) for part in name.split(".") if part.isdigit()), None)
        infos.append(
            ModuleInfo(
                name=name,
                kind=type(module).__name__,
                in_features=None if linear is None else linear.in_features,
                out_features=None if linear is None else linear.out_features,
                layer=layer,
                attention=attention_sizes(module, name),
                heads=heads[name],
                obstacle=None if obstacle is None else obstacle.reason,
                obstacle_kind=LINEAR_HOST if obstacle is None else obstacle.kind,
                stacked=tuple(it.name for it in places if it.role == TIED_EXPERTS),
                role=held.get(name),
                host=None if linear is not None else found,
            )
        )
        infos += [
            ModuleInfo(
                name=f"{name}.{projection}",
                kind="Linear",
                in_features=sizes[0],
                out_features=sizes[1],
                layer=layer,
                heads=heads[name],
                role=linear_role(f"{name}.{projection}"),
            )
            for projection, sizes in projection_sizes(module).items()
        ]
        infos += [
            ModuleInfo(
                name=f"{name}.{place.name}",
                kind=type(module).__name__,
                in_features=None,
                out_features=None,
                layer=layer,
                role=place.role,
                host=place.sizes,
            )
            for place in places
        ]
    return tuple(infos)


def _count(model: torch.nn.Module) -> int:
    """Elements of all parameters that have a shape already."""
    from torch.nn.parameter import is_lazy

    return sum(p.numel() for p in own_parameters(model) if not is_lazy(p))


def _build(path: str, config: dict[str, object], span: Span | None) -> torch.nn.Module:
    model_type = config.get("model_type")
    if not isinstance(model_type, str):
        reason = "it has no `model_type`"
        raise CompileError(ModelConfigMalformed(path=path, reason=reason, span=span))
    with quiet():
        import torch
        import transformers
        from transformers.models.auto.configuration_auto import CONFIG_MAPPING_NAMES

        if model_type not in CONFIG_MAPPING_NAMES:
            raise CompileError(
                ModelTypeUnknown(
                    path=path,
                    model_type=model_type,
                    version=transformers.__version__,
                    candidates=nearest(model_type, tuple(CONFIG_MAPPING_NAMES)),
                    span=span,
                )
            )
        settings = without_code(config)
        del settings["model_type"]
        # Some versions of transformers refuse what is no list of names.
        architectures = settings.pop("architectures", None)
        names = architectures if isinstance(architectures, list) else []
        try:
            configuration = transformers.AutoConfig.for_model(model_type, **settings)
            with torch.device("meta"), _offline(), _few_modules():
                return _instance(transformers, configuration, names)
        except Exception as error:
            # Configuration classes raise whatever their arithmetic runs into.
            reason = " ".join(str(error).split()) or type(error).__name__
            raise CompileError(ModelNotBuilt(path=path, reason=reason, span=span)) from None


def _instance(transformers: Any, configuration: Any, names: list[object]) -> torch.nn.Module:
    for name in names:
        kind = getattr(transformers, name, None) if isinstance(name, str) else None
        if isinstance(kind, type) and issubclass(kind, transformers.PreTrainedModel):
            model: torch.nn.Module = kind(configuration)
            return model
    for auto in (transformers.AutoModelForCausalLM, transformers.AutoModel):
        if type(configuration) in auto._model_mapping:
            built: torch.nn.Module = auto.from_config(configuration)
            return built
    raise ValueError("transformers has no model for this configuration")


@contextlib.contextmanager
def _offline() -> Iterator[None]:
    """Some classes look for a pretrained backbone; none is wanted."""
    from huggingface_hub import constants

    before = constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before


@contextlib.contextmanager
def _few_modules() -> Iterator[None]:
    """Stop a model that grows without end, whatever its configuration calls its layers."""
    from torch.nn.modules.module import register_module_module_registration_hook

    count = 0

    def check(*_: object) -> None:
        nonlocal count
        count += 1
        if count > MOST_MODULES:
            raise ValueError(f"it has more than {MOST_MODULES} modules")

    hook = register_module_module_registration_hook(check)
    try:
        yield
    finally:
        hook.remove()
