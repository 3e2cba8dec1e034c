"""Contraction paths: right, deterministic, and the cheap ones."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qcompile.contraction.paths import candidate_trees
from qcompile.contraction.tree import Shapes, TooManyIndices, steps_of_tree
from qcompile.ir.network import BATCH, ContractionNode, NetworkNode
from qcompile.ir.program import Program
from qcompile.passes.base import Context
from qcompile.passes.pipeline import preset, run_pipeline
from qcompile.passes.tensor.contract import best_contraction, contraction_cost, shapes_of
from qcompile.passes.tensor.group_networks import GroupNetworks
from qcompile.testing.known_programs import lora, mpo_layer, qtha

BIG = 2**40


def networks(program: Program) -> list[NetworkNode]:
    grouped = GroupNetworks().run(program, Context())
    return [node for node in grouped.nodes if isinstance(node, NetworkNode)]


@st.composite
def random_shapes(draw: st.DrawFn) -> Shapes:
    """Hypergraphs with a batch label, repeated labels, sums over lone labels, scalars."""
    sizes = {BATCH: 2, **{k: draw(st.integers(1, 3)) for k in range(1, 7)}}
    labels = st.lists(st.integers(0, 6), max_size=4)
    operands = tuple(
        (*sorted({BATCH} & set(chosen)), *(label for label in chosen if label != BATCH))
        for chosen in draw(st.lists(labels, min_size=1, max_size=7))
    )
    present = sorted({label for operand in operands for label in operand})
    output = tuple(label for label in present if label == BATCH or draw(st.booleans()))
    return Shapes(operands=operands, output=output, sizes=sizes)


@settings(max_examples=150)
@given(shapes=random_shapes(), seed=st.integers(0, 99))
def test_every_candidate_equals_the_dense_contraction(shapes: Shapes, seed: int) -> None:
    generator = np.random.default_rng(seed)
    arrays = [
        generator.standard_normal([shapes.sizes[label] for label in operand])
        for operand in shapes.operands
    ]
    arguments: list[Any] = [
        part for pair in zip(arrays, map(list, shapes.operands), strict=True) for part in pair
    ]
    expected = np.einsum(*arguments, list(shapes.output))
    for tree in candidate_trees(shapes, repeats=2):
        working = list(arrays)
        seen_data = False
        for step in steps_of_tree(shapes, tree):
            pair = step.contraction
            taken = [working[pair.left]] + ([] if pair.right is None else [working[pair.right]])
            result = np.einsum(pair.equation, *taken)
            working = [a for k, a in enumerate(working) if k not in (pair.left, pair.right)]
            working.append(result)
            assert result.size == step.elements
            assert pair.batched or not seen_data
            seen_data = pair.batched
        (result,) = working
        np.testing.assert_allclose(result, expected, rtol=1e-9, atol=1e-9)


def test_qtha_costs_a_token_what_lora_costs() -> None:
    rank, width = 4, 3584
    inward, *_, outward = networks(qtha(rank=rank))
    for network in (inward, outward):
        node = best_contraction(network, tokens=2048, memory_limit=BIG)
        assert node.flops_per_token == 2 * rank * width
        assert node.activations_per_token == 0
        assert [step.batched for step in node.steps] == [False] * 4 + [True]


def test_the_plan_of_qtha_is_lora_plus_the_circuit() -> None:
    plan = run_pipeline(qtha(rank=4, layers=1), preset(2), Context())
    contractions = [node for node in plan.nodes if isinstance(node, ContractionNode)]
    assert sum(node.flops_per_token for node in contractions) == 2 * 4 * (2 * 3584) + 2 * 2 * 4 * 4


def test_lora_is_contracted_through_its_rank() -> None:
    (network,) = networks(lora(4096, 4096, 8))
    node = best_contraction(network, tokens=2048, memory_limit=BIG)
    assert node.flops_per_token == 2 * 8 * 2 * 4096
    assert node.flops_hoisted == 0


def test_a_large_bond_is_reconstructed_and_a_small_batch_is_swept() -> None:
    (network,) = networks(mpo_layer((8, 12, 16), (8, 12, 16), 32))
    dense = best_contraction(network, tokens=8192, memory_limit=BIG)
    assert dense.flops_per_token == 2 * 1536 * 1536
    (network,) = networks(mpo_layer((8, 12, 16), (8, 12, 16), 4))
    path = best_contraction(network, tokens=16, memory_limit=BIG)
    assert path.flops_per_token < 2 * 1536 * 1536 / 3


@pytest.mark.parametrize("tokens", [1, 128, 2048])
def test_the_choice_is_the_cheapest_candidate(tokens: int) -> None:
    (network,) = networks(mpo_layer((4, 6, 8, 8), (4, 6, 8, 8), 4))
    chosen = best_contraction(network, tokens=tokens, memory_limit=BIG)
    shapes = shapes_of(network, tokens)
    candidates = [steps_of_tree(shapes, tree) for tree in candidate_trees(shapes, repeats=8)]
    best = min(candidates, key=lambda steps: contraction_cost(steps).seconds)
    assert chosen.steps == tuple(step.contraction for step in best)


def test_the_memory_limit_excludes_paths() -> None:
    (network,) = networks(mpo_layer((32, 48), (32, 48), 4))
    free = best_contraction(network, tokens=128, memory_limit=BIG)
    least = 4 * (128 * 1536 + 2 * 1536 * 1536)
    bound = best_contraction(network, tokens=128, memory_limit=least)
    assert free.activations_per_token > 0
    tight = best_contraction(network, tokens=2048, memory_limit=4 * 1536 * (2048 + 2 * 1536) + 1)
    assert tight.activations_per_token == 0
    assert bound.steps


def test_more_indices_than_letters_are_refused() -> None:
    many = tuple(range(1, 60))
    shapes = Shapes(operands=(many, many), output=(), sizes=dict.fromkeys(many, 2))
    with pytest.raises(TooManyIndices):
        steps_of_tree(shapes, ((0, 1),))


def test_three_processes_with_different_hash_seeds_find_the_same_plan() -> None:
    script = (
        "import hashlib\n"
        "from qcompile.passes.base import Context\n"
        "from qcompile.passes.pipeline import preset, run_pipeline\n"
        "from qcompile.testing.known_programs import mpo_layer, qtha, qtha_circuit\n"
        "from qcompile.ir.target import Target\n"
        "text = ''\n"
        "forced = Context(target=Target(name='t', evaluator='network'))\n"
        "for program in (qtha(rank=4, layers=1), mpo_layer((2,) * 9, (2,) * 9, 3)):\n"
        "    for context in (Context(), forced):\n"
        "        text += repr(run_pipeline(program, preset(3), context))\n"
        "print(hashlib.sha256(text.encode()).hexdigest())\n"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONHASHSEED": seed},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(found) == 1
