"""torch.compile traces every example in one graph, and its gradients are those without it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import qcompile
from qcompile.adapter import CompiledAdapter
from qcompile.ir.hosts import EMBEDDING_HOST
from qcompile.ir.plan import EvaluationNode
from tests.adapter.models import TOKENS, llama

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = sorted(
    path
    for path in (ROOT / "examples").glob("**/*.qa")
    if "\nadapter " in path.read_text(encoding="utf-8")
)
"""Files with an adapter; the others are there to be imported."""


def names(paths: list[Path]) -> list[str]:
    return [path.relative_to(ROOT / "examples").as_posix() for path in paths]


def compiled(path: Path, model: nn.Module | None = None) -> CompiledAdapter:
    """The example with random tensors; smaller where it has a rank, since tracing takes long."""
    smaller = {"rank": 2} if "rank: int" in path.read_text("utf-8") else {}
    adapter = qcompile.compile(path, model=model, parameters=smaller)
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for parameter in adapter.parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            parameter.copy_(0.3 * noise)
    return adapter.double()


def gradients(call: Any, module: nn.Module) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """The loss and its gradients, with the same shots and dropout each time."""
    torch.manual_seed(0)
    module.zero_grad()
    loss = call()
    loss.backward()
    found = [p.grad for p in module.parameters() if p.requires_grad and p.grad is not None]
    return loss.detach(), [gradient.clone() for gradient in found]


def compare(call: Any, traced: Any, module: nn.Module) -> None:
    (loss, eager), (again, fast) = gradients(call, module), gradients(traced, module)
    torch.testing.assert_close(again, loss, rtol=1e-11, atol=1e-13)
    assert len(eager) == len(fast) > 0
    for left, right in zip(fast, eager, strict=True):
        torch.testing.assert_close(left, right, rtol=1e-8, atol=1e-11)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*treespec:FutureWarning")
@pytest.mark.parametrize("path", EXAMPLES, ids=names(EXAMPLES))
def test_every_example_is_one_graph_with_the_same_gradients(path: Path) -> None:
    adapter = compiled(path)
    torch.compiler.reset()
    # One site of each kind of body, a circuit and what has none; sizes change nothing here.
    kinds = {part.plan.adapter: part for _, part in adapter.parts()}
    for part in kinds.values():
        generator = torch.Generator().manual_seed(1)
        plan = part.plan
        sizes = [(2, 3, plan.in_features), (2, 3, plan.out_features)]
        given: tuple[Any, ...] = tuple(
            torch.randn(size, dtype=torch.float64, generator=generator) for size in sizes
        )
        if plan.uses_base:
            frozen = nn.Linear(plan.in_features, plan.out_features, dtype=torch.float64)
            given += (frozen.requires_grad_(False),)
        elif not plan.uses_output:
            given = given[:1]
        if plan.host == EMBEDDING_HOST:
            given = (torch.arange(6).reshape(2, 3), *given[1:])
        prefix = part.plan.mode == "prefix"
        eager: Any = (lambda part=part: torch.cat(part.prefix())) if prefix else part
        fast = torch.compile(eager, fullgraph=True, backend="aot_eager")
        given = () if prefix else given
        compare(
            lambda eager=eager, given=given: eager(*given).square().mean(),
            lambda fast=fast, given=given: fast(*given).square().mean(),
            part,
        )


@pytest.mark.parametrize("name", ["lora", "qaa"])
def test_a_whole_model_with_adapters_is_one_graph(name: str) -> None:
    model = llama().double()
    adapter = compiled(ROOT / "examples" / f"{name}.qa", model=model)
    qcompile.attach(model, adapter)
    circuits = any(isinstance(n, EvaluationNode) for _, p in adapter.parts() for n in p.plan.nodes)
    assert circuits == (name == "qaa")
    torch.compiler.reset()
    fast = torch.compile(model, fullgraph=True, backend="aot_eager")
    compare(
        lambda: model(input_ids=TOKENS, labels=TOKENS).loss,
        lambda: fast(input_ids=TOKENS, labels=TOKENS).loss,
        model,
    )
