"""A compiled adapter anew, with replacements for its circuits."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from qcompile.adapter.compiled import CompiledAdapter
from qcompile.adapter.surrogates.choose import computes_in_double
from qcompile.artifact.layout import state_name
from qcompile.ir.compilation import LoweredSet, PlannedSet, Site
from qcompile.ir.plan import Plan
from qcompile.ir.program import Program
from qcompile.ir.target import Target
from qcompile.ir.text import digest
from qcompile.ir.verify_plan import program_of_plan
from qcompile.passes.base import Context
from qcompile.passes.pipeline import Pipeline, run_pipeline
from qcompile.passes.surrogates import (
    Replacement,
    form_of,
    tensor_of,
    without_circuits,
)


def rebuilt(
    adapter: CompiledAdapter,
    exact: CompiledAdapter,
    replacements: Mapping[Site, Mapping[int, Replacement]],
) -> CompiledAdapter:
    """The adapter of these replacements; parts of the same form share a plan."""
    manifest, planned = adapter.manifest, adapter.manifest.planned
    pipeline = Pipeline.parse(manifest.pipeline)
    units: dict[Hashable, int] = {}
    programs: list[Program] = []
    plans: list[Plan] = []
    sites: list[Site] = []
    state: dict[str, Tensor] = {}
    known = adapter.stored_state()
    for site, part in exact.parts():
        plan, found = planned.plans[site.unit], replacements[site]
        key = (site.unit, tuple(sorted((index, form_of(r)) for index, r in found.items())))
        program, names = without_circuits(plan, found) if found else (program_of_plan(plan), {})
        if key not in units:
            units[key] = len(plans)
            programs.append(program)
            context = Context(target=_classical(plan.target), tokens=manifest.tokens)
            plans.append(run_pipeline(program, pipeline, context) if found else plan)
        sites.append(replace(site, unit=units[key]))
        values = {name: tensor_of(found[index]) for index, name in names.items()}
        dtype = torch.float64 if computes_in_double(part) else torch.float32
        for tensor in plans[units[key]].tensors:
            name = state_name(site, tensor)
            new = values.get(tensor.name)
            state[name] = (
                known[name] if new is None else torch.tensor(np.ascontiguousarray(new), dtype=dtype)
            )
    lowered = LoweredSet(programs=tuple(programs), sites=tuple(sites))
    classical = PlannedSet(plans=tuple(plans), sites=tuple(sites), seed=planned.seed)
    digests = dict(manifest.digests) | {"program": digest(lowered), "plan": digest(classical)}
    smaller = replace(manifest, planned=classical, devices=(), digests=tuple(digests.items()))
    result = CompiledAdapter.from_state(smaller, state)
    first = next(adapter.parameters(), None)
    return result.to(None if first is None else first.device).train(adapter.training)


def _classical(target: Target) -> Target:
    """What a target says of computing without circuits."""
    return Target(name=target.name, dtype=target.dtype, span=target.span, places=target.places)
