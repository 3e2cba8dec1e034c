"""A folder that transformers loads as the base model with an adapter attached.

`config.json` is the base's own, and names the base and the module of `MODULE`, which transformers
runs where `trust_remote_code` allows it. All that the module does is to call `load_served`.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from qcompile.adapter.arguments import check_compiled
from qcompile.adapter.attach import attach
from qcompile.adapter.compiled import CompiledAdapter
from qcompile.adapter.load import load
from qcompile.adapter.packed import open_attention
from qcompile.adapter.places import find_places
from qcompile.adapter.served_base import BASE, WEIGHTS, first_architecture, served_base
from qcompile.artifact.atomic import write_in_folder
from qcompile.artifact.peft_folder import CONFIG, check_folder
from qcompile.artifact.safetensors_file import safetensors_bytes
from qcompile.diagnostics.arguments import check_path
from qcompile.diagnostics.errors import AdapterError, UsageError
from qcompile.diagnostics.messages.serving import BaseNotLoaded, BaseNotServable
from qcompile.diagnostics.messages.usage import OutputNotWritable
from qcompile.diagnostics.quiet import quiet
from qcompile.models.auto_classes import class_of

MODULE = "qcompile_model"
CLASS = f"{MODULE}.ModelWithAdapter"
ADAPTER = "adapter.safetensors"
MODULES = "modules.safetensors"
SAVED = "qcompile_modules"
"""The entry of config.json with the name of that file, where it is there."""

CODE = '''"""Loads the base model that config.json names, and attaches adapter.safetensors to it."""

from qcompile.adapter.served import load_served


class ModelWithAdapter:
    @classmethod
    def register_for_auto_class(cls, auto_class=None):
        """transformers calls it; nothing is registered."""

    @classmethod
    def from_pretrained(cls, folder, *arguments, config, **options):
        return load_served(folder, config, options)
'''

TOKENIZER = (
    "added_tokens.json",
    "chat_template.jinja",
    "generation_config.json",
    "merges.txt",
    "special_tokens_map.json",
    "spiece.model",
    "tokenizer.json",
    "tokenizer.model",
    "tokenizer_config.json",
    "vocab.json",
    "vocab.txt",
)
"""Small files of a base that are copied, so that the folder has its tokenizer."""

WRITTEN = (f"{MODULE}.py", ADAPTER, MODULES, "config.json")

_OF_THE_FOLDER = ("revision", "subfolder", "adapter_kwargs", "trust_remote_code", "_from_auto")
"""Options of `from_pretrained` that are about the folder, not about its base."""


def write_served(
    adapter: CompiledAdapter,
    folder: str | Path,
    *,
    base: str | Path,
    modules: Mapping[str, Tensor] | None = None,
    task: str | None = None,
) -> None:
    """Write a folder for `from_pretrained(folder, trust_remote_code=True)` of the base's kind.

    That is every auto class of transformers, `AutoModelForSequenceClassification` for one, that
    gives the class of which the base is, so that its head is the one of the base. The weights of
    the base are not copied: the folder names where they are, relative to itself where they are
    inside it.

    Args:
        adapter: As it is now.
        folder: Made where it is not there.
        base: The folder of the base model, with its config.json and its weights.
        modules: Tensors that were trained and saved in full beside the adapter, such as those of a
            head, by their names in the model; see `load_with_modules`.
        task: peft's `task_type`, such as SEQ_CLS: with modules, the head that the model has.

    Raises:
        AdapterError: QA7305; QA6001 to QA6004 and others of `attach`: it is for another model.
        CompileError: QA7001 to QA7005.
        UsageError: QA0013, QA0014, QA6013. Nothing is written after any of them.
    """
    from safetensors.torch import save

    check_compiled("write_served", adapter)
    output = Path(check_path("write_served", "folder", folder))
    source = Path(check_path("write_served", "base", base))
    saved = dict(modules or {})
    found = served_base(source, task or adapter.manifest.task_type, saved)
    if output.exists() and os.path.samefile(output, source):
        raise AdapterError(BaseNotServable(base=str(base), reason="it is the folder to write"))
    _check_output(output)
    open_attention(found.model, [site.module for site in adapter.sites])
    find_places(found.model, adapter)
    files = {name: (source / name).read_bytes() for name in TOKENIZER if (source / name).is_file()}
    config = {
        **found.config,
        "auto_map": dict.fromkeys(found.kinds, CLASS),
        BASE: _reference(source, output),
    }
    if saved:
        config[SAVED] = MODULES
        files[MODULES] = save({name: tensor.contiguous() for name, tensor in saved.items()})
    write_in_folder(
        output,
        {
            **files,
            ADAPTER: safetensors_bytes(adapter.manifest, adapter.stored_state()),
            f"{MODULE}.py": CODE.encode(),
            "config.json": f"{json.dumps(config, indent=2, sort_keys=True)}\n".encode(),
        },
    )


def _check_output(folder: Path) -> None:
    check_folder(folder, (*WRITTEN, *TOKENIZER))
    for pattern in (*WEIGHTS, CONFIG):
        for found in sorted(folder.glob(pattern)):
            reason = f"transformers would load {found.name}, which is there, instead"
            raise UsageError(OutputNotWritable(path=str(folder), reason=reason))


def _reference(base: Path, folder: Path) -> str:
    whole, inside = base.resolve(), folder.resolve()
    return f"./{whole.relative_to(inside)}" if inside in whole.parents else str(whole)


def load_served(folder: str, config: Any, options: Mapping[str, Any]) -> Any:
    """The base model with the adapter attached, in evaluation mode.

    Args:
        folder: Path, or name on a hub, of what `write_served` wrote.
        config: As transformers read it from the folder; `qcompile_base` may be another base.
        options: Those of `from_pretrained`, for the base.

    Raises:
        AdapterError: QA7306; QA6001 to QA6004 and others of `attach`.
        ArtifactError: QA5001 to QA5011.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file
    from transformers.utils.hub import cached_file

    base = getattr(config, BASE, None)
    if not isinstance(base, str) or not base:
        reason = f"config.json names none as `{BASE}`"
        raise AdapterError(BaseNotLoaded(base=str(base), folder=str(folder), reason=reason))
    saved = getattr(config, SAVED, None) is not None
    for entry in (BASE, SAVED, "auto_map"):
        with contextlib.suppress(AttributeError):
            delattr(config, entry)
    kept = {name: value for name, value in options.items() if name not in _OF_THE_FOLDER}
    of_hub = {"revision": options["revision"]} if options.get("revision") else {}
    of_hub.update({name: kept[name] for name in ("cache_dir", "token") if kept.get(name)})

    # Before the base, which may take minutes.
    def here(name: str) -> str:
        inside = os.path.join(folder, name)
        return inside if os.path.isdir(folder) else str(cached_file(folder, name, **of_hub))

    adapter = load(here(ADAPTER))
    architecture = first_architecture(config.to_dict())
    kind = class_of(architecture)
    if kind is None:
        reason = f"transformers has no model {architecture}, which `architectures` names"
        raise AdapterError(BaseNotLoaded(base=base, folder=str(folder), reason=reason))
    where, place = base, {}
    if base.startswith("./"):
        where, place = folder, {"subfolder": base[2:], **of_hub}
    with_info = kept.pop("output_loading_info", False)
    try:
        # Code of the base's own is not run, whatever is allowed for this folder. transformers
        # would report that the base lacks what was saved beside the adapter.
        with quiet() if saved else contextlib.nullcontext():
            model, info = kind.from_pretrained(
                where,
                **{**kept, **place},
                config=config,
                output_loading_info=True,
            )
        tensors = load_file(here(MODULES)) if saved else {}
        unexpected = model.load_state_dict(tensors, strict=False).unexpected_keys
        if unexpected:
            raise ValueError(f"it has no {unexpected[0]}, which {MODULES} holds")
    except (OSError, RuntimeError, SafetensorError, ValueError) as error:
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        raise AdapterError(BaseNotLoaded(base=base, folder=str(folder), reason=reason)) from error
    missing = sorted(set(info["missing_keys"]) - set(tensors))
    if missing:
        reason = f"its weights lack {missing[0]}"
        if len(missing) > 1:
            reason += f" and {len(missing) - 1} more"
        raise AdapterError(BaseNotLoaded(base=base, folder=str(folder), reason=reason))
    attach(model, adapter)
    return (model, info) if with_info else model
