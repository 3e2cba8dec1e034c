"""What `report` says of memory is what autograd keeps."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

import qcompile
from qcompile.adapter.compiled import CompiledAdapter
from qcompile.backends.simulator.module import AdapterModule
from qcompile.executors.fused import library as fused_library
from qcompile.executors.fused.library import library
from qcompile.ir.compilation import PlannedSet
from qcompile.ir.plan import EvaluationNode, FusedEvaluation, Plan
from qcompile.passes.in_torch import in_torch
from tests.executors.counted import Kept

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = sorted(
    path
    for path in (ROOT / "examples").glob("**/*.qa")
    if "\nadapter " in path.read_text("utf-8") and "\n    prefix " not in path.read_text("utf-8")
)
"""All but prefixes, which have no tokens, and what is there to be imported."""


def kept(part: AdapterModule, tokens: int) -> int:
    plan = part.plan
    x = torch.randn(tokens, plan.in_features, requires_grad=True)
    if plan.host == "embedding":
        x = torch.arange(tokens)
    y = torch.randn(tokens, plan.out_features, requires_grad=True) if plan.uses_output else None
    base = nn.Linear(plan.in_features, plan.out_features).requires_grad_(False)
    constants = [constant.value for constant in part._simulation.constants.items]
    found = Kept(without=[*part.parameters(), *base.parameters(), *constants])
    with found.hooks:
        part(x, y, base)
    return found.total


def gate_programs(plan: Plan) -> bool:
    evaluations = [node.evaluation for node in plan.nodes if isinstance(node, EvaluationNode)]
    return any(isinstance(evaluation, FusedEvaluation) for evaluation in evaluations)


def assert_predicted(adapter: CompiledAdapter, planned: PlannedSet) -> None:
    torch.manual_seed(0)
    for site, part in adapter.parts():
        each = (kept(part, 128) - kept(part, 64)) / 64
        predicted = planned.plans[site.unit].costs.activation_elements_per_token
        assert predicted == pytest.approx(each, rel=0.1)


@pytest.mark.parametrize("path", EXAMPLES, ids=[path.stem for path in EXAMPLES])
def test_activations_are_those_of_the_report(path: Path) -> None:
    adapter = qcompile.compile(path)
    planned = adapter.manifest.planned
    assert_predicted(adapter, planned if library() is not None else in_torch(planned))


CIRCUITS = [path for path in EXAMPLES if "circuit(" in path.read_text("utf-8")]


@pytest.mark.parametrize("path", CIRCUITS, ids=[path.stem for path in CIRCUITS])
def test_activations_in_torch_are_those_of_the_report(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fused_library, "library", lambda: None)
    adapter = qcompile.compile(path)
    planned = in_torch(adapter.manifest.planned)
    assert not any(map(gate_programs, planned.plans))
    assert_predicted(adapter, planned)
