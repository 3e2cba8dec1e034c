"""An adapter that starts from the tensors of another one, of the same or of other sizes."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn

from qcompile.adapter.arguments import check_compiled
from qcompile.adapter.bonds import cut_bonds, factors_to_undo
from qcompile.adapter.compiled import CompiledAdapter
from qcompile.adapter.load import load
from qcompile.artifact.layout import state_name
from qcompile.backends.simulator.module import AdapterModule
from qcompile.diagnostics.errors import AdapterError
from qcompile.diagnostics.messages.adapter import NothingCarried
from qcompile.ir.compilation import Site
from qcompile.ir.hosts import EMBEDDING_HOST

ROWS = 8
"""Random inputs on which the update before and after is compared."""

SAME = 1e-6
"""Difference of updates, as a share of the largest element, that is rounding to float32."""


@dataclass(slots=True, kw_only=True)
class Carried:
    """What became of the tensors, by their names in the state_dict."""

    same: list[str] = field(default_factory=list)
    """They have the values that they had."""
    grown: list[str] = field(default_factory=list)
    """They hold the old values in a corner; the update of the module is the same."""
    cut: dict[str, float] = field(default_factory=dict)
    """They hold the largest singular values; with ‖new − old‖ / ‖old‖ of the module's update over
    random inputs."""
    fresh: dict[str, str] = field(default_factory=dict)
    """They start anew, and why."""
    unused: list[str] = field(default_factory=list)
    """Tensors of the old adapter that the new one does not have."""
    _noted: set[str] = field(default_factory=set, repr=False, compare=False)

    def note(self, names: list[str], name: str) -> None:
        """Once, where modules share a tensor."""
        if name not in self._noted:
            self._noted.add(name)
            names.append(name)

    def text(self) -> str:
        """A line for people."""
        parts = [f"{len(self.same)} as they were"] if self.same else []
        if self.grown:
            parts.append(f"{len(self.grown)} grown with the same update")
        if self.cut:
            parts.append(
                f"{len(self.cut)} cut with at most {100 * max(self.cut.values()):.2g} % of an"
                " update changed"
            )
        found = f"carried {' and '.join(parts)}"
        if self.fresh:
            found += f"; {len(self.fresh)} start anew, such as {_first(self.fresh)}"
        if self.unused:
            found += f"; not used: {len(self.unused)}, such as {self.unused[0]}"
        return found


def _first(fresh: dict[str, str]) -> str:
    name, reason = next(iter(fresh.items()))
    return f"{name} ({reason})"


def warm_start(adapter: CompiledAdapter, trained: CompiledAdapter | str | Path) -> Carried:
    """Give an adapter the tensors of a trained one, by module, adapter and tensor name.

    A tensor that has become larger holds the old one in a corner. The rest is zero or as it
    starts, so that the module's update is the same for every input, and as much as possible of
    the rest can learn. A bond that has become smaller, such as a rank, keeps its largest singular
    values. Whatever fits in neither way starts anew.

    Args:
        adapter: What `qcompile.compile` gave; changed.
        trained: Another adapter, or a file or folder of one.

    Raises:
        AdapterError: QA6032 where no tensor fits; nothing is changed then.
        ArtifactError: As `load`.
        UsageError: QA6013.
    """
    check_compiled("warm_start", adapter)
    if isinstance(trained, (str, Path)):
        trained = load(trained)
    check_compiled("warm_start", trained)
    carried = Carried()
    old = {(site.module, site.adapter): part for site, part in trained.parts()}
    starts = [
        _Start(site, part, old[site.module, site.adapter], carried)
        for site, part in adapter.parts()
        if (site.module, site.adapter) in old
    ]
    for start in starts:
        start.carry()
    if not all(start.holds() for start in starts):
        # Modules that share a tensor must agree about it.
        for start in starts:
            start.pad_with_zeros()
    for site, part in adapter.parts():
        if (site.module, site.adapter) not in old:
            for tensor in part.plan.tensors:
                reason = "the trained one has no such module or adapter"
                carried.fresh.setdefault(state_name(site, tensor), reason)
    wanted = {state_name(s, t) for s, part in adapter.parts() for t in part.plan.tensors}
    names = {state_name(s, t): None for s, part in trained.parts() for t in part.plan.tensors}
    carried.unused = [name for name in names if name not in wanted]
    if not (carried.same or carried.grown or carried.cut):
        reason = _first(carried.fresh) if carried.fresh else "it has no tensors"
        raise AdapterError(NothingCarried(reason=reason))
    return carried


class _Start:
    """The tensors of one module."""

    def __init__(
        self, site: Site, part: AdapterModule, before: AdapterModule, carried: Carried
    ) -> None:
        self._site = site
        self._part = part
        self._before = before
        self._carried = carried
        self._specs = {spec.name: spec for spec in part.plan.tensors}
        self._starts = {name: self._own(name).clone() for name in self._specs}
        self._grown: dict[str, Tensor] = {}
        self._wanted: Tensor | None = None

    def carry(self) -> None:
        """Put old tensors in, cut and padded where sizes differ."""
        values = {
            spec.name: self._before.get_parameter(spec.name).detach().cpu()
            for spec in self._before.plan.tensors
        }
        shapes = {name: spec.shape for name, spec in self._specs.items()}
        cut_names = cut_bonds(self._before.plan, values, shapes)
        for name, factor in factors_to_undo(self._before.plan, self._part.plan, cut_names):
            values[name] = factor * values[name]
        for name, spec in self._specs.items():
            value = values.get(name)
            reason = _misfit(value, spec.shape)
            if value is None or reason is not None:
                self._carried.fresh.setdefault(self._key(name), reason or "")
            elif tuple(value.shape) == spec.shape:
                self._put(name, value)
                if name not in cut_names:
                    self._carried.note(self._carried.same, self._key(name))
            else:
                self._grown[name] = value
        self.pad_with_zeros()
        if cut_names:
            found, before = self._update(self._part), self._update(self._before)
            error = _distance(found, before)
            for name in sorted(cut_names & set(self._specs)):
                key = self._key(name)
                self._carried.cut[key] = max(error, self._carried.cut.get(key, 0.0))
        self._wanted = self._update(self._part if cut_names else self._before)
        if self._grown:
            self._grow()

    def pad_with_zeros(self) -> None:
        """The old values of what has grown in a corner of zeros."""
        for name, value in self._grown.items():
            self._put(name, _padded(value, self._starts[name], set()))

    def holds(self) -> bool:
        """Whether the update is what it was."""
        return not self._grown or _agree(self._update(self._part), self._wanted)

    def _rescale(self) -> None:
        """Undo a factor that depends on a size, such as alpha / rank."""
        found, wanted = self._update(self._part), self._wanted
        if found is None or wanted is None or not bool(found.any()):
            return
        factor = float((found * wanted).sum() / found.square().sum())
        for name, value in list(self._grown.items()):
            self._grown[name] = factor * value
            self.pad_with_zeros()
            if self.holds():
                return
            self._grown[name] = value
        self.pad_with_zeros()

    def _grow(self) -> None:
        """Axis by axis start values instead of zeros, wherever the update stays the same."""
        if not self.holds():
            self._rescale()
        if not self.holds():
            for name, value in self._grown.items():
                self._put(name, self._starts[name])
                shapes = f"from {tuple(value.shape)} to {self._specs[name].shape}"
                reason = f"{shapes} the update would be another"
                self._carried.fresh.setdefault(self._key(name), reason)
            self._grown = {}
            return
        for name, value in self._grown.items():
            fresh: set[int] = set()
            for axis, extent in enumerate(value.shape):
                if extent < self._specs[name].shape[axis]:
                    self._put(name, _padded(value, self._starts[name], fresh | {axis}))
                    if self.holds():
                        fresh.add(axis)
                    self._put(name, _padded(value, self._starts[name], fresh))
            self._carried.note(self._carried.grown, self._key(name))

    def _own(self, name: str) -> Tensor:
        return self._part.get_parameter(name).detach()

    def _put(self, name: str, value: Tensor) -> None:
        self._own(name).copy_(value)

    def _key(self, name: str) -> str:
        return state_name(self._site, self._specs[name])

    def _update(self, part: AdapterModule) -> Tensor | None:
        """The module's update for random inputs in float64; None where it takes other inputs."""
        plan = self._part.plan
        if part.plan.mode != plan.mode:
            return None
        if plan.mode == "prefix":
            return torch.cat([value.double() for value in part.prefix()])
        other = (part.plan.host, part.plan.in_features, part.plan.out_features)
        if other != (plan.host, plan.in_features, plan.out_features):
            return None
        device = self._own(next(iter(self._specs))).device
        generator = torch.Generator().manual_seed(0)

        def drawn(*shape: int) -> Tensor:
            return torch.randn(*shape, generator=generator).to(device)

        if plan.host == EMBEDDING_HOST:
            x = torch.arange(min(ROWS, plan.in_features), device=device)
        else:
            x = drawn(ROWS, plan.in_features)
        y = drawn(len(x), plan.out_features)
        base: nn.Linear | None = None
        if part.plan.uses_base:
            base = nn.Linear(plan.in_features, plan.out_features, device="meta")
            base = base.to_empty(device=device).requires_grad_(False)
            base.weight.copy_(drawn(*base.weight.shape) / plan.in_features**0.5)
            base.bias.copy_(drawn(plan.out_features))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            (found,) = part.values_at([part.plan.result], x, y, base)
        return found


