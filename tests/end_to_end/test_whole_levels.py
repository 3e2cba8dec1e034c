"""Generated adapters mean the same at every level and with every evaluator."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
import torch
from hypothesis import event, given, settings
from hypothesis import strategies as st

from qcompile.adapter import load
from qcompile.driver.options import Options
from qcompile.ir.executor_names import BUILT_IN
from qcompile.ir.plan import EvaluationNode
from qcompile.ir.text import digest, text_of
from qcompile.testing.circuit_strategies import seeds
from qcompile.testing.spec_strategies import valid_adapters
from tests.end_to_end.whole import (
    EVALUATORS,
    OPTIONS,
    build,
    build_all,
    close,
    fill,
    gradients,
    inputs,
    oracle,
    shared_tensors,
    starts_at_zero,
)


def test_every_evaluator_of_the_language_is_compared() -> None:
    # `transfer` is for routed circuits under noise, see test_executors_transfer.py.
    assert set(EVALUATORS) == {"auto", *BUILT_IN} - {"transfer"}


@pytest.mark.timeout(900)
@settings(max_examples=70)
@given(text=valid_adapters(), seed=seeds)
def test_every_way_to_compile_agrees_with_the_oracle(text: str, seed: int) -> None:
    ways = build_all(text)
    (program,) = ways[0].compilation.lowered.programs
    values, x = shared_tensors(program, seed), inputs(program.in_features, seed)
    expected = oracle(program, x, values)
    for way in ways:
        fill(way, values)
        with torch.no_grad():
            found = way(torch.from_numpy(x))
        assert found.dtype == torch.float64 and found.shape == expected.shape
        close(found, expected, way.label, 1e-9)
        for plan in way.compilation.planned.plans:
            for node in plan.nodes:
                if isinstance(node, EvaluationNode):
                    event(f"{way.label}: {node.evaluation.kind}")


@settings(max_examples=80)
@given(text=valid_adapters(), seed=seeds)
def test_gradients_agree_between_all_ways(text: str, seed: int) -> None:
    ways = build_all(text, levels=(0, 2))
    (program,) = ways[0].compilation.lowered.programs
    values = shared_tensors(program, seed)
    x = torch.from_numpy(inputs(program.in_features, seed))
    expected = gradients(ways[0], values, x)
    for way in ways[1:]:
        found = gradients(way, values, x)
        assert set(found) <= set(expected)
        for name, gradient in expected.items():
            other = found.get(name, torch.zeros_like(gradient))
            close(other, gradient, f"{way.label} {name}", 1e-8)


@settings(max_examples=60)
@given(text=valid_adapters(), seed=seeds, level=st.sampled_from((0, 2)))
def test_gradients_agree_with_differences_of_the_oracle(text: str, seed: int, level: int) -> None:
    """Along a random direction, where the adapter is smooth there."""
    way = build(text, f"-O{level}", Options(target="by_auto", optimisation=level))
    (program,) = way.compilation.lowered.programs
    values, x = shared_tensors(program, seed), inputs(program.in_features, seed, rows=2)
    found = gradients(way, values, torch.from_numpy(x))
    generator = np.random.default_rng(seed + 1)
    drawn = {name: generator.normal(size=value.shape) for name, value in values.items()}
    by_identity = {id(values[name]): step for name, step in drawn.items()}
    steps = {name: by_identity[id(value)] for name, value in values.items()}
    move = generator.normal(size=x.shape)

    def value(by: float) -> float:
        moved = {name: values[name] + by * steps[name] for name in values}
        result = oracle(program, x + by * move, moved)
        return float((result * np.linspace(-1.0, 2.0, result.size).reshape(result.shape)).sum())

    h = 1e-4
    near = (value(h) - value(-h)) / (2 * h)
    nearer = (value(h / 4) - value(-h / 4)) / (h / 2)
    if abs(near - nearer) > 1e-4 * max(1.0, abs(near)):
        event("not smooth along the direction")
        return
    expected = nearer + (nearer - near) / 15
    slope = 0.0
    if found:
        slope = float((found["x"].numpy() * move).sum())
        for identity, step in by_identity.items():
            names = [name for name in found if id(values.get(name)) == identity]
            # Tensors of dead nodes are in no module.
            slope += float((found[names[0]].numpy() * step).sum()) if names else 0.0
    assert abs(slope - expected) <= 1e-5 * max(1.0, abs(expected))


@settings(max_examples=60)
@given(text=valid_adapters(), level=st.integers(0, 3))
def test_updates_start_at_exactly_zero_where_they_say_so(text: str, level: int) -> None:
    way = build(text, f"-O{level}", Options(optimisation=level))
    (plan,) = way.compilation.planned.plans
    x = torch.from_numpy(inputs(plan.in_features, level)).float()
    way.module.train()
    result = way(x)
    assert result.shape == (3, plan.out_features) and torch.isfinite(result).all()
    if starts_at_zero(text):
        event("zero")
        assert torch.count_nonzero(result) == 0


@settings(max_examples=40)
@given(text=valid_adapters(), seed=seeds, leading=st.lists(st.integers(0, 3), max_size=3))
def test_leading_axes_are_a_batch(text: str, seed: int, leading: list[int]) -> None:
    way = build(text, "-O2", OPTIONS)
    (plan,) = way.compilation.planned.plans
    shape = (*leading, plan.in_features)
    x = torch.from_numpy(np.random.default_rng(seed).normal(size=shape))
    with torch.no_grad():
        found = way(x)
        assert found.shape == (*leading, plan.out_features)
        for place in np.ndindex(*leading):
            close(found[place], way(x[place]), str(place), 1e-12)


@settings(max_examples=40)
@given(text=valid_adapters(), seed=seeds)
def test_saved_and_loaded_is_the_same(text: str, seed: int) -> None:
    way = build(text, "-O2", OPTIONS)
    (program,) = way.compilation.lowered.programs
    fill(way, shared_tensors(program, seed))
    x = torch.from_numpy(inputs(program.in_features, seed))
    with TemporaryDirectory() as folder:
        path = Path(folder) / "adapter.pt"
        way.module.save(path)
        again = load(path).eval()
        first = path.read_bytes()
        again.save(path)
        assert path.read_bytes() == first
    assert again.manifest == way.module.manifest
    state, other = way.module.state_dict(), again.state_dict()
    assert list(state) == list(other)
    assert all(torch.equal(state[name], other[name]) for name in state)
    assert torch.equal(replace(way, module=again)(x), way(x))


@settings(max_examples=40)
@given(text=valid_adapters(), level=st.integers(0, 3))
def test_compiling_twice_gives_the_same_text_and_bytes(text: str, level: int) -> None:
    first, second = (build(text, "", Options(optimisation=level)) for _ in range(2))
    for one, other in (
        (first.compilation.spec, second.compilation.spec),
        (first.compilation.lowered, second.compilation.lowered),
        (first.compilation.planned, second.compilation.planned),
    ):
        assert text_of(one) == text_of(other) and digest(one) == digest(other)
    with TemporaryDirectory() as folder:
        paths = [Path(folder) / name for name in ("a.pt", "b.pt")]
        for path, way in zip(paths, (first, second), strict=True):
            way.module.save(path)
        assert paths[0].read_bytes() == paths[1].read_bytes()


AMPLITUDES = """qa 1

