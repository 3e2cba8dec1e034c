"""The configuration that peft saves beside the tensors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import EnumMeta
from pathlib import Path
from typing import Any

import torch
from peft import PeftConfig
from peft.utils.peft_types import PeftType

from qcompile.adapter.compiled import CompiledAdapter
from qcompile.adapter.load import load
from qcompile.artifact.check import checked_manifest
from qcompile.artifact.formats import READ
from qcompile.artifact.manifest import Manifest
from qcompile.artifact.peft_folder import (
    CONFIG,
    check_settings_digest,
    check_weights,
    settings_digest,
    tensors_digest,
)
from qcompile.diagnostics.errors import AdapterError
from qcompile.diagnostics.messages.peft import SpecNotGiven
from qcompile.diagnostics.source import Source
from qcompile.grammar.files import read_source
from qcompile.ir.codec import canonical_json
from qcompile.ir.limits import DEFAULT_OPTIMISATION, DEFAULT_TOKENS
from qcompile.peft.card import complete_card
from qcompile.peft.settings import check_beside_adapter, check_settings

NAME = "QCOMPILE"
FILES = tuple(suffix for suffix in READ if suffix.startswith("."))
"""Of adapters."""

Sizes = tuple[tuple[str, int | None, int | None], ...]
"""Of all modules of a model: name, and in_features and out_features of linear maps."""


def peft_type() -> Any:
    """The member of peft's enumeration of methods; added on the first call."""
    kind: Any = PeftType
    if NAME not in kind.__members__:
        _grow(kind, NAME)
    return kind(NAME)


def _grow(kind: EnumMeta, name: str) -> None:
    # register_peft_method insists on a member, and the enumeration is closed.
    member: Any = str.__new__(kind, name)  # type: ignore[arg-type]
    member._name_ = member._value_ = name
    member.__objclass__ = kind
    member._sort_order_ = len(kind._member_names_)
    kind._member_names_.append(name)
    kind._member_map_[name] = member
    kind._value2member_map_[name] = member
    if not hasattr(kind, name):
        type.__setattr__(kind, name, member)


