"""Contractions, plain nodes and initialisations one by one."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from qcompile.backends.simulator.contraction import ContractionStep
from qcompile.backends.simulator.initialise import initial_value
from qcompile.backends.simulator.steps import CallFrame, node_step
from qcompile.executors.constants import Constants
from qcompile.ir.initialisation import ZERO, Init
from qcompile.ir.network import (
    ContractionNode,
    DataOperand,
    NetworkNode,
    NetworkOperand,
    PairContraction,
    TensorOperand,
    View,
)
from qcompile.ir.node import PlainNode
from qcompile.ir.ops.arithmetic import AddNode, MultiplyNode, ScaleNode, ShiftNode
from qcompile.ir.ops.circuit_data import FoldNode, NormaliseNode, NormNode, PairProductNode
from qcompile.ir.ops.dropout import DropoutNode
from qcompile.ir.ops.elementwise import ActivationNode
from qcompile.ir.ops.linear import BiasNode
from qcompile.ir.ops.tables import VectorNode
from qcompile.ir.ops.widths import ConcatNode, SliceNode, ZeroNode
from qcompile.ir.tensor import TensorSpec


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def contraction(
    operands: tuple[NetworkOperand, ...],
    steps: tuple[PairContraction, ...],
    output: tuple[int, ...],
    sizes: dict[int, int],
    width: int,
    factor: float = 1.0,
) -> ContractionNode:
    return ContractionNode(
        network=NetworkNode(
            operands=operands,
            output=output,
            sizes=tuple(sorted(sizes.items())),
            factor=factor,
            width=width,
        ),
        steps=steps,
        flops_per_token=0.0,
        flops_hoisted=0.0,
        activations_per_token=0,
    )


def test_two_site_operator_with_padding_and_cut() -> None:
    """x of 5, padded to 6 = 2·3, through cores (2·2, 4) and (4, 2·3), cut from 4 to 3."""
    x, first, second = draw(7, 5), draw(4, 4, seed=1), draw(4, 6, seed=2)
    node = contraction(
        (
            DataOperand(node=0, view=View(padded=(6,), modes=(2, 3), labels=(1, 2))),
            TensorOperand(tensor=0, view=View(padded=(4, 4), modes=(2, 2, 4), labels=(3, 1, 4))),
            TensorOperand(tensor=1, view=View(padded=(4, 6), modes=(4, 2, 3), labels=(4, 5, 2))),
        ),
        (
            PairContraction(left=1, right=2, equation="cae,edf->cadf", batched=False),
            PairContraction(left=1, right=0, equation="cadf,baf->bcd", batched=True),
        ),
        (3, 5),
        {1: 2, 2: 3, 3: 2, 4: 4, 5: 2},
        3,
        factor=0.5,
    )
    step = ContractionStep(node, [(4, 4), (4, 6)], [5], Constants())
    dense = torch.einsum("cae,edf->cdaf", first.reshape(2, 2, 4), second.reshape(4, 2, 3)).reshape(
        4, 6
    )
    expected = 0.5 * (x @ dense[:, :5].T)[:, :3]
    torch.testing.assert_close(step([x], [first, second]), expected)
    assert step([x[:0]], [first, second]).shape == (0, 3)


@pytest.mark.parametrize(
    ("left", "right", "equation"), [(0, 1, "bi,oi->bo"), (1, 0, "oi,bi->bo"), (0, 1, "ba,ra->br")]
)
def test_matrices_in_any_order(left: int, right: int, equation: str) -> None:
    x, weight = draw(4, 3), draw(2, 3, seed=1)
    node = contraction(
        (
            DataOperand(node=0, view=View(padded=(3,), modes=(3,), labels=(1,))),
            TensorOperand(tensor=0, view=View(padded=(2, 3), modes=(2, 3), labels=(2, 1))),
        ),
        (PairContraction(left=left, right=right, equation=equation, batched=True),),
        (2,),
        {1: 3, 2: 2},
        2,
    )
    step = ContractionStep(node, [(2, 3)], [3], Constants())
    torch.testing.assert_close(step([x], [weight]), x @ weight.T)
    torch.testing.assert_close(step([x[0]], [weight]), x[0] @ weight.T)


def test_single_operands_and_data_free_networks() -> None:
    x, weight = draw(4, 6), draw(2, 3, seed=1)
    turned = contraction(
        (DataOperand(node=0, view=View(padded=(6,), modes=(2, 3), labels=(1, 2))),),
        (),
        (2, 1),
        {1: 2, 2: 3},
        6,
        factor=2.0,
    )
    step = ContractionStep(turned, [], [6], Constants())
    expected = 2 * x.reshape(4, 2, 3).transpose(1, 2).reshape(4, 6)
    torch.testing.assert_close(step([x], []), expected)
    summed = contraction(
        (TensorOperand(tensor=0, view=View(padded=(2, 3), modes=(2, 3), labels=(1, 2))),),
        (PairContraction(left=0, right=None, equation="ab->b", batched=False),),
        (2,),
        {1: 2, 2: 3},
        3,
    )
    step = ContractionStep(summed, [(2, 3)], [], Constants())
    torch.testing.assert_close(step([], [weight]), weight.sum(0))


A, B, V = draw(3, 4), draw(3, 4, seed=1), draw(4, seed=2)
ONE = draw(3, 1, seed=3)
REFERENCE: list[tuple[PlainNode, Tensor]] = [
    (AddNode(operands=(0, 1, 2), width=4), A + B + V),
    (MultiplyNode(operands=(0, 3), width=4), A * ONE),
    (MultiplyNode(operands=(0, 0, 2), width=4), A * A * V),
    (ScaleNode(operand=0, factor=-2.0, width=4), -2 * A),
    (ShiftNode(operand=0, offset=0.5, width=4), A + 0.5),
    (BiasNode(operand=0, tensor=0, width=4), A + V),
    (ConcatNode(operands=(0, 2, 3), width=9), torch.cat((A, V.expand(3, 4), ONE), 1)),
    (ConcatNode(operands=(2, 2), width=8), torch.cat((V, V))),
    (SliceNode(operand=0, start=1, width=2), A[:, 1:3]),
    (NormNode(operand=0), torch.sqrt((A * A).sum(1, keepdim=True))),
    (
        PairProductNode(operand=0, pairs=((0, 3), (2, 2)), width=2),
        torch.stack((A[:, 0] * A[:, 3], A[:, 2] ** 2), 1),
    ),
    (FoldNode(operand=0, width=2), (A[:, :2] + A[:, 2:]) / 2**0.5),
    (
        FoldNode(operand=0, width=3),
        torch.stack(((A[:, 0] + A[:, 3]) / 2**0.5, A[:, 1], A[:, 2]), 1),
    ),
    (FoldNode(operand=0, width=9), A[:, [0, 1, 2, 3, 0, 1, 2, 3, 0]]),
    (FoldNode(operand=2, width=2), (V[:2] + V[2:]) / 2**0.5),
    (NormaliseNode(operand=0, width=4), 2 * A / torch.sqrt((A * A).sum(1, keepdim=True))),
    (VectorNode(tensor=0, width=4), V),
    (ZeroNode(width=2), torch.zeros(2, dtype=torch.float64)),
    (DropoutNode(operand=0, probability=0.5, width=4), A),
]


def run(node: PlainNode, values: list[Tensor], training: bool = False) -> Tensor:
    frame = CallFrame(A, [V], values, training)
    widths = [value.shape[-1] for value in values]
    return node_step(node, widths, Constants())(frame)


@pytest.mark.parametrize(("node", "expected"), REFERENCE, ids=lambda v: type(v).__name__)
def test_plain_nodes(node: PlainNode, expected: Tensor) -> None:
    torch.testing.assert_close(run(node, [A, B, V, ONE]), expected)


def test_dropout_scales_what_it_keeps() -> None:
    torch.manual_seed(0)
    ones = torch.ones(1, 10000, dtype=torch.float64)
    result = run(DropoutNode(operand=0, probability=0.25, width=10000), [ones], training=True)
    assert set(result[0].tolist()) == {0.0, 1 / 0.75}
    assert abs(float(result.mean()) - 1) < 0.03


@pytest.mark.parametrize(
    ("kind", "function"),
    [
        ("relu", lambda v: max(v, 0.0)),
        ("gelu", lambda v: 0.5 * v * (1 + math.erf(v / math.sqrt(2)))),
        ("silu", lambda v: v / (1 + math.exp(-v))),
        ("tanh", math.tanh),
        ("sigmoid", lambda v: 1 / (1 + math.exp(-v))),
        ("sin", math.sin),
        ("cos", math.cos),
        ("exp", math.exp),
        ("softplus", lambda v: math.log1p(math.exp(v))),
        ("abs", abs),
        ("square", lambda v: v * v),
        ("step", lambda v: float(v > 0)),
    ],
)
def test_activations(kind: str, function: object) -> None:
    assert callable(function)
    points = [-2.0, -0.5, 0.0, 0.3, 1.7]
    value = torch.tensor([points], dtype=torch.float64)
    found = run(ActivationNode(operand=0, kind=kind, width=5), [value])
    torch.testing.assert_close(found[0], torch.tensor([function(p) for p in points]).double())


def test_norm_at_zero_has_zero_gradient() -> None:
    value = torch.zeros(2, 4, dtype=torch.float64, requires_grad=True)
    result = run(NormNode(operand=0), [value])
    (grad,) = torch.autograd.grad(result.sum(), value)
    assert torch.equal(result.detach(), torch.zeros(2, 1, dtype=torch.float64))
    assert torch.equal(grad, torch.zeros(2, 4, dtype=torch.float64))


def test_normalisation_of_zero_and_of_values_out_of_range() -> None:
    value = torch.zeros(2, 4, dtype=torch.float64, requires_grad=True)
    result = run(NormaliseNode(operand=0, width=4), [value])
    (grad,) = torch.autograd.grad(result.sum(), value)
    assert torch.equal(result.detach(), torch.zeros(2, 4, dtype=torch.float64))
    assert torch.equal(grad, torch.zeros(2, 4, dtype=torch.float64))
    for size in (1e-30, 1e30):
        tiny = run(NormaliseNode(operand=0, width=4), [torch.full((1, 4), size)])
        torch.testing.assert_close(tiny, torch.ones(1, 4))
    empty = run(NormaliseNode(operand=0, width=4), [torch.zeros(0, 4)])
    assert empty.shape == (0, 4)


def test_folding_and_normalisation_have_the_gradients_of_finite_differences() -> None:
    value = draw(3, 7).requires_grad_()
    for node in (
        FoldNode(operand=0, width=3),
        FoldNode(operand=0, width=10),
        NormaliseNode(operand=0, width=7),
    ):
        assert torch.autograd.gradcheck(lambda v, node=node: run(node, [v]), (value,))


def start(
    kind: str, *arguments: float, shape: tuple[int, ...] = (200, 50), fan_in: int | None = None
) -> Tensor:
    init = Init(kind=kind, arguments=arguments)  # type: ignore[arg-type]
    return initial_value(TensorSpec(name="w", shape=shape, init=init, fan_in=fan_in), 7)


def test_initialisations() -> None:
    assert torch.equal(start("zero"), torch.zeros(200, 50, dtype=torch.float64))
    assert torch.equal(start("constant", 0.25), torch.full((200, 50), 0.25, dtype=torch.float64))
    normal = start("normal", 0.5, 2.0)
    assert abs(float(normal.mean()) - 2) < 0.02 and abs(float(normal.std()) - 0.5) < 0.02
    uniform = start("uniform", -1.0, 3.0)
    assert -1 <= float(uniform.min()) < -0.99 and 2.99 < float(uniform.max()) <= 3
    bound = math.sqrt(6 / (6 * 50))
    found = float(start("kaiming_uniform", math.sqrt(5)).abs().max())
    assert 0.99 * bound < found <= bound
    assert abs(float(start("kaiming_normal", 0.0).std()) - math.sqrt(2 / 50)) < 0.005
    wider = float(start("kaiming_normal", 0.0, fan_in=200).std())
    assert abs(wider - math.sqrt(2 / 200)) < 0.005
    bound = math.sqrt(6 / 250)
    assert 0.99 * bound < float(start("xavier_uniform", 1.0).abs().max()) <= bound
    columns = start("orthogonal", 2.0)
    torch.testing.assert_close(columns.T @ columns, 4 * torch.eye(50, dtype=torch.float64))
    rows = start("orthogonal", 1.0, shape=(4, 3, 2))
    flat = rows.reshape(4, 6)
    torch.testing.assert_close(flat @ flat.T, torch.eye(4, dtype=torch.float64))
    assert torch.equal(start("identity", 3.0, shape=(2, 3)), 3 * torch.eye(2, 3).double())


def test_segments_start_differently() -> None:
    spec = TensorSpec(
        name="q.angles",
        shape=(5,),
        init=ZERO,
        segments=((2, ZERO), (3, Init(kind="constant", arguments=(1.5,)))),
    )
    assert initial_value(spec, 0).tolist() == [0.0, 0.0, 1.5, 1.5, 1.5]
