"""What `report` says of memory is what autograd keeps."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

import qcompile
from qcompile.backends.simulator.module import AdapterModule
from qcompile.executors.fused.library import library
from qcompile.ir.plan import EvaluationNode, FusedEvaluation
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
    y = torch.randn(tokens, plan.out_features, requires_grad=True) if plan.uses_output else None
    base = nn.Linear(plan.in_features, plan.out_features).requires_grad_(False)
    constants = [constant.value for constant in part._constants.items]
    found = Kept(without=[*part.parameters(), *base.parameters(), *constants])
    with found.hooks:
        part(x, y, base)
    return found.total


@pytest.mark.parametrize("path", EXAMPLES, ids=[path.stem for path in EXAMPLES])
def test_activations_are_those_of_the_report(path: Path) -> None:
    torch.manual_seed(0)
    for _, part in qcompile.compile(path).parts():
        evaluations = [n.evaluation for n in part.plan.nodes if isinstance(n, EvaluationNode)]
        if library() is None and any(isinstance(e, FusedEvaluation) for e in evaluations):
            pytest.skip("the figures are those of the compiled library: `make library`")
        each = (kept(part, 128) - kept(part, 64)) / 64
        predicted = part.plan.costs.activation_elements_per_token
        assert predicted == pytest.approx(each, rel=0.1)
