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

from qcompile.adapter.arguments import check_compiled
from qcompile.adapter.attach import attach
from qcompile.adapter.compiled import CompiledAdapter
from qcompile.adapter.load import load
from qcompile.adapter.packed import open_attention
from qcompile.adapter.places import find_places
from qcompile.artifact.atomic import write_in_folder
from qcompile.artifact.peft_folder import CONFIG, check_folder
from qcompile.artifact.safetensors_file import safetensors_bytes
from qcompile.diagnostics.arguments import check_path
from qcompile.diagnostics.errors import AdapterError, UsageError
from qcompile.diagnostics.messages.serving import BaseNotLoaded, BaseNotServable
from qcompile.diagnostics.messages.usage import OutputNotWritable
from qcompile.models.auto_classes import auto_classes, class_of
from qcompile.models.config import read_config
from qcompile.models.skeleton import model_on_meta

MODULE = "qcompile_model"
CLASS = f"{MODULE}.ModelWithAdapter"
ADAPTER = "adapter.safetensors"
BASE = "qcompile_base"
"""The entry of config.json with the base: a path, `./…` for one inside the folder, or a name."""

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

WEIGHTS = ("model*.safetensors*", "pytorch_model*.bin*")

WRITTEN = (f"{MODULE}.py", ADAPTER, "config.json")

_OF_THE_FOLDER = ("revision", "subfolder", "adapter_kwargs", "trust_remote_code", "_from_auto")
"""Options of `from_pretrained` that are about the folder, not about its base."""


def write_served(adapter: CompiledAdapter, folder: str | Path, *, base: str | Path) -> None:
    """Write a folder for `from_pretrained(folder, trust_remote_code=True)` of the base's kind.

    That is every auto class of transformers, `AutoModelForSequenceClassification` for one, that
    gives the class of which the base is, so that its head is the one of the base. The weights of
    the base are not copied: the folder names where they are, relative to itself where they are
    inside it.

    Args:
        adapter: As it is now.
        folder: Made where it is not there.
        base: The folder of the base model, with its config.json and its weights.

    Raises:
        AdapterError: QA7305; QA6001 to QA6004 and others of `attach`: it is for another model.
        CompileError: QA7001 to QA7005.
        UsageError: QA0013, QA0014, QA6013. Nothing is written after any of them.
    """
    check_compiled("write_served", adapter)
    output = Path(check_path("write_served", "folder", folder))
    source = Path(check_path("write_served", "base", base))
    config, kinds = _base_config(source)
    if output.exists() and os.path.samefile(output, source):
        raise AdapterError(BaseNotServable(base=str(base), reason="it is the folder to write"))
    _check_output(output)
    model = model_on_meta(str(source))
    open_attention(model, [site.module for site in adapter.sites])
    find_places(model, adapter)
    files = {name: (source / name).read_bytes() for name in TOKENIZER if (source / name).is_file()}
    config = {
        **config,
        "auto_map": dict.fromkeys(kinds, CLASS),
        BASE: _reference(source, output),
    }
    write_in_folder(
        output,
        {
            **files,
            ADAPTER: safetensors_bytes(adapter.manifest, adapter.stored_state()),
            f"{MODULE}.py": CODE.encode(),
            "config.json": f"{json.dumps(config, indent=2, sort_keys=True)}\n".encode(),
        },
    )


def _base_config(base: Path) -> tuple[dict[str, object], tuple[str, ...]]:
    """The configuration of a base, and the auto classes of transformers that give its class."""
    _, config = read_config(str(base))
    reason = ""
    kinds: tuple[str, ...] = ()
    if BASE in config:
        reason = "it is such a folder itself; name its base"
    elif not base.is_dir() or not any(next(base.glob(it), None) for it in WEIGHTS):
        reason = "there are no weights beside its config.json"
    elif not (kinds := auto_classes(config.get("model_type"), architecture := _first(config))):
        reason = f"no auto class of transformers gives {architecture or 'a causal language model'}"
        reason += f" for the type {config.get('model_type')}"
    if reason:
        raise AdapterError(BaseNotServable(base=str(base), reason=reason))
    return config, kinds


def _first(config: Mapping[str, object]) -> str | None:
    """The class of the model: what `architectures` names first."""
    names = config.get("architectures")
    return str(names[0]) if isinstance(names, list) and names else None


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
    from transformers.utils.hub import cached_file

    base = getattr(config, BASE, None)
    if not isinstance(base, str) or not base:
        reason = f"config.json names none as `{BASE}`"
        raise AdapterError(BaseNotLoaded(base=str(base), folder=str(folder), reason=reason))
    for entry in (BASE, "auto_map"):
        with contextlib.suppress(AttributeError):
            delattr(config, entry)
    kept = {name: value for name, value in options.items() if name not in _OF_THE_FOLDER}
    of_hub = {"revision": options["revision"]} if options.get("revision") else {}
    of_hub.update({name: kept[name] for name in ("cache_dir", "token") if kept.get(name)})
    # Before the base, which may take minutes.
    here = os.path.join(folder, ADAPTER)
    adapter = load(here if os.path.isdir(folder) else cached_file(folder, ADAPTER, **of_hub))
    architecture = _first(config.to_dict())
    kind = class_of(architecture)
    if kind is None:
        reason = f"transformers has no model {architecture}, which `architectures` names"
        raise AdapterError(BaseNotLoaded(base=base, folder=str(folder), reason=reason))
    where, place = base, {}
    if base.startswith("./"):
        where, place = folder, {"subfolder": base[2:], **of_hub}
    with_info = kept.pop("output_loading_info", False)
    try:
        # Code of the base's own is not run, whatever is allowed for this folder.
        model, info = kind.from_pretrained(
            where,
            **{**kept, **place},
            config=config,
            output_loading_info=True,
        )
    except (OSError, RuntimeError, ValueError) as error:
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        raise AdapterError(BaseNotLoaded(base=base, folder=str(folder), reason=reason)) from error
    missing = sorted(info["missing_keys"])
    if missing:
        reason = f"its weights lack {missing[0]}"
        if len(missing) > 1:
            reason += f" and {len(missing) - 1} more"
        raise AdapterError(BaseNotLoaded(base=base, folder=str(folder), reason=reason))
    attach(model, adapter)
    return (model, info) if with_info else model