@dataclass
class QCompileConfig(PeftConfig):  # type: ignore[misc, unused-ignore]
    """What `get_peft_model` needs to know; self-contained once the model is known.

    Compiled on the first use with a model. From then on `plan` holds the frozen result with the
    texts of all source files, and neither the files nor a search are needed again.
    """

    spec: str | CompiledAdapter | None = field(
        default=None,
        metadata={
            "help": "Path of a .qa file, or its text; or a compiled adapter, or the path of one,"
            " with whose tensors it starts."
        },
    )
    parameters: dict[str, bool | int | float | str] = field(
        default_factory=dict, metadata={"help": "Values of parameters, as after -D."}
    )
    target: str | None = field(
        default=None, metadata={"help": "A target of the file, or the name of a device."}
    )
    control: bool = field(
        default=False,
        metadata={"help": "Classical maps with as many parameters in the place of circuits."},
    )
    optimisation: int = field(
        default=DEFAULT_OPTIMISATION, metadata={"help": "Optimisation level, 0 to 3."}
    )
    tokens: int = field(default=DEFAULT_TOKENS, metadata={"help": "Tokens of a step, for costs."})
    seed: int = field(default=0, metadata={"help": "Seed of the initial tensors."})
    target_modules: set[str] | list[str] | str | None = field(
        default=None,
        metadata={"help": "As in LoraConfig; None: the attach patterns of the spec."},
    )
    exclude_modules: set[str] | list[str] | str | None = field(
        default=None, metadata={"help": "Modules to leave alone."}
    )
    layers_to_transform: list[int] | int | None = field(
        default=None, metadata={"help": "Numbers of the layers to adapt."}
    )
    layers_pattern: list[str] | str | None = field(
        default=None, metadata={"help": "Name of the list of layers, where it is unusual."}
    )
    modules_to_save: list[str] | None = field(
        default=None, metadata={"help": "Modules to train and save in full."}
    )
    plan: str | None = field(
        default=None, metadata={"help": "The frozen compilation, canonical JSON."}
    )
    digests: dict[str, str] | None = field(
        default=None, metadata={"help": "Of a saved adapter: sha256 of settings and of tensors."}
    )

    def __post_init__(self) -> None:
        super().__post_init__()  # type: ignore[no-untyped-call, unused-ignore]
        self.peft_type = peft_type()
        self._noted: str | None = None
        self._parsed: tuple[str, Manifest] | None = None
        self.start = _compiled(self.spec)
        """An adapter with whose tensors a new one starts; no field, so that it is not saved."""
        if self.start is not None:
            check_beside_adapter(self)
            manifest = self.start.manifest
            self.keep(manifest)
            self.spec = manifest.sources[0].text if manifest.sources else None
        self._stated = check_settings_digest(CONFIG, asdict(self))
        # They are those of the file; later settings and tensors have others.
        self.digests = None
        check_settings(self)
        if isinstance(self.target_modules, list):
            self.target_modules = set(self.target_modules)
        if isinstance(self.exclude_modules, list):
            self.exclude_modules = set(self.exclude_modules)
        # No fields, so that neither the places nor the parsed plan are saved.
        self.folder: str | None = None
        self.compiled_for: Sizes | None = None
        self._name = "<text>"
        if self.spec is None and self.plan is None:
            raise AdapterError(SpecNotGiven())
        path = self.spec
        if path is not None and self.plan is None and not _is_text(path):
            self._name = str(path)
            # Whatever is no text is taken for a path.
            self.spec = read_source(self._name).text

    def check_tensors(self, saved: Mapping[str, tuple[int, ...]]) -> None:
        """Whether the tensors beside the file that this was read from are those of the plan.

        Args:
            saved: Names and shapes of those of `modules_to_save`.

        Raises:
            ArtifactError: QA5003, QA5008, QA5009.
        """
        manifest = self.manifest()
        if manifest is not None and self.folder is not None:
            check_weights(self.folder, manifest.planned, self._stated, saved)

    def save_pretrained(self, save_directory: str, **kwargs: Any) -> None:
        """As peft does it, with digests; the model card that peft has written learns of the import.

        The digest of the tensors is that of `note_tensors`, which peft and transformers ask for
        before they save the configuration.
        """
        self.digests = {"settings": settings_digest(asdict(self))}
        if self._noted is not None:
            self.digests["tensors"] = self._noted
        try:
            super().save_pretrained(save_directory, **kwargs)  # type: ignore[no-untyped-call, unused-ignore]
        finally:
            self.digests = None
            self._noted = None
        task = getattr(self.task_type, "value", self.task_type)
        complete_card(save_directory, task)

    def note_tensors(self, tensors: Mapping[str, torch.Tensor]) -> None:
        """Keep the digest of tensors that are about to be saved; none of shards or of no values."""
        plain = all(
            type(tensor) in (torch.Tensor, torch.nn.Parameter) and tensor.device.type != "meta"
            for tensor in tensors.values()
        )
        self._noted = tensors_digest(tensors) if plain else None

    def source(self) -> Source:
        """The spec; the name says where its imports are looked for.

        Raises:
            AdapterError: QA6204.
        """
        if not isinstance(self.spec, str):
            raise AdapterError(SpecNotGiven())
        return Source(self._name, self.spec)

    def keep(self, manifest: Manifest) -> None:
        """Take over a compilation, with the places of files that tensors start from."""
        self.plan = canonical_json(manifest)
        self._parsed = self.plan, manifest

    def manifest(self) -> Manifest | None:
        """The frozen compilation; None before the first use with a model.

        Raises:
            ArtifactError: QA5007, QA5010.
        """
        if self.plan is None:
            return None
        if self._parsed is None or self._parsed[0] != self.plan:
            self._parsed = self.plan, checked_manifest("adapter_config.json", self.plan)
        return self._parsed[1]


def _compiled(spec: object) -> CompiledAdapter | None:
    """An adapter, where the spec is one or names the file of one."""
    if isinstance(spec, CompiledAdapter):
        return spec
    if isinstance(spec, str | Path) and not _is_text(spec) and Path(spec).suffix in FILES:
        return load(spec)
    return None


def _is_text(spec: object) -> bool:
    return isinstance(spec, str) and ("\n" in spec or spec.lstrip().startswith("qa "))
