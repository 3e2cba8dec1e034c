"""Work that is counted, not timed, held to `work.json`: what grows fails.

Where one has grown for a good reason: `pytest tests/work --update-golden`, and the diff is the
review. Figures that shrink pass, and the same command keeps them small.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

import qcompile
from qcompile.backends.simulator.module import AdapterModule
from qcompile.executors.fused.assemble import fused_program
from qcompile.executors.fused.cost import fused_work
from qcompile.executors.fused.library import library
from qcompile.ir.network import ContractionNode
from qcompile.ir.plan import EvaluationNode, FusedEvaluation

ROOT = Path(__file__).resolve().parents[2]
STORED = Path(__file__).with_name("work.json")
EXAMPLES = sorted(
    path
    for path in (ROOT / "examples").glob("**/*.qa")
    if "\nadapter " in path.read_text("utf-8") and "\n    prefix " not in path.read_text("utf-8")
)
"""All but prefixes, which have no tokens, and what is there to be imported."""
WHOLE = ("lora", "mpo", "qaa", "qtha", "quanta", "quantum_peft")
"""Of which torch.compile makes one graph, so far as the figures say."""
TOKENS = 8

Figures = dict[str, float]


class Operators(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts the operators that torch calls and the elements that they write, views apart."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.count = 0
        self.written = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        if not func.is_view:
            self.count += 1
            results = result if isinstance(result, (tuple, list)) else (result,)
            self.written += sum(r.numel() for r in results if isinstance(r, torch.Tensor))
        return result


def operators(part: AdapterModule) -> Operators:
    """Of forward and backward with gradients for the input and all parameters."""
    plan = part.plan
    x = torch.randn(TOKENS, plan.in_features, requires_grad=True)
    if plan.host == "embedding":
        x = torch.arange(TOKENS)
    y = torch.randn(TOKENS, plan.out_features, requires_grad=True) if plan.uses_output else None
    base = torch.nn.Linear(plan.in_features, plan.out_features).requires_grad_(False)
    found = Operators()
    with found:
        part(x, y, base).sum().backward()
    return found


def figures(path: Path) -> Figures:
    """Of the example's largest plan."""
    adapter = qcompile.compile(path)
    part = max((p for _, p in adapter.parts()), key=lambda p: p.plan.costs.forward_flops_per_token)
    costs = part.plan.costs
    found: Figures = {
        "forward FLOPs of a token": costs.forward_flops_per_token,
        "backward FLOPs of a token": costs.backward_flops_per_token,
        "FLOPs once a step": costs.hoisted_flops,
        "elements kept of a token": costs.activation_elements_per_token,
    }
    contractions = [len(n.steps) for n in part.plan.nodes if isinstance(n, ContractionNode)]
    found["contractions"] = sum(contractions)
    programs = [
        fused_program(node.evaluation.circuit)
        for node in part.plan.nodes
        if isinstance(node, EvaluationNode) and isinstance(node.evaluation, FusedEvaluation)
    ]
    if programs:
        turned = [fused_work(program).numbers for program in programs]
        found["passes of gate programs"] = sum(len(program.passes) for program in programs)
        found["numbers turned of a token"] = sum(turned)
    if library() is not None or not programs:
        torch.manual_seed(0)
        called = operators(part)
        found["operators of a step"] = called.count
        found[f"elements written for {TOKENS} tokens"] = called.written
    if path.stem in WHOLE and path.parent.name == "examples":
        torch._dynamo.reset()
        x = torch.randn(TOKENS, part.plan.in_features)
        found["graph breaks"] = torch._dynamo.explain(part)(x).graph_break_count
    return found


def modules_of_check(path: Path) -> Figures:
    script = (
        "import sys; from qcompile.cli import main\n"
        f"assert main(['check', {str(path)!r}]) == 0\n"
        "print(sum(name.partition('.')[0] == 'qcompile' for name in sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return {"modules of qcompile": int(done.stdout.split()[-1])}


def hold(name: str, found: Figures, update: bool) -> None:
    stored: dict[str, Figures] = json.loads(STORED.read_text()) if STORED.exists() else {}
    if update:
        kept = {**stored.get(name, {}), **found}
        stored[name] = {key: kept[key] for key in kept if key in found or library() is None}
        STORED.write_text(json.dumps(stored, indent=1, sort_keys=True) + "\n")
        return
    assert name in stored, "no figures: run with --update-golden and review them"
    expected = stored[name]
    assert found.keys() <= expected.keys()
    grown = {
        key: (expected[key], value)
        for key, value in found.items()
        if value > expected[key] * (1 + 1e-9)
    }
    assert not grown, f"(before, now) of {name}: {grown}"


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT / "examples").with_suffix(""))


@pytest.mark.parametrize("path", EXAMPLES, ids=name_of)
def test_work_does_not_grow(path: Path, pytestconfig: pytest.Config) -> None:
    hold(name_of(path), figures(path), bool(pytestconfig.getoption("update_golden")))


@pytest.mark.parametrize("name", ["lora", "qtha"])
def test_check_imports_no_more(name: str, pytestconfig: pytest.Config) -> None:
    found = modules_of_check(ROOT / "examples" / f"{name}.qa")
    hold(f"check {name}", found, bool(pytestconfig.getoption("update_golden")))


def test_growth_is_seen() -> None:
    with pytest.raises(AssertionError, match="contractions"):
        hold("lora", {"contractions": 10.0**6}, update=False)
