"""The figures of a compilation, per module and in total."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

from qcompile.artifact.layout import frozen_parameters, layout, trainable_parameters
from qcompile.ir.circuit_analysis import depth, two_qubit_gates
from qcompile.ir.compilation import PlannedSet, Site
from qcompile.ir.device import Device, RoutingCandidate
from qcompile.ir.hosts import EMBEDDING_HOST, LINEAR_HOST, PARAMETER_HOSTS
from qcompile.ir.network import ContractionNode
from qcompile.ir.node import domains
from qcompile.ir.orthogonal import OrthogonalFrame, UnitaryNode, orthogonal_gates
from qcompile.ir.plan import (
    Candidate,
    CircuitCost,
    Evaluation,
    EvaluationNode,
    ExternalEvaluation,
    MpsEvaluation,
    Plan,
    orthogonals,
)
from qcompile.ir.target import Target
from qcompile.passes.in_torch import in_torch
from qcompile.passes.memory import step_memory

SCHEMA_VERSION = 1
"""Of the JSON form. Raised when a key changes its meaning or goes away."""

FEW_TERMS = 1024
"""Of a polynomial that is cheap."""

ROUNDED = 1e-9
"""Errors up to this are those of rounding."""

DEFAULT_RANK = 8
"""LoRA's rank in the comparison where the adapter has no parameter `rank`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CircuitFigures:
    """One circuit of an adapter."""

    qubits: int
    gates: int
    two_qubit_gates: int
    depth: int
    evaluator: str
    parameters: int
    outputs: int
    candidates: tuple[Candidate, ...]
    """What every evaluator would take for the step, or why it does not run this circuit."""
    device: str | None
    routed_two_qubit_gates: int | None
    routed_depth: int | None
    routings: tuple[RoutingCandidate, ...]
    """All ways to put it on the device that were compared."""
    surrogate_terms: int | None = None
    """Of the polynomial that it is exactly, see `--to surrogate`; None: more than are looked for,
    or its data do not depend on the input."""
    surrogate_flops_per_token: float | None = None
    """Of that polynomial; forward."""
    flops_per_token: float = 0.0
    """Of the evaluator; forward."""
    lost: float | None = None
    """Of a matrix product state that is cut, the share that is lost for data and angles of which
    nothing special holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitaryFigures:
    """One orthogonal matrix that is made of circuits."""

    size: int
    qubits: int
    """Of each circuit."""
    circuits: int
    """One where the size is a power of two, else two."""
    gates: int
    two_qubit_gates: int
    depth: int
    """Of all circuits, one after the other."""
    parameters: int
    columns: int | None
    """How many are built once per step; None: the gates act on every token."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoraFigures:
    """LoRA (arXiv:2106.09685) of rank r on the same modules, counted in the same way."""

    rank: int
    parameters: int
    forward_flops_per_token: float
    backward_flops_per_token: float
    activation_bytes_per_token: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StepFigures:
    """Bytes that one training step of all modules holds; the base model apart."""

    tokens: int
    parameter_bytes: int
    gradient_bytes: int
    optimiser_bytes: int
    """Of AdamW: two values for each parameter."""
    activation_bytes: int
    """Kept for the backward pass by all modules together."""
    total_bytes: int
    in_torch_bytes: int | None = None
    """In total where circuits that the compiled library runs run in torch; None: there are none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleFigures:
    """One module with its adapter. FLOPs count a multiply-add as two."""

    module: str
    adapter: str
    in_features: int
    out_features: int
    parameters: int
    """Trainable; tensors that an earlier module owns and shares are not counted again."""
    forward_flops_per_token: float
    backward_flops_per_token: float
    flops_per_step: float
    """Forward, of what is built once per step, whatever the number of tokens."""
    activation_bytes_per_token: int
    """Kept for the backward pass."""
    linear: bool
    merges: bool
    """With its constants, which go into a bias."""
    circuits: tuple[CircuitFigures, ...]
    unitaries: tuple[UnitaryFigures, ...]
    paths: tuple[str, ...]
    """The contractions of each tensor network in order, as einsum equations."""
    lora: LoraFigures


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceDate:
    """A device that circuits were routed for."""

    name: str
    calibrated: str | None
    """ISO 8601; None: without a date."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """A whole compilation."""

    modules: tuple[ModuleFigures, ...]
    parameters: int
    base_parameters: int | None
    forward_flops_per_token: float
    backward_flops_per_token: float
    flops_per_step: float
    activation_bytes_per_token: int
    lora: LoraFigures
    pipeline: str
    tokens: int
    step: StepFigures
    warnings: tuple[str, ...] = ()
    frozen_parameters: int = 0
    devices: tuple[DeviceDate, ...] = ()


def figures(
    planned: PlannedSet,
    *,
    pipeline: str,
    tokens: int,
    base_parameters: int | None = None,
    devices: Iterable[Device] = (),
) -> Figures:
    """Figures of planned adapters; everything is counted from the plans, nothing is run."""
    owned: dict[int, int] = {}
    for entry in layout(planned):
        size = 0 if entry.frozen else math.prod(entry.shape)
        owned[entry.site] = owned.get(entry.site, 0) + size
    modules = tuple(
        _module(site, planned.plans[site.unit], owned.get(number, 0))
        for number, site in enumerate(planned.sites)
    )
    return Figures(
        modules=modules,
        parameters=trainable_parameters(planned),
        frozen_parameters=frozen_parameters(planned),
        base_parameters=base_parameters,
        forward_flops_per_token=sum(m.forward_flops_per_token for m in modules),
        backward_flops_per_token=sum(m.backward_flops_per_token for m in modules),
        flops_per_step=sum(m.flops_per_step for m in modules),
        activation_bytes_per_token=sum(m.activation_bytes_per_token for m in modules),
        lora=_total(tuple(m.lora for m in modules)),
        pipeline=pipeline,
        tokens=tokens,
        step=_step(planned, tokens),
        devices=tuple(DeviceDate(name=d.name, calibrated=d.calibrated) for d in devices),
    )


def _step(planned: PlannedSet, tokens: int) -> StepFigures:
    step = step_memory(planned, tokens)
    elsewhere = in_torch(planned)
    return StepFigures(
        tokens=tokens,
        parameter_bytes=step.parameters,
        gradient_bytes=step.gradients,
        optimiser_bytes=step.optimiser,
        activation_bytes=step.activations,
        total_bytes=step.total,
        in_torch_bytes=None if elsewhere == planned else step_memory(elsewhere, tokens).total,
    )


def _module(site: Site, plan: Plan, parameters: int) -> ModuleFigures:
    element = plan.target.item_bytes
    costs = plan.costs
    if plan.host in PARAMETER_HOSTS:
        # A matrix is made once a step, and added.
        once = plan.in_features * costs.forward_flops_per_token + plan.changed_elements
        costs = replace(
            costs,
            forward_flops_per_token=0.0,
            backward_flops_per_token=0.0,
            hoisted_flops=costs.hoisted_flops + once,
            activation_elements_per_token=0,
        )
    return ModuleFigures(
        module=site.module,
        adapter=site.adapter,
        in_features=plan.in_features,
        out_features=plan.out_features,
        parameters=parameters,
        forward_flops_per_token=costs.forward_flops_per_token,
        backward_flops_per_token=costs.backward_flops_per_token,
        flops_per_step=costs.hoisted_flops,
        activation_bytes_per_token=costs.activation_elements_per_token * element,
        linear=plan.linear,
        merges=plan.merges,
        circuits=tuple(_circuits(plan)),
        unitaries=tuple(_unitary(u) for n in plan.nodes for u in orthogonals(n)),
        paths=tuple(_path(n) for n in plan.nodes if isinstance(n, ContractionNode)),
        lora=lora_figures(plan.in_features, plan.out_features, _rank(plan), element, plan.host),
    )


def _circuits(plan: Plan) -> Iterator[CircuitFigures]:
    for node, domain in zip(plan.nodes, domains(plan.nodes), strict=True):
        if isinstance(node, EvaluationNode):
            found = _circuit(node)
            if domain.kind == "tokens":
                terms, flops = _surrogate(node.evaluation, plan.target)
                found = replace(found, surrogate_terms=terms, surrogate_flops_per_token=flops)
            yield found


@lru_cache(maxsize=256)
def _surrogate(evaluation: Evaluation, target: Target) -> tuple[int | None, float | None]:
    """Terms and FLOPs of the polynomial for angles of which nothing special holds."""
    # numpy, which other figures do not need.
    import numpy as np

    from qcompile.executors.polynomials.circuits import polynomial_of
    from qcompile.executors.polynomials.propagate import TooManyTerms
    from qcompile.passes.surrogates import flops_of

    circuit = evaluation.circuit
    angles = np.cos(np.arange(circuit.angle_count))
    if isinstance(evaluation, ExternalEvaluation) and target.noise is not None:
        return None, None
    try:
        found = polynomial_of(
            evaluation, target, angles, strings=FEW_TERMS, terms=FEW_TERMS, give_up="at once"
        )
    except TooManyTerms:
        return None, None
    if found.bound > ROUNDED:
        return None, None
    return found.terms, flops_of(found)


def _circuit(node: EvaluationNode) -> CircuitFigures:
    cost: CircuitCost = node.cost
    circuit = node.evaluation.circuit
    routed = node.routed
    return CircuitFigures(
        qubits=circuit.qubits,
        gates=cost.gates,
        two_qubit_gates=cost.two_qubit_gates,
        depth=cost.depth,
        evaluator=node.evaluation.kind,
        parameters=circuit.angle_count,
        outputs=circuit.outputs,
        candidates=node.candidates,
        device=None if routed is None else routed.device,
        routed_two_qubit_gates=None if routed is None else two_qubit_gates(routed.circuit.gates),
        routed_depth=None if routed is None else depth(routed.circuit.gates),
        routings=node.routings,
        flops_per_token=cost.flops_per_token,
        lost=_lost(node.evaluation) if isinstance(node.evaluation, MpsEvaluation) else None,
    )


@lru_cache(maxsize=256)
def _lost(evaluation: MpsEvaluation) -> float | None:
    """Of the two tokens that are tried the most; None where nothing is cut."""
    from qcompile.executors.mps.program import mps_program

    program = mps_program(evaluation)
    if not program.cuts:
        return None
    import torch

    from qcompile.executors.constants import Constants
    from qcompile.executors.mps.build import MpsEvaluator

    circuit = evaluation.circuit
    data = torch.arange(2 * circuit.data_width).reshape(2, circuit.data_width).sin()
    angles = 2 * torch.arange(circuit.angle_count).cos() if circuit.angle_count else None
    return MpsEvaluator(program, None, Constants()).lost(data, angles)


def _unitary(matrix: OrthogonalFrame | UnitaryNode) -> UnitaryFigures:
    orthogonal = matrix.orthogonal
    gates = tuple(orthogonal_gates(orthogonal))
    return UnitaryFigures(
        size=orthogonal.size,
        qubits=orthogonal.blocks[0].qubits,
        circuits=len(orthogonal.blocks),
        gates=len(gates),
        two_qubit_gates=two_qubit_gates(gates),
        depth=sum(depth(block.gates) for block in orthogonal.blocks),
        parameters=orthogonal.angle_count,
        columns=matrix.columns if isinstance(matrix, OrthogonalFrame) else None,
    )


def _path(node: ContractionNode) -> str:
    return "; ".join(step.equation if step.batched else f"[{step.equation}]" for step in node.steps)


def _rank(plan: Plan) -> int:
    for name, value in plan.parameters:
        if name == "rank" and isinstance(value, int) and value > 0:
            return value
    return DEFAULT_RANK


def lora_figures(
    in_features: int, out_features: int, rank: int, element: int, host: str = LINEAR_HOST
) -> LoraFigures:
    """LoRA on one module, A: (r, in), B: (out, r); backward: gradients of x, A and B.

    On an embedding A x is a look-up, and x has no gradient.
    """
    parameters = rank * (in_features + out_features)
    if host == EMBEDDING_HOST:
        return LoraFigures(
            rank=rank,
            parameters=parameters,
            forward_flops_per_token=rank + 2.0 * rank * out_features,
            backward_flops_per_token=rank + 4.0 * rank * out_features,
            activation_bytes_per_token=rank * element,
        )
    return LoraFigures(
        rank=rank,
        parameters=parameters,
        forward_flops_per_token=2.0 * parameters,
        backward_flops_per_token=4.0 * parameters,
        activation_bytes_per_token=(in_features + rank) * element,
    )


def _total(parts: tuple[LoraFigures, ...]) -> LoraFigures:
    return LoraFigures(
        rank=max((part.rank for part in parts), default=DEFAULT_RANK),
        parameters=sum(part.parameters for part in parts),
        forward_flops_per_token=sum(part.forward_flops_per_token for part in parts),
        backward_flops_per_token=sum(part.backward_flops_per_token for part in parts),
        activation_bytes_per_token=sum(part.activation_bytes_per_token for part in parts),
    )