def _misfit(value: Tensor | None, shape: tuple[int, ...]) -> str | None:
    """Why an old tensor cannot stand in a corner of a new one."""
    if value is None:
        return "the trained one has no tensor of this name"
    if value.dim() != len(shape) or any(
        old > new for old, new in zip(value.shape, shape, strict=True)
    ):
        return f"{tuple(value.shape)} cannot become {shape}"
    return None


def _padded(value: Tensor, start: Tensor, fresh: set[int]) -> Tensor:
    """The value in the corner of zeros, or of the start values beyond it along `fresh` axes."""
    padded = torch.zeros_like(start)
    for axis in fresh:
        beyond = [slice(0, extent) for extent in start.shape]
        beyond[axis] = slice(value.shape[axis], start.shape[axis])
        padded[tuple(beyond)] = start[tuple(beyond)]
    padded[tuple(slice(0, extent) for extent in value.shape)] = value.to(padded)
    return padded


def _agree(found: Tensor | None, wanted: Tensor | None) -> bool:
    if found is None or wanted is None or found.shape != wanted.shape:
        return False
    scale = max(1.0, float(wanted.abs().max()))
    return float((found - wanted).abs().max()) <= SAME * scale


def _distance(found: Tensor | None, wanted: Tensor | None) -> float:
    if found is None or wanted is None or found.shape != wanted.shape:
        return 1.0
    norm = float(wanted.norm())
    return float((found - wanted).norm()) / norm if norm > 0 else float(found.norm())
