"""The folder that peft reads: adapter_config.json and adapter_model.safetensors.

peft itself is not needed to write or read it.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qcompile.artifact.atomic import check_output, write_in_folder
from qcompile.artifact.check import bounded_json, checked_manifest
from qcompile.artifact.digest import state_digest
from qcompile.artifact.layout import state_name
from qcompile.artifact.manifest import Manifest
from qcompile.artifact.read import read_bytes
from qcompile.artifact.safetensors_file import load_tensors, read_header
from qcompile.diagnostics.errors import ArtifactError, UsageError, few
from qcompile.diagnostics.messages.artifact import (
    ArtifactNotFound,
    DigestMismatch,
    ForeignFolder,
    ManifestMalformed,
    NotAnArchive,
    TensorMismatch,
)
from qcompile.diagnostics.messages.usage import OutputNotWritable
from qcompile.ir.codec import canonical_json
from qcompile.ir.compilation import PlannedSet, Site
from qcompile.ir.hosts import LINEAR_HOST, PARAMETER_HOSTS, parameter_of, target_name

if TYPE_CHECKING:
    import torch

CONFIG = "adapter_config.json"
WEIGHTS = "adapter_model.safetensors"
PREFIX = "base_model.model."
CORE = "qcompile_core"
"""The attribute of peft's layer that holds the parts."""
ATTENTION = "attention_prefix"
"""The attribute of an attention module that holds its prefixes."""
BESIDE = "beside_output"
"""The attribute of a module that is no linear map, with what changes its output."""
PARAMETERS = "beside_parameters"
"""What holds those of the parameters of a module of experts, or of a router."""


