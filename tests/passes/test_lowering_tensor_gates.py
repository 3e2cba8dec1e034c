"""Tensor gates from text to plan: counts, pairs, axes, values and exact starts."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest
import torch

import qcompile
from qcompile.adapter import CompiledAdapter
from qcompile.diagnostics import Collector
from qcompile.diagnostics.source import Source
from qcompile.grammar.frontend import load_spec
from qcompile.ir.modes import resolve_modes
from qcompile.ir.ops.tensor_gates import TensorGatesNode
from qcompile.ir.program import Program
from qcompile.passes.lowering import lower

QUANTA = "tensor_gates(x, to: out_features, {}) - resize(x, out_features)"


def text(body: str, inputs: int, outputs: int, verb: str = "update") -> str:
    return f"qa 1\nadapter a() {{\nshape {inputs} -> {outputs}\n{verb} {body}\n}}\n"


def lowered(source: str) -> Program:
    collector = Collector()
    spec = load_spec(Source("a.qa", source), (), collector)
    assert spec is not None
    found = lower(spec, model=None, devices={}, collector=collector)
    assert found is not None and not collector.diagnostics
    (program,) = found.programs
    return program


def gates(program: Program) -> TensorGatesNode:
    (node,) = (node for node in program.nodes if isinstance(node, TensorGatesNode))
    return node


def parameters(program: Program) -> int:
    return sum(tensor.size for tensor in program.tensors)


def test_the_published_counts() -> None:
    program = lowered(text(QUANTA.format("modes: [16, 8, 8, 4]"), 4096, 4096))
    assert parameters(program) == 43_008
    assert parameters(program) == sum((a * b) ** 2 for a, b in combinations((16, 8, 8, 4), 2))
    assert parameters(lowered(text("cayley(y, block: 4)", 4096, 4096, "replace"))) == 6_144


@pytest.mark.parametrize(
    ("pattern", "pairs"),
    [
        ("all", ((0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3))),
        ("line", ((0, 1), (1, 2), (2, 3))),
        ("ring", ((0, 1), (1, 2), (2, 3), (3, 0))),
        ("brickwork", ((0, 1), (2, 3), (1, 2))),
    ],
)
def test_patterns(pattern: str, pairs: tuple[tuple[int, int], ...]) -> None:
    options = f"modes: [2, 3, 4, 5], pattern: {pattern}"
    program = lowered(text(QUANTA.format(options), 120, 120))
    modes = (2, 3, 4, 5)
    assert gates(program).pairs == pairs
    assert parameters(program) == sum((modes[i] * modes[j]) ** 2 for i, j in pairs)


@pytest.mark.parametrize("sizes", [(128, 128), (128, 64), (64, 128), (7, 13), (896, 128), (1, 1)])
@pytest.mark.parametrize("sites", [2, 3, 5])
def test_axes_are_found_for_any_width(sizes: tuple[int, int], sites: int) -> None:
    node = gates(lowered(text(QUANTA.format(f"sites: {sites}"), *sizes)))
    assert node.modes == resolve_modes(max(sizes), sites)
    assert math.prod(node.modes) >= max(sizes) and node.width == sizes[1]


def filled(source: str, level: int) -> CompiledAdapter:
    module = qcompile.compile(source, optimisation=level)
    with torch.no_grad():
        for index, parameter in enumerate(module.parameters()):
            parameter.copy_(torch.randn(parameter.shape, generator=torch.manual_seed(index)))
    return module


@pytest.mark.parametrize("sizes", [(12, 12), (12, 7), (7, 12), (5, 5)])
@pytest.mark.parametrize("pattern", ["all", "ring"])
@pytest.mark.parametrize("level", range(4))
def test_values_are_those_of_the_gates_one_by_one(
    sizes: tuple[int, int], pattern: str, level: int
) -> None:
    """Entry by entry: gate (i, j) replaces the indices i and j of the tensor."""
    inputs, outputs = sizes
    body = f"tensor_gates(x, to: {outputs}, modes: [3, 2, 2], pattern: {pattern})"
    source = text(body, *sizes, "replace")
    source += "target exact { dtype: float64 }\n"
    module = filled(source, level)
    program = lowered(source)
    modes = (3, 2, 2)
    state = {name.rpartition(".")[2]: value for name, value in module.state_dict().items()}
    x = np.random.default_rng(0).normal(size=inputs)
    current = {
        index: (x[place] if place < inputs else 0.0)
        for place, index in enumerate(np.ndindex(*modes))
    }
    for k, (i, j) in enumerate(gates(program).pairs):
        matrix = state[f"gate{k}"].numpy()
        after = dict.fromkeys(current, 0.0)
        for index in current:
            row = index[i] * modes[j] + index[j]
            for a in range(modes[i]):
                for b in range(modes[j]):
                    source_index = list(index)
                    source_index[i], source_index[j] = a, b
                    after[index] += matrix[row, a * modes[j] + b] * current[tuple(source_index)]
        current = after
    expected = [current[index] for index in np.ndindex(*modes)][:outputs]
    found = module(torch.from_numpy(x)).detach().numpy()
    np.testing.assert_allclose(found, expected, atol=1e-11, rtol=1e-11)


@pytest.mark.parametrize("sizes", [(128, 128), (128, 64), (64, 128), (344, 128), (97, 53)])
@pytest.mark.parametrize("level", range(4))
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_quanta_starts_at_exactly_zero(sizes: tuple[int, int], level: int, dtype: str) -> None:
    source = text(QUANTA.format("sites: 3"), *sizes) + f"target exact {{ dtype: {dtype} }}\n"
    module = qcompile.compile(source, optimisation=level)
    x = torch.randn(64, sizes[0]) * 10.0 ** torch.randint(-20, 20, (64, 1))
    result = module(x)
    assert torch.equal(result, torch.zeros(64, sizes[1]))
    (result * torch.randn(64, sizes[1])).sum().backward()
    assert all(p.grad is not None and bool(p.grad.any()) for p in module.parameters())
    (part,) = (part for _, part in module.parts())
    assert part.plan.linear and not part.merge_weight().any()


def test_zero_as_the_start_zeroes_the_last_gate_alone() -> None:
    module = qcompile.compile(text("tensor_gates(x, to: 8, sites: 3, init: zero)", 8, 8))
    *first, last = module.state_dict().values()
    assert len(first) == 2 and not last.any()
    assert all(torch.equal(gate, torch.eye(len(gate))) for gate in first)
    x = torch.randn(3, 8)
    result = module(x)
    assert not result.any()
    result.sum().backward()
    assert any(p.grad is not None and bool(p.grad.any()) for p in module.parameters())


def test_gates_meet_other_networks_on_their_axes() -> None:
    """What an MPO gives in the same modes is never flattened: one network holds both."""
    body = (
        "linear(tensor_gates(mpo(x, to: 16, in_modes: [4, 4], out_modes: [4, 4], bond: 2), "
        "to: 16, modes: [4, 4]), to: 16)"
    )
    module = filled(text(body, 16, 16, "replace") + "target t { dtype: float64 }\n", 2)
    slow = filled(text(body, 16, 16, "replace") + "target t { dtype: float64 }\n", 0)
    x = torch.randn(5, 16, dtype=torch.float64)
    torch.testing.assert_close(module(x), slow(x), atol=1e-10, rtol=1e-10)
    (part,) = (part for _, part in module.parts())
    assert len(part.plan.nodes) == 2


@pytest.mark.parametrize("sizes", [(6, 9), (9, 6), (6, 6)])
@pytest.mark.parametrize("level", range(4))
def test_resize_cuts_or_pads_with_zeros(sizes: tuple[int, int], level: int) -> None:
    inputs, outputs = sizes
    source = text(f"resize(x, {outputs}) * vector({outputs}, init: constant(2))", *sizes, "replace")
    x = torch.randn(4, inputs)
    expected = torch.zeros(4, outputs)
    width = min(sizes)
    expected[:, :width] = 2 * x[:, :width]
    assert torch.equal(qcompile.compile(source, optimisation=level)(x), expected)
