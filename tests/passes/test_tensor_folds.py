"""Folding and flattening keep the meaning of every short sequence of steps, all of them."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from math import gcd

import numpy as np
import pytest

from qcompile.ir.initialisation import Init
from qcompile.ir.node import ProgramNode
from qcompile.ir.ops.arithmetic import AddNode, MultiplyNode, ScaleNode, ShiftNode
from qcompile.ir.ops.circuit_data import FoldNode, NormaliseNode, NormNode, PairProductNode
from qcompile.ir.ops.dropout import DropoutNode
from qcompile.ir.ops.elementwise import ELEMENTWISE, ActivationNode
from qcompile.ir.ops.ends import InputNode
from qcompile.ir.ops.linear import BiasNode, LinearNode
from qcompile.ir.ops.widths import ConcatNode, SliceNode, ZeroNode
from qcompile.ir.program import Program
from qcompile.ir.tensor import TensorSpec
from qcompile.ir.verify_program import verify_program
from qcompile.passes.base import Context, ProgramPass
from qcompile.passes.tensor.common_subexpressions import CommonSubexpressions
from qcompile.passes.tensor.flatten_sums import FlattenSums
from qcompile.passes.tensor.fold_constants import FoldConstants
from qcompile.passes.tensor.group_networks import GroupNetworks
from qcompile.testing.reference import evaluate_program, random_tensors

WIDTH = 4
RESULT = 3
PASSES: tuple[ProgramPass, ...] = (
    FoldConstants(),
    FlattenSums(),
    CommonSubexpressions(),
    GroupNetworks(),
)
INPUT, BIAS, LAST = 0, 0, 1
Step = Callable[[int, int], tuple[ProgramNode, ...]]
"""(index, width) of a value → nodes of which the last one replaces it, numbered from index + 1."""

STEPS: dict[str, Step] = {
    "scale": lambda i, w: (ScaleNode(operand=i, factor=-2.5, width=w),),
    "scale by one": lambda i, w: (ScaleNode(operand=i, factor=1.0, width=w),),
    "scale by zero": lambda i, w: (ScaleNode(operand=i, factor=0.0, width=w),),
    "shift": lambda i, w: (ShiftNode(operand=i, offset=0.75, width=w),),
    "shift by zero": lambda i, w: (ShiftNode(operand=i, offset=0.0, width=w),),
    "slice": lambda i, w: (SliceNode(operand=i, start=1 if w > 1 else 0, width=max(1, w - 1)),),
    "whole slice": lambda i, w: (SliceNode(operand=i, start=0, width=w),),
    "concat": lambda i, w: (ConcatNode(operands=(INPUT, i), width=w + WIDTH),),
    "end of concat": lambda i, w: (
        ConcatNode(operands=(INPUT, i), width=w + WIDTH),
        SliceNode(operand=i + 1, start=WIDTH, width=w),
    ),
    "middle of concat": lambda i, w: (
        ConcatNode(operands=(INPUT, i, INPUT), width=w + 2 * WIDTH),
        SliceNode(operand=i + 1, start=WIDTH - 1, width=w),
    ),
    "lone concat": lambda i, w: (ConcatNode(operands=(i,), width=w),),
    "sum of sums": lambda i, w: (
        ScaleNode(operand=i, factor=3.0, width=w),
        ActivationNode(operand=i, kind="cos", width=w),
        AddNode(operands=(i, i + 1), width=w),
        AddNode(operands=(i + 2, i + 3, i), width=w),
    ),
    "sum with zero": lambda i, w: (ZeroNode(width=w), AddNode(operands=(i, i + 1), width=w)),
    "square": lambda i, w: (MultiplyNode(operands=(i, i), width=w),),
    "product with zero": lambda i, w: (
        ZeroNode(width=w),
        MultiplyNode(operands=(i, i + 1), width=w),
    ),
    "dropout": lambda i, w: (DropoutNode(operand=i, probability=0.5, width=w),),
    "no dropout": lambda i, w: (DropoutNode(operand=i, probability=0.0, width=w),),
    "norm": lambda i, w: (NormNode(operand=i),),
    "pairs": lambda i, w: (PairProductNode(operand=i, pairs=((0, w - 1),), width=1),),
    "fold": lambda i, w: (FoldNode(operand=i, width=2),),
    "fold to itself": lambda i, w: (FoldNode(operand=i, width=w),),
    "fold of zero": lambda i, w: (ZeroNode(width=w), FoldNode(operand=i + 1, width=2 * w)),
    "normalise": lambda i, w: (NormaliseNode(operand=i, width=w),),
    "normalised zero": lambda i, w: (
        ZeroNode(width=w),
        NormaliseNode(operand=i + 1, width=w),
    ),
    "bias": lambda i, w: (
        SliceNode(operand=i, start=0, width=1),
        BiasNode(operand=i + 1, tensor=BIAS, width=1),
    ),
}
THIRDS = [turn for turn in range(1, len(STEPS)) if gcd(turn, len(STEPS)) == 1][:5]
"""Prime to the number of steps, so that each is a Latin square."""

ACTIVATIONS: tuple[str, ...] = tuple(ELEMENTWISE)


def program_of(steps: tuple[Step, ...]) -> Program:
    nodes: list[ProgramNode] = [InputNode(width=WIDTH)]
    for step in steps:
        nodes += step(len(nodes) - 1, nodes[-1].width)
    width = nodes[-1].width
    nodes.append(LinearNode(operand=len(nodes) - 1, tensor=LAST, width=RESULT))
    init = Init(kind="normal", arguments=(1.0, 0.0))
    return Program(
        adapter="steps",
        in_features=WIDTH,
        out_features=RESULT,
        mode="add",
        nodes=tuple(nodes),
        result=len(nodes) - 1,
        tensors=(
            TensorSpec(name="bias", shape=(1,), init=init),
            TensorSpec(name="last", shape=(RESULT, width), init=init),
        ),
        parameters=(),
    )


def assert_kept(steps: tuple[Step, ...]) -> None:
    before = program_of(steps)
    values = random_tensors(before, 3)
    by_name = {before.tensors[index].name: value for index, value in values.items()}
    x = np.random.default_rng(4).normal(size=(2, WIDTH))
    expected = evaluate_program(before, x, values)
    after = before
    for step in PASSES:
        after = step.run(after, Context())
        verify_program(after)
        tensors = {index: by_name[spec.name] for index, spec in enumerate(after.tensors)}
        found = evaluate_program(after, x, tensors)
        np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-10, err_msg=step.name)


@pytest.mark.parametrize("first", STEPS)
def test_sequences_of_three_steps(first: str) -> None:
    """Every two steps at any two places; of all threes a fifth."""
    names = list(STEPS)
    place = names.index(first)
    for second, turn in product(range(len(names)), THIRDS):
        third = (place + turn * second) % len(names)
        assert_kept((STEPS[first], STEPS[names[second]], STEPS[names[third]]))


@pytest.mark.parametrize("kind", ACTIVATIONS)
def test_every_activation_after_every_step(kind: str) -> None:
    def activation(index: int, width: int) -> tuple[ProgramNode, ...]:
        if kind not in ("sqrt", "log", "reciprocal"):
            return (ActivationNode(operand=index, kind=kind, width=width),)
        positive = ActivationNode(operand=index, kind="exp", width=width)
        return (positive, ActivationNode(operand=index + 1, kind=kind, width=width))

    for step in STEPS.values():
        assert_kept((step, activation))
        assert_kept((activation, step))
