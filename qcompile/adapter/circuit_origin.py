"""What the circuits of an adapter know of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from qcompile.artifact.manifest import Manifest
from qcompile.backends.simulator.initialise import initial_value, tensor_seed
from qcompile.backends.simulator.module import AdapterModule, build_module
from qcompile.ir.compilation import Site

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class CircuitOrigin:
    """What the circuits of an adapter are asked about."""

    manifest: Manifest
    part: Callable[[Site], AdapterModule]
    """The module of a site; built where it is asked for."""
    angles: Callable[[Site, int], Tensor]
    """A tensor of the site's plan, as trained."""


def origin_of(manifest: Manifest) -> CircuitOrigin:
    """Of an adapter that was just compiled: its tensors as they start, made when asked for."""
    planned = manifest.planned
    parts: dict[Site, AdapterModule] = {}

    def part(site: Site) -> AdapterModule:
        if site not in parts:
            plan = planned.plans[site.unit]
            parts[site] = build_module(plan, seed=planned.seed, site=site.module)
        return parts[site]

    def angles(site: Site, index: int) -> Tensor:
        plan = planned.plans[site.unit]
        spec = plan.tensors[index]
        return initial_value(spec, tensor_seed(planned.seed, site.module, plan.adapter, spec))

    return CircuitOrigin(manifest=manifest, part=part, angles=angles)
