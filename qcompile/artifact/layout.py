"""Names of tensors: `<module>.<adapter>.<tensor>`, or `shared.<key>` where modules share one."""

from __future__ import annotations

import math
from collections.abc import Container
from dataclasses import dataclass

from qcompile.ir.compilation import LoweredSet, PlannedSet, Site
from qcompile.ir.tensor import TensorSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class StateEntry:
    """One tensor and where it is used first."""

    name: str
    shape: tuple[int, ...]
    site: int
    tensor: int
    """Index in the layout of the site's plan."""
    frozen: bool
    """It may be left out of a file, where it is drawn again."""


def state_name(site: Site, tensor: TensorSpec) -> str:
    """Name of a tensor in the file."""
    if tensor.share is not None:
        return f"shared.{tensor.share}"
    prefix = f"{site.module}." if site.module else ""
    return f"{prefix}{site.adapter}.{tensor.name}"


def clash(lowered: LoweredSet) -> tuple[Site, str] | None:
    """The first tensor that would have the name of a different one: its site and the name."""
    owners: dict[str, tuple[str | None, Site | None]] = {}
    for site in lowered.sites:
        for tensor in lowered.programs[site.unit].tensors:
            name = state_name(site, tensor)
            owner = (tensor.share, site if tensor.share is None else None)
            if owners.setdefault(name, owner) != owner:
                return site, name
    return None


def layout(planned: PlannedSet) -> tuple[StateEntry, ...]:
    """Every tensor once, in the order of sites and tensors."""
    entries: dict[str, StateEntry] = {}
    for number, site in enumerate(planned.sites):
        for index, tensor in enumerate(planned.plans[site.unit].tensors):
            name = state_name(site, tensor)
            if name not in entries:
                entries[name] = StateEntry(
                    name=name,
                    shape=tensor.shape,
                    site=number,
                    tensor=index,
                    frozen=tensor.frozen,
                )
    return tuple(entries.values())


def stored(planned: PlannedSet, found: Container[str]) -> dict[str, tuple[int, ...]]:
    """Name → shape of the tensors of a file: all but the frozen ones that are not in `found`."""
    return {
        entry.name: entry.shape
        for entry in layout(planned)
        if not entry.frozen or entry.name in found
    }


def trainable_parameters(planned: PlannedSet) -> int:
    """Trainable parameters of all sites, shared tensors once."""
    return sum(math.prod(entry.shape) for entry in layout(planned) if not entry.frozen)


def frozen_parameters(planned: PlannedSet) -> int:
    """Numbers in frozen tensors of all sites, shared tensors once."""
    return sum(math.prod(entry.shape) for entry in layout(planned) if entry.frozen)
