"""The text form of a Plan: as a Program, with paths, evaluators, native circuits and costs."""

from __future__ import annotations

from dataclasses import fields
from typing import assert_never

from qcompile.ir.circuit_text import circuit_lines, gate_text
from qcompile.ir.network import ContractionNode
from qcompile.ir.node import references
from qcompile.ir.orthogonal import UnitaryNode
from qcompile.ir.plan import (
    AdjointEvaluation,
    Candidate,
    DenseEvaluation,
    DensityEvaluation,
    EvaluationNode,
    ExternalEvaluation,
    FusedEvaluation,
    HoistedBlock,
    MpsEvaluation,
    NetworkEvaluation,
    Plan,
    StatevectorEvaluation,
    TransferEvaluation,
)
from qcompile.ir.text_orthogonal import (
    Tensors,
    network_frame_lines,
    network_text,
    orthogonal_lines,
    unitary_text,
)
from qcompile.ir.text_training import training_lines
from qcompile.ir.text_values import host_text, inline, parameter_text, tensor_line, tensor_name


def plan_lines(plan: Plan) -> list[str]:
    """One line per tensor and node; paths and circuits follow their node, indented."""
    marks = host_text(plan.host, plan.padding)
    marks += (", control" if plan.control else "") + (", linear" if plan.linear else "")
    lines = [f"plan {plan.adapter} {plan.in_features} -> {plan.out_features}, {plan.mode}{marks}"]
    if plan.parameters:
        lines.append(f"  parameters {parameter_text(plan.parameters)}")
    lines.append(f"  target {inline(plan.target)}")
    lines += [f"  {tensor_line(k, tensor)}" for k, tensor in enumerate(plan.tensors)]
    for index, node in enumerate(plan.nodes):
        detail: list[str] = []
        match node:
            case ContractionNode():
                text = network_text(node.network, plan.tensors)
                detail = [*network_frame_lines(node.network), *_contraction_lines(node)]
            case UnitaryNode():
                text = unitary_text(node, plan.tensors)
                detail = orthogonal_lines(node.orthogonal)
            case EvaluationNode():
                text = _evaluation_text(node, plan.tensors)
                detail = _evaluation_lines(node)
            case _:
                text = node.text(plan.tensors)
        lines.append(f"  %{index} = {text} -> {node.width}")
        lines += [f"    {line}" for line in detail]
    lines.append(f"  result %{plan.result}")
    lines += [f"  {line}" for line in training_lines(plan.training, plan.tensors)]
    lines += [f"  {f.name} {getattr(plan.costs, f.name)!r}" for f in fields(plan.costs)]
    return lines


def _contraction_lines(node: ContractionNode) -> list[str]:
    lines = []
    for step in node.steps:
        pair = f"{step.left}" if step.right is None else f"{step.left}, {step.right}"
        when = "per token" if step.batched else "once"
        lines.append(f"contract ({pair}) {step.equation} {when}")
    lines.append(
        f"flops {node.flops_per_token!r} per token, {node.flops_hoisted!r} once; "
        f"{node.activations_per_token} activations"
    )
    return lines


def _evaluation_text(node: EvaluationNode, tensors: Tensors) -> str:
    trained = "" if node.angles is None else f" {tensor_name(tensors[node.angles])}"
    return f"{node.evaluation.kind} {references(node.operands)}".rstrip() + trained


def _candidate_text(candidate: Candidate) -> str:
    if candidate.refusal is not None:
        return f"{candidate.executor}: {candidate.refusal}"
    return f"{candidate.executor} {candidate.seconds!r} seconds {candidate.bytes!r} bytes"


def _evaluation_lines(node: EvaluationNode) -> list[str]:
    lines = circuit_lines(node.evaluation.circuit)
    evaluation = node.evaluation
    if isinstance(evaluation, FusedEvaluation):
        evaluation = evaluation.eager
        lines.append(f"in torch {evaluation.kind}")
    if isinstance(evaluation, AdjointEvaluation):
        evaluation = evaluation.sweeps
        lines.append(f"forward {evaluation.kind}")
    match evaluation:
        case DenseEvaluation(segments=segments):
            for segment in segments:
                when = "hoisted" if isinstance(segment, HoistedBlock) else "per token"
                gates = "; ".join(gate_text(gate) for gate in segment.gates)
                lines.append(f"segment {when}: {gates}")
        case NetworkEvaluation(networks=networks):
            for network in networks:
                path = " ".join(f"({left}, {right})" for left, right in network.path)
                lines.append(f"output {network.output}: {path}")
        case DensityEvaluation(noise=noise):
            lines.append(f"noise {inline(noise)}")
        case TransferEvaluation(noise=calibrated):
            lines.append(f"noise {inline(calibrated)}")
        case StatevectorEvaluation():
            pass
        case MpsEvaluation(bond=bond):
            lines.append(f"bond {bond}")
        case ExternalEvaluation(options=options):
            lines.append(f"options {inline(options)}")
        case _:
            assert_never(evaluation)
    lines += [f"weighed {_candidate_text(candidate)}" for candidate in node.candidates]
    if node.routed is not None:
        routed = node.routed
        lines.append(
            f"on {routed.device}: qubits {inline(routed.physical)}, "
            f"start {inline(routed.initial)}, end {inline(routed.final)}"
        )
        lines += [f"  {line}" for line in circuit_lines(routed.circuit)]
        lines += [f"compared {inline(routing)}" for routing in node.routings]
    lines.append(inline(node.cost))
    return lines
