"""A folder that peft wrote for a method of its own → a compiled adapter."""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from qcompile.artifact.layout import state_name
from qcompile.artifact.peft_folder import CONFIG, PREFIX, WEIGHTS, config_of
from qcompile.artifact.safetensors_file import load_tensors, read_header
from qcompile.diagnostics.errors import ArtifactError, few
from qcompile.diagnostics.message import Message
from qcompile.diagnostics.messages.artifact import TensorMismatch
from qcompile.diagnostics.messages.peft import BaseSizesUnknown, FieldNotRead, MethodNotRead
from qcompile.diagnostics.nearest import nearest
from qcompile.diagnostics.source import Source
from qcompile.driver.options import Options
from qcompile.driver.peft_methods.attention import projections
from qcompile.driver.peft_methods.method import (
    NOTHING,
    Config,
    PeftMethod,
    PeftModule,
    Piece,
    Unreadable,
)
from qcompile.driver.peft_methods.table import COMMON_FIELDS, METHODS_OF_PEFT
from qcompile.driver.phases import compile_source
from qcompile.ir.compilation import ModelInfo, ModuleInfo
from qcompile.ir.hosts import HOST_KINDS, LINEAR_HOST, HostSizes

if TYPE_CHECKING:
    from torch import Tensor

    from qcompile.adapter import CompiledAdapter


def is_foreign(path: str) -> bool:
    """Whether a path is a folder of peft that holds no adapter of qcompile."""
    if not os.path.isdir(path) or not os.path.exists(os.path.join(path, CONFIG)):
        return False
    return config_of(Path(path)).get("peft_type") != "QCOMPILE"


def adapter_from_peft(path: str | Path, *, model: str | None = None) -> CompiledAdapter:
    """An adapter that computes what peft's does, with the same tensors.

    Args:
        path: The folder with adapter_config.json and adapter_model.safetensors.
        model: A config.json of the base model, or a folder with one; needed where the tensors do
            not say the sizes of their modules.

    Raises:
        ArtifactError: QA5001 to QA5011; QA6223 for a method that no spec here computes, QA6225 for
            settings of one, QA6227 where `model` is needed.
        CompileError: The model has no such modules.
    """
    from qcompile.adapter import CompiledAdapter

    config = config_of(Path(path))
    kind = str(config.get("peft_type"))
    method = METHODS_OF_PEFT.get(kind)
    if method is None:
        known = tuple(row.name for row in METHODS_OF_PEFT.values())
        near = nearest(kind, METHODS_OF_PEFT)
        raise ArtifactError(MethodNotRead(path=str(path), kind=kind, known=known, candidates=near))
    _check_fields(str(path), config, method)
    pieces = _pieces(str(Path(path) / WEIGHTS), config, method, model)
    info = None
    if model is None:
        info = _info(str(path), pieces)
    text = _text(kind.lower(), pieces, config)
    source = Source(f"{Path(path).name}.qa", text)
    compilation = compile_source(source, Options(model=model), model=info)
    start = CompiledAdapter(compilation.manifest)
    state: dict[str, Tensor] = {}
    problems: list[Message] = []
    for site, part in start.parts():
        for tensor in part.plan.tensors:
            value = pieces[site.module].tensors.get(tensor.name)
            if value is None:
                # It is drawn, or the weight will start it.
                continue
            if tuple(value.shape) != tensor.shape:
                problem = f"has shape {tuple(value.shape)}, not {tensor.shape}"
                name = f"{site.module} ({tensor.name})"
                problems.append(TensorMismatch(path=str(path), tensor=name, problem=problem))
            state[state_name(site, tensor)] = value
    if problems:
        raise ArtifactError(*few(problems))
    base, task = (config.get(name) or None for name in ("base_model_name_or_path", "task_type"))
    manifest = replace(compilation.manifest, base_model=base, task_type=task)
    return CompiledAdapter.from_state(manifest, state)


def _check_fields(path: str, config: Config, method: PeftMethod) -> None:
    problems = []
    known = COMMON_FIELDS.union(method.fields.split())
    for name, value in config.items():
        if name in method.fixed:
            fits = value in method.fixed[name]
        else:
            fits = name in known or value in NOTHING
        if not fits:
            shown = json.dumps(value)
            allowed = tuple(json.dumps(item) for item in method.fixed.get(name, ()))
            problems.append(
                FieldNotRead(
                    path=path, field=name, value=shown, method=method.name, allowed=allowed
                )
            )
    if problems:
        raise ArtifactError(*few(problems))


def _places(model: str, method: PeftMethod) -> dict[str, PeftModule]:
    """All modules of the model, by name."""
    from qcompile.models.norms import norm_form
    from qcompile.models.skeleton import model_on_meta, read_model

    built = model_on_meta(model) if "norm" in method.hosts else None
    found = {}
    for module in read_model(model).modules:
        name, sizes = module.name, module.host_sizes
        if sizes is None or sizes.kind not in method.hosts:
            found[name] = PeftModule(name=name)
            continue
        found[name] = PeftModule(
            name=name,
            in_features=sizes.in_features,
            out_features=sizes.out_features,
            host=sizes.kind,
            norm=None if built is None else norm_form(built.get_submodule(name)),
        )
    return found


