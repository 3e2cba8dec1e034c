"""A whole compilation: one plan a size, many modules."""

from __future__ import annotations

from dataclasses import dataclass

from qcompile.ir.hosts import LINEAR_HOST, PARAMETER_HOSTS, HostSizes, parameter_of
from qcompile.ir.plan import Plan
from qcompile.ir.program import Program


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleInfo:
    """A module of a model that an adapter may attach to."""

    name: str
    """Dotted, as in `model.named_modules()`."""
    kind: str
    """Class name: `Linear`, `Conv1D`, …"""
    in_features: int | None
    out_features: int | None
    """None where the module is not a linear map."""
    layer: int | None
    """The first number in the dotted name, if any."""
    attention: tuple[int, int] | None = None
    """Widths of the hidden state and of all keys together; None where it is no attention module
    that a prefix can stand in."""
    heads: tuple[int, int, int] | None = None
    """Heads of the attention that it belongs to, heads of its keys, width of a head."""
    obstacle: str | None = None
    """Why no adapter can be attached to it, where it is a linear map without sizes."""
    obstacle_kind: str = LINEAR_HOST
    """The kind that it would be of without the obstacle."""
    stacked: tuple[str, ...] = ()
    """Its parameters that hold the weights of all experts, (experts, …, …); each, and each slice of
    it, is a module of its own here."""
    role: str | None = None
    """What it is for, see `qcompile.ir.portable`."""
    host: HostSizes | None = None
    """How an update sees a module that is no linear map; None where none fits it."""

    @property
    def host_sizes(self) -> HostSizes | None:
        """How an update sees it, linear maps as well."""
        if self.in_features is None or self.out_features is None:
            return self.host
        return HostSizes(LINEAR_HOST, self.in_features, self.out_features)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelInfo:
    """What compilation needs to know of a model: names and sizes of its modules, no weights."""

    architecture: str
    source: str
    """How the user named it."""
    digest: str
    """sha256 of the canonical JSON of the configuration."""
    modules: tuple[ModuleInfo, ...]
    parameters: int
    """Of the whole base model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """One module that an adapter attaches to."""

    module: str
    """Dotted name; empty for an adapter that was compiled for a `shape` alone."""
    adapter: str
    unit: int
    """Index of the program or plan."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoweredSet:
    """All programs of a compilation, one for each distinct (adapter, body, sizes, facts)."""

    programs: tuple[Program, ...]
    sites: tuple[Site, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedSet:
    """All plans of a compilation; what adapter.pt freezes."""

    plans: tuple[Plan, ...]
    sites: tuple[Site, ...]
    seed: int
    """Of the initialisation: a tensor starts from hash(seed, module, adapter, tensor name)."""

    def module_of(self, site: Site) -> str:
        """The name of the module that a site is, or whose parameter it is."""
        host = self.plans[site.unit].host
        return parameter_of(site.module, host)[0] if host in PARAMETER_HOSTS else site.module
