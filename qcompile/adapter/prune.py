"""Leaving out what only training needed."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

import torch
from torch import Tensor

from qcompile.adapter.arguments import check_compiled
from qcompile.adapter.compiled import CompiledAdapter
from qcompile.adapter.gated import NotGated
from qcompile.adapter.prune_gated import GatedPruner
from qcompile.adapter.prune_prefix import PrefixPruner
from qcompile.artifact.layout import state_name
from qcompile.backends.simulator.module import AdapterModule
from qcompile.diagnostics.errors import AdapterError, few
from qcompile.diagnostics.messages.families import NotPrunable
from qcompile.ir.compilation import LoweredSet, PlannedSet, Site
from qcompile.ir.plan import Plan
from qcompile.ir.program import Program
from qcompile.ir.text import digest
from qcompile.passes.base import Context
from qcompile.passes.pipeline import Pipeline, run_pipeline


class Pruner(Protocol):
    """A smaller form of the parts of one plan."""

    def tensors(self, part: AdapterModule) -> tuple[Tensor, ...]:
        """What is left of a part."""

    def program(self, plan: Plan, tensors: tuple[Tensor, ...]) -> Program:
        """The program that has these tensors, in this order."""


def prune(adapter: CompiledAdapter) -> CompiledAdapter:
    """Leave out what training needed and the trained adapter does not.

    Of updates factor · W_up (g ⊙ (W_down x)), as in SoRA (arXiv:2311.11696), the rows and columns
    whose gate is exactly zero are deleted, and the gate is merged into W_down: each part becomes an
    ordinary LoRA of the rank that is left to it; one of rank 0 gives zeros and has no parameters.
    Of prefixes (arXiv:2101.00190) the network that makes keys and values is dropped, and the tables
    that it made are kept. Outputs are the same up to rounding.

    Returns:
        A new adapter; the given one is unchanged.

    Raises:
        AdapterError: QA6101, for every part of another form.
        UsageError: QA6013.
    """
    check_compiled("prune", adapter)
    manifest, planned = adapter.manifest, adapter.manifest.planned
    problems = []
    pruners: dict[int, Pruner] = {}
    for site in planned.sites:
        if site.unit in pruners:
            continue
        try:
            pruners[site.unit] = _pruner(planned.plans[site.unit])
        except NotGated as reason:
            problems.append(
                NotPrunable(
                    adapter=site.adapter,
                    module=site.module or "(no module)",
                    reason=str(reason),
                )
            )
    if problems:
        raise AdapterError(*few(problems))
    pipeline = Pipeline.parse(manifest.pipeline)
    programs: dict[tuple[int, tuple[torch.Size, ...]], Program] = {}
    sites: list[Site] = []
    state: dict[str, Tensor] = {}
    for site, part in adapter.parts():
        pruner = pruners[site.unit]
        tensors = pruner.tensors(part)
        key = (site.unit, tuple(tensor.shape for tensor in tensors))
        if key not in programs:
            programs[key] = pruner.program(part.plan, tensors)
        sites.append(replace(site, unit=list(programs).index(key)))
        for tensor, value in zip(programs[key].tensors, tensors, strict=False):
            state[state_name(site, tensor)] = value
    plans = tuple(
        run_pipeline(program, pipeline, _context(planned.plans[unit], manifest.tokens))
        for (unit, _), program in programs.items()
    )
    lowered = LoweredSet(programs=tuple(programs.values()), sites=tuple(sites))
    planned = PlannedSet(plans=plans, sites=tuple(sites), seed=planned.seed)
    digests = dict(manifest.digests) | {"program": digest(lowered), "plan": digest(planned)}
    smaller = replace(manifest, planned=planned, digests=tuple(digests.items()))
    result = CompiledAdapter.from_state(smaller, state)
    first = next(adapter.parameters(), None)
    return result.to(None if first is None else first.device).train(adapter.training)


def _pruner(plan: Plan) -> Pruner:
    if plan.mode == "prefix":
        return PrefixPruner()
    return GatedPruner.of(plan)


def _context(plan: Plan, tokens: int) -> Context:
    return Context(target=plan.target, tokens=tokens)