def _pieces(path: str, config: Config, method: PeftMethod, model: str | None) -> dict[str, Piece]:
    """The part of each module, by its name."""
    places = None if model is None else _places(model, method)
    header = read_header(path)
    integers = {key for key in header.shapes if key.rpartition(".")[2] in method.integers}
    loaded = load_tensors(path, header, header.shapes, integers)
    shared: dict[str, Tensor] = {}
    modules: dict[str, dict[str, Tensor]] = {}
    problems: list[Message] = []
    for key, tensor in loaded.items():
        name = key.removeprefix(PREFIX)
        last = key.rpartition(".")[2]
        if last in method.shared:
            shared[last] = tensor
            continue
        # `lora_A.weight` is of a module inside the layer, `ia3_l` a parameter of the layer itself.
        found = re.fullmatch(r"(.+?)\.((?:lora|oft|psoft|ln_tuning)_\w+\.\w+|\w+)", name)
        module, plain = found.groups() if found is not None else (name, "")
        if module.endswith(".base_layer") and plain in ("weight", "bias"):
            # peft saves the base weights of embeddings with adapters as well.
            continue
        modules.setdefault(module, {})[plain] = tensor
    try:
        modules = projections(config, modules)
    except Unreadable as unreadable:
        problem = str(unreadable)
        raise ArtifactError(
            TensorMismatch(path=path, tensor="attention", problem=problem)
        ) from None
    modules = _split(path, config, method, model, modules)
    pieces = {}
    for module, tensors in sorted(modules.items()):
        given = dict(tensors) | shared
        place = PeftModule(name=module) if places is None else places.get(module)
        if method.needs_model and places is None:
            raise ArtifactError(BaseSizesUnknown(path=path, module=module))
        try:
            if place is None or (method.needs_model and place.host is None):
                kinds = " or ".join(HOST_KINDS[kind].split(" ", 1)[1] for kind in method.hosts)
                raise Unreadable(f"is of no {kinds} of the model")
            pieces[module] = method.read(config, place, given)
        except KeyError as missing:
            problem = f"has no tensor {missing} of {method.name}"
            problems.append(TensorMismatch(path=path, tensor=module, problem=problem))
            continue
        except Unreadable as unreadable:
            problem = str(unreadable)
            problems.append(TensorMismatch(path=path, tensor=module, problem=problem))
            continue
        problems += [
            TensorMismatch(path=path, tensor=f"{module}.{rest}", problem=f"is not of {method.name}")
            for rest in sorted(given.keys() - shared.keys())
        ]
    if problems:
        raise ArtifactError(*few(problems))
    return pieces


def _split(
    path: str,
    config: Config,
    method: PeftMethod,
    model: str | None,
    modules: dict[str, dict[str, Tensor]],
) -> dict[str, dict[str, Tensor]]:
    """Tensors by the modules here, where those of peft's file are wrapped parameters."""
    from qcompile.models.skeleton import model_on_meta

    if method.split is None or not config.get("target_parameters"):
        return modules
    if model is None:
        raise ArtifactError(BaseSizesUnknown(path=path, module=min(modules, default="")))
    try:
        return method.split(config, model_on_meta(model), modules)
    except (Unreadable, KeyError) as error:
        problem = str(error)
        raise ArtifactError(TensorMismatch(path=path, tensor="experts", problem=problem)) from None


def _info(path: str, pieces: Mapping[str, Piece]) -> ModelInfo:
    """The modules that the tensors speak of."""
    modules = []
    for name, piece in pieces.items():
        if piece.in_features is None or piece.out_features is None:
            raise ArtifactError(BaseSizesUnknown(path=path, module=name))
        linear = piece.host == LINEAR_HOST
        widths = piece.in_features, piece.out_features
        number = re.search(r"(?:^|\.)(\d+)(?:\.|$)", name)
        modules.append(
            ModuleInfo(
                name=name,
                kind="Linear" if linear else piece.host,
                in_features=piece.in_features if linear else None,
                out_features=piece.out_features if linear else None,
                layer=int(number[1]) if number else None,
                host=None if linear else HostSizes(piece.host, *widths),
            )
        )
    sizes = [(name, it.in_features, it.out_features) for name, it in pieces.items()]
    return ModelInfo(
        architecture="",
        source=Path(path).name,
        digest=hashlib.sha256(json.dumps(sizes).encode()).hexdigest(),
        modules=tuple(modules),
        parameters=sum(inner * outer for _, inner, outer in sizes if inner and outer),
    )


def _text(name: str, pieces: Mapping[str, Piece], config: Config) -> str:
    """A spec with one adapter for all modules of one body."""
    groups: dict[str, list[str]] = {}
    for module, piece in pieces.items():
        groups.setdefault(piece.body, []).append(module)
    adapters = []
    for number, (body, modules) in enumerate(groups.items(), 1):
        own = name if number == 1 else f"{name}_{number}"
        patterns = ", ".join(f'"{pattern}"' for pattern in _patterns(modules, config))
        adapters.append(f"adapter {own}() {{\n    attach {patterns}\n{body.lstrip(chr(10))}\n}}\n")
    return "qa 1\n\n" + "\n".join(adapters)


def _patterns(modules: list[str], config: Config) -> list[str]:
    """Names of modules; one pattern for a module of all layers."""
    if config.get("layers_to_transform") is not None:
        return modules
    found: list[str] = []
    forms: dict[str, list[str]] = {}
    for module in modules:
        forms.setdefault(re.sub(r"(?<=\.)\d+(?=\.|$)", "*", module), []).append(module)
    for form, names in forms.items():
        numbers = [re.findall(r"(?<=\.)\d+(?=\.|$)", name) for name in names]
        counts = [len(set(column)) for column in zip(*numbers, strict=True)]
        from_zero = all(int(it) < n for row in numbers for it, n in zip(row, counts, strict=True))
        whole = from_zero and math.prod(counts) == len(names) and len(names) > 1
        found += [form] if whole else names
    return found
