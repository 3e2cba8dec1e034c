"""Names of tensors: `<module>.<adapter>.<tensor>`, or `shared.<key>` where modules share one."""

from __future__ import annotations

from dataclasses import dataclass

from qcompile.ir.compilation import LoweredSet, PlannedSet, Site
from qcompile.ir.tensor import TensorSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class StateEntry:
    """One stored tensor and where it is used first."""

    name: str
    shape: tuple[int, ...]
    site: int
    tensor: int
    """Index in the layout of the site's plan."""


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
    """Every stored tensor once, in the order of sites and tensors."""
    entries: dict[str, StateEntry] = {}
    for number, site in enumerate(planned.sites):
        for index, tensor in enumerate(planned.plans[site.unit].tensors):
            name = state_name(site, tensor)
            if name not in entries:
                entries[name] = StateEntry(name=name, shape=tensor.shape, site=number, tensor=index)
    return tuple(entries.values())


def trainable_parameters(planned: PlannedSet) -> int:
    """Trainable parameters of all sites, shared tensors once."""
    total = 0
    for entry in layout(planned):
        size = 1
        for extent in entry.shape:
            size *= extent
        total += size
    return total