adapter a() {
    shape 5 -> 3
    q = circuit(3 qubits) {
        encode amplitude(x)
        rot
        crx ring
        measure z
        measure "X0 Y2"
    }
    update linear(q, to: out_features)
}
"""


def test_a_circuit_without_data_is_the_same_for_every_token() -> None:
    text = """qa 1

adapter a() {
    shape 2 -> 3
    q = circuit(2 qubits) {
        ry
        measure probs
    }
    update linear(concat(x, q, 2 * q), to: out_features)
}
"""
    for way in build_all(text):
        (program,) = way.compilation.lowered.programs
        values, x = shared_tensors(program, 1), inputs(2, 1)
        fill(way, values)
        close(way(torch.from_numpy(x)).detach(), oracle(program, x, values), way.label, 1e-12)


@pytest.mark.parametrize("factor", [1e-150, 1e-3, 7.0, 1e150])
def test_amplitude_encoding_is_blind_to_scale(factor: float) -> None:
    for way in build_all(AMPLITUDES):
        x = torch.from_numpy(inputs(5, 1))
        torch.testing.assert_close(way.module(factor * x), way.module(x), atol=1e-12, rtol=0)
        kept = build(AMPLITUDES.replace("(x)", "(x, norm: keep)"), "keep", OPTIONS).module
        torch.testing.assert_close(kept(factor * x), factor * kept(x), atol=0, rtol=1e-10)


@pytest.mark.parametrize("evaluator", EVALUATORS)
def test_gradients_obey_the_parameter_shift_rule(evaluator: str) -> None:
    """Rotations have eigenvalues ±1/2, so f'(t) = (f(t + π/2) - f(t - π/2)) / 2 exactly."""
    text = AMPLITUDES.replace("encode amplitude(x)", "encode angle(linear(x, to: 3))")
    way = build(text.replace("crx", "rxx"), evaluator, replace(OPTIONS, target=f"by_{evaluator}"))
    (part,) = (part for _, part in way.module.parts())
    x = torch.from_numpy(inputs(5, 2))
    angles = part.get_parameter("q.angles")
    (found,) = torch.autograd.grad(way.module(x).sum(), angles)
    with torch.no_grad():
        for index in range(angles.numel()):
            ends = []
            for shift in (math.pi / 2, -math.pi):
                angles[index] += shift
                ends.append(way.module(x).sum())
            angles[index] += math.pi / 2
            expected = (ends[0] - ends[1]) / 2
            torch.testing.assert_close(found[index], expected, atol=1e-10, rtol=0)


@pytest.mark.parametrize("evaluator", EVALUATORS)
def test_gradcheck_of_a_whole_adapter(evaluator: str) -> None:
    text = AMPLITUDES.replace(
        "encode amplitude(x)", "encode angle(mpo(x, to: 3, sites: 2, bond: 2))"
    )
    way = build(text, evaluator, replace(OPTIONS, target=f"by_{evaluator}"))
    x = torch.from_numpy(inputs(5, 3, rows=2)).requires_grad_()
    parameters = dict(way.module.named_parameters())

    def value(x: torch.Tensor, *tensors: torch.Tensor) -> torch.Tensor:
        named = dict(zip(parameters, tensors, strict=True))
        result: torch.Tensor = torch.func.functional_call(way.module, named, (x,))
        return result

    assert torch.autograd.gradcheck(value, (x, *parameters.values()))
