"""Deleting what a sparse gate has switched off."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from qcompile.adapter.compiled import CompiledAdapter
from qcompile.adapter.gated import GatedLowRank, NotGated, recognise
from qcompile.artifact.layout import state_name
from qcompile.backends.simulator.module import AdapterModule
from qcompile.diagnostics.errors import AdapterError, few
from qcompile.diagnostics.messages.families import NotPrunable
from qcompile.ir.compilation import LoweredSet, PlannedSet, Site
from qcompile.ir.nodes import DropoutNode, InputNode, ScaleNode, ZeroNode
from qcompile.ir.plan import Plan
from qcompile.ir.program import LinearNode, Program, ProgramNode
from qcompile.ir.tensor import TensorSpec
from qcompile.ir.text import digest
from qcompile.ir.verify_plan import program_of_plan
from qcompile.passes.base import Context
from qcompile.passes.pipeline import Pipeline, run_pipeline


def prune(adapter: CompiledAdapter) -> CompiledAdapter:
    """Delete the rows and columns whose gate is exactly zero, and merge the gate into W_down.

    For updates factor · W_up (g ⊙ (W_down x)), as in SoRA (arXiv:2311.11696). Each
    part becomes an ordinary LoRA of the rank that is left to it, with the same outputs up to
    rounding; a part of rank 0 gives zeros and has no parameters.

    Returns:
        A new adapter; the given one is unchanged.

    Raises:
        AdapterError: QA6101, for every part of another form.
    """
    manifest, planned = adapter.manifest, adapter.manifest.planned
    problems = []
    gated: dict[int, GatedLowRank] = {}
    for site in planned.sites:
        plan = planned.plans[site.unit]
        try:
            gated.setdefault(site.unit, _recognised(plan))
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
    programs: dict[tuple[int, int], Program] = {}
    sites: list[Site] = []
    state: dict[str, Tensor] = {}
    for site, part in adapter.parts():
        parts = gated[site.unit]
        down, up = _pruned(part, parts)
        key = (site.unit, down.shape[0])
        if key not in programs:
            programs[key] = _low_rank(part.plan, parts, down.shape[0])
        sites.append(replace(site, unit=list(programs).index(key)))
        for tensor, value in zip(programs[key].tensors, (down, up), strict=False):
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


def _recognised(plan: Plan) -> GatedLowRank:
    found = recognise(program_of_plan(plan))
    if any(plan.tensors[k].share is not None for k in (found.down, *found.gates, found.up)):
        raise NotGated("other modules share its tensors")
    return found


def _pruned(part: AdapterModule, parts: GatedLowRank) -> tuple[Tensor, Tensor]:
    """W_down with the gate in it and W_up, (r, in) and (out, r), in their dtypes."""
    values = [part.get_parameter(tensor.name).detach() for tensor in part.plan.tensors]
    down, up = values[parts.down], values[parts.up]
    gate = torch.ones(down.shape[0], dtype=torch.float64, device=down.device)
    for index in parts.gates:
        gate = gate * values[index].to(gate)
    kept = gate.nonzero().squeeze(1)
    merged = gate[kept].unsqueeze(1) * down[kept].to(torch.float64)
    return merged.to(down.dtype), up[:, kept].clone()


def _low_rank(plan: Plan, parts: GatedLowRank, rank: int) -> Program:
    nodes: list[ProgramNode] = [InputNode(width=plan.in_features)]
    tensors: tuple[TensorSpec, ...] = ()
    if rank == 0:
        nodes.append(ZeroNode(width=plan.out_features))
    else:
        if parts.dropout:
            nodes.append(DropoutNode(operand=0, probability=parts.dropout, width=plan.in_features))
        nodes.append(LinearNode(operand=len(nodes) - 1, tensor=0, width=rank))
        nodes.append(LinearNode(operand=len(nodes) - 1, tensor=1, width=plan.out_features))
        nodes.append(
            ScaleNode(operand=len(nodes) - 1, factor=parts.factor, width=plan.out_features)
        )
        tensors = (
            replace(plan.tensors[parts.down], shape=(rank, plan.in_features)),
            replace(plan.tensors[parts.up], shape=(plan.out_features, rank)),
        )
    return Program(
        adapter=plan.adapter,
        in_features=plan.in_features,
        out_features=plan.out_features,
        mode=plan.mode,
        nodes=tuple(nodes),
        result=len(nodes) - 1,
        tensors=tensors,
        parameters=plan.parameters,
    )


def _context(plan: Plan, tokens: int) -> Context:
    return Context(target=plan.target, tokens=tokens)
