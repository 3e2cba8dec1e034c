"""The manifest of adapter.pt: everything but the tensors, as one frozen value."""

from __future__ import annotations

import importlib.metadata
from dataclasses import dataclass, field

from qcompile.ir.added_later import ADDED_LATER
from qcompile.ir.compilation import PlannedSet
from qcompile.ir.device import Device

FORMAT = "qcompile.adapter"
VERSION = 1
"""Of the layout of the file. Raised when an older qcompile could not read a newer file."""

RECORDED_PACKAGES = (
    "qcompile",
    "torch",
    "transformers",
    "pytket",
    "cotengra",
    "opt-einsum",
    "lark",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceText:
    """A source file as it was compiled."""

    name: str
    """File name without folders, so that the place of compilation leaves no trace."""
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelIdentity:
    """Which model the adapter was compiled for."""

    architecture: str
    digest: str
    """sha256 of the canonical JSON of its configuration."""
    parameters: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What was compiled, from what, how, and the frozen result."""

    sources: tuple[SourceText, ...]
    """The file first, then its imports in the order of reading."""
    definitions: tuple[str, ...]
    """The `-D` options, as given."""
    control: bool = False
    """Whether `--control` was given."""
    pipeline: str
    """As `--passes` takes it."""
    tokens: int
    """Tokens of one step for which costs were weighed."""
    model: ModelIdentity | None
    devices: tuple[Device, ...]
    """Snapshots of the devices, with the dates of their calibrations, by the names of the targets
    that name them."""
    digests: tuple[tuple[str, str], ...]
    """(level, sha256 of its text form): spec, program, plan."""
    versions: tuple[tuple[str, str], ...]
    """(package, version) at compilation."""
    planned: PlannedSet
    base_model: str | None = field(default=None, metadata=ADDED_LATER)
    """Name or path of the model, where a folder of peft stated one."""
    task_type: str | None = field(default=None, metadata=ADDED_LATER)
    """peft's name of the task, as stated there."""

    def device_of_target(self, name: str) -> Device | None:
        """What a target was compiled for; None without a device, or for a target without plans."""
        used = {p.target.name for p in self.planned.plans if p.target.device is not None}
        return dict(zip(sorted(used), self.devices, strict=False)).get(name)


def installed_versions() -> tuple[tuple[str, str], ...]:
    """(package, version) of `RECORDED_PACKAGES`, without importing them."""
    found = []
    for package in RECORDED_PACKAGES:
        try:
            found.append((package, importlib.metadata.version(package)))
        except importlib.metadata.PackageNotFoundError:
            continue
    return tuple(found)