def folder_keys(planned: PlannedSet) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Key in adapter_model.safetensors → name of the stored tensor, and its shape.

    A tensor that several modules share stands there once for each, as peft stores it.
    """
    return {
        f"{PREFIX}{_holder(planned, site)}.{CORE}.{site.adapter}.{tensor.name}": (
            state_name(site, tensor),
            tensor.shape,
        )
        for site in planned.sites
        for tensor in planned.plans[site.unit].tensors
    }


def _holder(planned: PlannedSet, site: Site) -> str:
    """The module that holds the parts of a site: its layer, or what stands in the module."""
    plan = planned.plans[site.unit]
    if plan.mode == "prefix":
        return f"{site.module}.{ATTENTION}"
    if plan.host in PARAMETER_HOSTS:
        module, parameter, expert = parameter_of(site.module, plan.host)
        return f"{module}.{PARAMETERS}.{target_name(parameter, expert)}"
    return site.module if plan.host == LINEAR_HOST else f"{site.module}.{BESIDE}"


def write_peft_folder(
    path: str | Path, manifest: Manifest, state: Mapping[str, torch.Tensor]
) -> None:
    """Write a folder that `PeftModel.from_pretrained` reads after `import qcompile.peft`.

    Raises:
        UsageError: QA0013, QA0014.
    """
    planned = manifest.planned
    tensors = {key: state[name].detach() for key, (name, _) in folder_keys(planned).items()}
    config = {
        "peft_type": "QCOMPILE",
        "spec": manifest.sources[0].text if manifest.sources else "",
        "seed": planned.seed,
        "tokens": manifest.tokens,
        "target_modules": sorted({site.module for site in planned.sites}),
        "plan": canonical_json(manifest),
    }
    if manifest.base_model is not None:
        config |= {"base_model_name_or_path": manifest.base_model, "task_type": manifest.task_type}
    digests = {"settings": settings_digest(config), "tensors": tensors_digest(tensors)}
    write_folder(path, {**config, "digests": digests}, tensors)


def write_folder(
    path: str | Path, config: Mapping[str, Any], tensors: Mapping[str, torch.Tensor]
) -> None:
    """Write configuration and tensors: both, or the folder is as it was before.

    Raises:
        UsageError: QA0013, QA0014.
    """
    from safetensors.torch import save

    check_folder(path)
    data = save({key: tensor.to("cpu").contiguous().clone() for key, tensor in tensors.items()})
    text = json.dumps(config, indent=2, sort_keys=True)
    write_in_folder(path, {WEIGHTS: data, CONFIG: f"{text}\n".encode()})


def check_folder(path: str | Path, names: Iterable[str] = (WEIGHTS, CONFIG)) -> None:
    """Everything about a folder to write files to that can be known beforehand.

    Raises:
        UsageError: QA0013, QA0014.
    """
    folder = Path(path)
    try:
        mode = folder.stat().st_mode
    except FileNotFoundError:
        if os.path.islink(folder):
            reason = f"it is a link to {os.path.realpath(folder)}, which does not exist"
            raise UsageError(OutputNotWritable(path=str(path), reason=reason)) from None
        check_output(folder)
    except NotADirectoryError:
        check_output(folder)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(OutputNotWritable(path=str(path), reason=reason)) from None
    else:
        if not stat.S_ISDIR(mode):
            raise UsageError(OutputNotWritable(path=str(path), reason="it is no folder"))
        for name in names:
            check_output(folder / name)


LARGEST_CONFIG = 64 * 2**20
"""Bytes of adapter_config.json, which holds the manifest."""

SETTINGS = (
    "control",
    "exclude_modules",
    "layers_pattern",
    "layers_to_transform",
    "modules_to_save",
    "parameters",
    "plan",
    "seed",
    "spec",
    "target",
    "target_modules",
    "tokens",
)
"""Entries of the configuration that are ours; peft and its users change the others. The level of
optimisation is left out: it is no fact of an adapter that is compiled."""


def settings_digest(config: Mapping[str, Any]) -> str:
    """sha256 of the canonical JSON of those `SETTINGS` that hold anything; lists are sorted."""
    kept = {
        name: sorted(value, key=str) if isinstance(value, (list, set, tuple)) else value
        for name in SETTINGS
        if (value := config.get(name)) not in (None, False, {}, [])
    }
    text = json.dumps(kept, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def tensors_digest(tensors: Mapping[str, torch.Tensor]) -> str:
    """`state_digest` of the adapter's tensors, by their keys without peft's first words.

    Tensors of other modules are left out: transformers and peft store them differently.
    """
    return state_digest(
        {key.removeprefix(PREFIX): tensor for key, tensor in tensors.items() if f".{CORE}." in key}
    )


def check_settings_digest(path: str, config: Mapping[str, Any]) -> str | None:
    """The digest that the configuration states of the tensors; None in files without digests.

    Raises:
        ArtifactError: QA5007, QA5008.
    """
    digests = config.get("digests")
    if digests is None:
        return None
    if not isinstance(digests, dict) or any(not isinstance(it, str) for it in digests.values()):
        raise ArtifactError(ManifestMalformed(path=path, reason="its digests are no texts"))
    if digests.get("settings") != settings_digest(config):
        raise ArtifactError(DigestMismatch(path=path, part="configuration"))
    stated: str | None = digests.get("tensors")
    return stated


def read_peft_folder(path: str | Path) -> tuple[Manifest, dict[str, torch.Tensor]]:
    """The manifest and the tensors of a folder that peft or `write_peft_folder` wrote.

    Raises:
        ArtifactError: QA5001 to QA5011; QA5009 also for tensors beside the adapter's own, such
            as those of `modules_to_save`, which a compiled adapter cannot hold.
    """
    manifest, state, _ = _read(Path(path), ())
    return manifest, state


def read_with_modules(
    path: str | Path,
) -> tuple[Manifest, dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    """The same, and the tensors of `modules_to_save` by their names in the model.

    Raises:
        ArtifactError: QA5001 to QA5011.
    """
    listed = _config(Path(path)).get("modules_to_save")
    names = listed if isinstance(listed, list) else []
    return _read(Path(path), tuple(name for name in names if isinstance(name, str)))


def _read(
    folder: Path, modules: tuple[str, ...]
) -> tuple[Manifest, dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    plan, stated = _plan(folder)
    manifest = checked_manifest(str(folder), plan)
    weights = str(folder / WEIGHTS)
    keys = folder_keys(manifest.planned)
    header = read_header(weights)
    saved = {
        key: shape
        for key, shape in header.shapes.items()
        if key not in keys and _is_inside(key.removeprefix(PREFIX), modules)
    }
    shapes = {key: shape for key, (_, shape) in keys.items()}
    tensors = load_tensors(weights, header, {**shapes, **saved})
    beside = {key.removeprefix(PREFIX): tensors.pop(key) for key in saved}
    if stated is not None and tensors_digest(tensors) != stated:
        raise ArtifactError(DigestMismatch(path=weights, part="state"))
    state: dict[str, torch.Tensor] = {}
    problems = []
    for key, (name, _) in keys.items():
        if not _same_bits(state.setdefault(name, tensors[key]), tensors[key]):
            problem = "differs between modules that share it"
            problems.append(TensorMismatch(path=weights, tensor=key, problem=problem))
    if problems:
        raise ArtifactError(*few(problems))
    return manifest, state, beside


def _is_inside(tensor: str, modules: tuple[str, ...]) -> bool:
    """Whether a tensor is of a module whose name ends as one of these, as peft chooses them."""
    parts = tensor.split(".")
    return any(".".join(parts[:end]).endswith(modules) for end in range(1, len(parts)))


def _same_bits(one: torch.Tensor, other: torch.Tensor) -> bool:
    """Whether two tensors of one shape are the same, also where they hold no numbers."""
    import torch

    bits = [tensor.contiguous().reshape(-1).view(torch.uint8) for tensor in (one, other)]
    return one.dtype == other.dtype and torch.equal(*bits)


def check_weights(
    folder: str | Path,
    planned: PlannedSet,
    stated: str | None,
    saved: Mapping[str, tuple[int, ...]],
) -> None:
    """Whether a folder's tensors, where it has any, are those of the plan.

    Nothing else may stand beside them but the modules that were saved in full: peft would put any
    other tensor into the base model.

    Args:
        folder: Holds adapter_model.safetensors.
        planned: The plan.
        saved: Key → shape of what must stand beside the adapter's tensors: `modules_to_save`.
        stated: The digest of the tensors; without one, none of them is read.

    Raises:
        ArtifactError: QA5003, QA5008, QA5009.
    """
    from safetensors import SafetensorError, safe_open

    path = str(Path(folder) / WEIGHTS)
    if not os.path.exists(path):
        return
    shapes = read_header(path).shapes
    found = {key: shape for key, shape in shapes.items() if f".{CORE}." in key}
    wanted = {key: shape for key, (_, shape) in folder_keys(planned).items()}
    problems = [
        TensorMismatch(path=path, tensor=key, problem=problem)
        for key, problem in mismatches(shapes, {**wanted, **saved})
    ]
    if problems:
        raise ArtifactError(*few(problems))
    if stated is not None:
        try:
            with safe_open(path, framework="pt") as file:
                tensors = {key: file.get_tensor(key) for key in found}
        except SafetensorError as error:
            reason = f"it is no safetensors file, or a damaged one ({error})"
            raise ArtifactError(NotAnArchive(path=path, reason=reason)) from None
        if tensors_digest(tensors) != stated:
            raise ArtifactError(DigestMismatch(path=path, part="state"))


def mismatches(
    found: Mapping[str, tuple[int, ...]], wanted: Mapping[str, tuple[int, ...]]
) -> list[tuple[str, str]]:
    """(name, what is wrong with it) for tensors by their names and shapes."""
    return [
        *((key, "is missing") for key in wanted if key not in found),
        *((key, "is not part of the plan") for key in found if key not in wanted),
        *(
            (key, f"has shape {found[key]}, not {shape}")
            for key, shape in wanted.items()
            if key in found and found[key] != shape
        ),
    ]


def base_of(path: str | Path) -> tuple[str | None, str | None]:
    """Name of the base model and of the task that a folder states, such as peft's.

    Raises:
        ArtifactError: QA5001, QA5007, QA5011.
    """
    config = _config(Path(path))
    names = (config.get("base_model_name_or_path"), config.get("task_type"))
    base, task = (name if isinstance(name, str) and name else None for name in names)
    return base, task


def _plan(folder: Path) -> tuple[str, str | None]:
    """The plan, and the digest of the tensors where it is stated."""
    config = _config(folder)
    file = str(folder / CONFIG)
    plan = config.get("plan")
    if not isinstance(plan, str):
        raise ArtifactError(ManifestMalformed(path=file, reason="it has no plan"))
    return plan, check_settings_digest(file, config)


def _config(folder: Path) -> dict[str, Any]:
    config = config_of(folder)
    if config["peft_type"] != "QCOMPILE":
        found = f"peft_type {config['peft_type']}"
        raise ArtifactError(ForeignFolder(path=str(folder), found=found))
    return config


def config_of(folder: Path) -> dict[str, Any]:
    """The configuration in a folder of peft, of any method.

    Raises:
        ArtifactError: QA5001, QA5007, QA5011.
    """
    file = folder / CONFIG
    if not os.path.exists(file):
        raise ArtifactError(ArtifactNotFound(path=str(file)))
    data = read_bytes(str(file), LARGEST_CONFIG + 1)
    if len(data) > LARGEST_CONFIG:
        raise ArtifactError(ManifestMalformed(path=str(file), reason="it is too large"))
    try:
        config = bounded_json(str(file), data)
    except ArtifactError:
        raise
    except ValueError:
        raise ArtifactError(ForeignFolder(path=str(folder), found="no JSON")) from None
    if not isinstance(config, dict) or not isinstance(config.get("peft_type"), str):
        kind = config.get("peft_type") if isinstance(config, dict) else None
        raise ArtifactError(ForeignFolder(path=str(folder), found=f"peft_type {kind}"))
    found: dict[str, Any] = config
    return found
