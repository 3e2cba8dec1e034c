"""The oracle itself, against values worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qcompile.ir.circuit import Affine, Circuit, Expectations, Gate, Pauli, ZeroState
from qcompile.ir.initialisation import ZERO
from qcompile.ir.network import DataOperand, NetworkNode, TensorOperand, View
from qcompile.ir.node import ProgramNode
from qcompile.ir.ops.arithmetic import AddNode, MultiplyNode, ScaleNode, ShiftNode
from qcompile.ir.ops.circuit_data import FoldNode, NormaliseNode, NormNode, PairProductNode
from qcompile.ir.ops.dropout import DropoutNode
from qcompile.ir.ops.elementwise import ActivationNode
from qcompile.ir.ops.ends import InputNode
from qcompile.ir.ops.linear import BiasNode, LinearNode
from qcompile.ir.ops.mpo import MpoNode
from qcompile.ir.ops.tables import VectorNode
from qcompile.ir.ops.widths import ConcatNode, SliceNode, ZeroNode
from qcompile.ir.program import CircuitNode, Program
from qcompile.ir.tensor import TensorSpec
from qcompile.ir.verify_program import verify_program
from qcompile.testing.program_strategies import NODE_KINDS, programs
from qcompile.testing.reference import evaluate_program, random_tensors

Array = np.ndarray[tuple[int, ...], np.dtype[np.float64]]

X = np.array([[1.0, -2.0], [0.5, 3.0]])


def value_of(*nodes: ProgramNode, tensors: tuple[Array, ...] = ()) -> Array:
    program = Program(
        adapter="a",
        in_features=2,
        out_features=nodes[-1].width,
        mode="add",
        nodes=(InputNode(width=2), *nodes),
        result=len(nodes),
        tensors=tuple(
            TensorSpec(name=f"t{k}", shape=tensor.shape, init=ZERO)
            for k, tensor in enumerate(tensors)
        ),
        parameters=(),
    )
    verify_program(program)
    return evaluate_program(program, X, dict(enumerate(tensors)))


def close(found: Array, expected: Array | list[list[float]]) -> bool:
    wanted = np.asarray(expected)
    return wanted.shape == found.shape and bool(np.allclose(found, wanted))


VECTOR = np.array([10.0, 20.0])


def test_elementwise_nodes() -> None:
    vector = VectorNode(tensor=0, width=2)
    total = value_of(vector, AddNode(operands=(0, 1, 0), width=2), tensors=(VECTOR,))
    assert close(total, [[12, 16], [11, 26]])
    product = value_of(vector, MultiplyNode(operands=(0, 1), width=2), tensors=(VECTOR,))
    assert close(product, [[10, -40], [5, 60]])
    assert close(value_of(ScaleNode(operand=0, factor=2.0, width=2)), [[2, -4], [1, 6]])
    assert close(value_of(ShiftNode(operand=0, offset=1.0, width=2)), [[2, -1], [1.5, 4]])
    biased = value_of(BiasNode(operand=0, tensor=0, width=2), tensors=(VECTOR,))
    assert close(biased, [[11, 18], [10.5, 23]])
    assert close(value_of(ZeroNode(width=3)), [[0, 0, 0], [0, 0, 0]])
    assert close(value_of(DropoutNode(operand=0, probability=0.5, width=2)), X)


def test_a_width_of_one_broadcasts_in_products() -> None:
    product = value_of(
        SliceNode(operand=0, start=1, width=1), MultiplyNode(operands=(0, 1), width=2)
    )
    assert close(product, [[-2, 4], [1.5, 9]])


def test_plumbing() -> None:
    assert close(value_of(SliceNode(operand=0, start=1, width=1)), [[-2], [3]])
    joined = value_of(SliceNode(operand=0, start=1, width=1), ConcatNode(operands=(1, 0), width=3))
    assert close(joined, [[-2, 1, -2], [3, 0.5, 3]])
    assert close(value_of(NormNode(operand=0)), [[5**0.5], [9.25**0.5]])
    pairs = PairProductNode(operand=0, pairs=((0, 1), (1, 1)), width=2)
    assert close(value_of(pairs), [[-2, 4], [1.5, 9]])
    assert close(value_of(FoldNode(operand=0, width=1)), [[-1 / 2**0.5], [3.5 / 2**0.5]])
    assert close(value_of(FoldNode(operand=0, width=3)), [[1, -2, 1], [0.5, 3, 0.5]])
    mixed = value_of(ConcatNode(operands=(0, 0, 0), width=6), FoldNode(operand=1, width=4))
    assert close(mixed[:1], [[2 / 2**0.5, -4 / 2**0.5, 1, -2]])
    sizes = np.sqrt([[2.5], [4.625]])
    assert close(value_of(NormaliseNode(operand=0, width=2)), X / sizes)
    nothing = value_of(ZeroNode(width=2), NormaliseNode(operand=1, width=2))
    assert close(nothing, [[0, 0], [0, 0]])


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("relu", (1.0, 0.0)),
        ("gelu", (0.8413447460685429, -0.04550026389635842)),
        ("silu", (0.7310585786300049, -0.2384058440442351)),
        ("tanh", (math.tanh(1), math.tanh(-2))),
        ("sigmoid", (0.7310585786300049, 0.11920292202211755)),
        ("sin", (math.sin(1), math.sin(-2))),
        ("cos", (math.cos(1), math.cos(-2))),
        ("exp", (math.e, math.exp(-2))),
        ("softplus", (1.3132616875182228, 0.1269280110429726)),
        ("abs", (1.0, 2.0)),
        ("square", (1.0, 4.0)),
        ("step", (1.0, 0.0)),
    ],
)
def test_activations(kind: str, expected: tuple[float, float]) -> None:
    found = value_of(ActivationNode(operand=0, kind=kind, width=2))
    assert np.allclose(found[0], expected, atol=1e-14)


def test_linear_and_mpo() -> None:
    weight = np.array([[1.0, 2.0], [0.0, 1.0], [3.0, 0.0]])
    found = value_of(LinearNode(operand=0, tensor=0, width=3), tensors=(weight,))
    assert close(found, [[-3, -2, 3], [6.5, 3, 1.5]])
    # W[(o0 o1), (i0 i1)] = Σ_c G0[o0, i0, c] G1[c, o1, i1], summed here entry by entry.
    generator = np.random.default_rng(0)
    left, right = generator.standard_normal((1, 2, 2, 3)), generator.standard_normal((3, 2, 1, 1))
    node = MpoNode(operand=0, cores=(0, 1), in_modes=(2, 1), out_modes=(2, 2), bonds=(3,), width=3)
    dense = np.zeros((4, 2))
    for o0 in range(2):
        for o1 in range(2):
            for i0 in range(2):
                for c in range(3):
                    dense[2 * o0 + o1, i0] += left[0, o0, i0, c] * right[c, o1, 0, 0]
    assert close(value_of(node, tensors=(left, right)), (X @ dense.T)[:, :3])


def test_network_pads_reshapes_and_cuts() -> None:
    tensor = np.array([1.0, 2.0, 3.0])
    node = NetworkNode(
        operands=(
            DataOperand(node=0, view=View(padded=(2,), modes=(2,), labels=(1,))),
            TensorOperand(tensor=0, view=View(padded=(4,), modes=(2, 2), labels=(1, 2))),
        ),
        output=(2,),
        sizes=((1, 2), (2, 2)),
        factor=0.5,
        width=1,
    )
    # The tensor is [[1, 2], [3, 0]] after padding; only the first output is kept.
    assert close(value_of(node, tensors=(tensor,)), [[0.5 * (1 - 6)], [0.5 * (0.5 + 9)]])


def test_circuit() -> None:
    circuit = Circuit(
        qubits=1,
        data_width=2,
        angle_count=1,
        initial=ZeroState(),
        gates=(
            Gate(name="ry", qubits=(0,), angles=(Affine(data=((1, 2.0),), angles=((0, 1.0),)),)),
        ),
        readout=Expectations(paulis=(Pauli(letters=((0, "Z"),)),)),
    )
    node = CircuitNode(operands=(0,), circuit=circuit, angles=0, width=1)
    found = value_of(node, tensors=(np.array([0.3]),))
    assert close(found, [[math.cos(-4.0 + 0.3)], [math.cos(6.0 + 0.3)]])


def test_wrong_input_is_refused() -> None:
    program = Program(
        adapter="a",
        in_features=2,
        out_features=2,
        mode="add",
        nodes=(InputNode(width=2),),
        result=0,
        tensors=(),
        parameters=(),
    )
    with pytest.raises(ValueError, match="takes"):
        evaluate_program(program, np.zeros((3, 5)), {})


@settings(max_examples=100)
@given(programs(), st.integers(0, 5))
def test_random_programs_have_moderate_values(program: Program, batch: int) -> None:
    x = np.random.default_rng(batch).standard_normal((batch, program.in_features))
    found = evaluate_program(program, x, random_tensors(program, seed=batch))
    assert found.shape == (batch, program.out_features)
    assert np.all(np.abs(found) < 1e8)


@settings(max_examples=60)
@given(programs(linear_only=True))
def test_linear_programs_are_linear(program: Program) -> None:
    tensors = random_tensors(program)
    x = np.random.default_rng(0).standard_normal((2, program.in_features))
    both = evaluate_program(program, x, tensors)
    combined = evaluate_program(program, 2.0 * x[:1] - 3.0 * x[1:], tensors)
    assert np.allclose(combined, 2.0 * both[:1] - 3.0 * both[1:], atol=1e-9)


@pytest.mark.parametrize("kind", NODE_KINDS)
def test_every_kind_of_node_is_generated(kind: str) -> None:
    from hypothesis import find

    # `find` raises where no example exists.
    program = find(programs(kinds=(kind,)), lambda p: len(p.nodes) > 2)
    verify_program(program)
