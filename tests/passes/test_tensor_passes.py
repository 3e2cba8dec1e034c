"""Every pass on programs preserves their meaning."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qcompile.diagnostics.message import Message
from qcompile.ir.initialisation import ZERO
from qcompile.ir.network import DataOperand, NetworkNode
from qcompile.ir.ops.arithmetic import AddNode
from qcompile.ir.ops.dropout import DropoutNode
from qcompile.ir.ops.ends import InputNode
from qcompile.ir.ops.linear import LinearNode
from qcompile.ir.program import CircuitNode, Program
from qcompile.ir.target import Target
from qcompile.ir.tensor import TensorSpec
from qcompile.ir.verify_program import verify_program
from qcompile.passes.base import Context, ProgramPass
from qcompile.passes.registry import PASSES as REGISTRY
from qcompile.passes.tensor.common_subexpressions import CommonSubexpressions
from qcompile.passes.tensor.flatten_sums import FlattenSums
from qcompile.passes.tensor.fold_constants import FoldConstants
from qcompile.passes.tensor.group_networks import GroupNetworks, network_each
from qcompile.passes.tensor.remove_dead import RemoveDead
from qcompile.passes.tensor.rewrite import uses
from qcompile.testing.known_programs import lora, qtha, qtha_circuit
from qcompile.testing.program_strategies import OPERATIONS, programs
from qcompile.testing.reference import evaluate_program, random_tensors

PASSES: tuple[ProgramPass, ...] = (
    FoldConstants(),
    FlattenSums(),
    CommonSubexpressions(),
    RemoveDead(),
    GroupNetworks(),
)


def test_every_pass_on_programs_of_the_registry_is_tested() -> None:
    registered = {REGISTRY[name] for name in REGISTRY}
    assert {type(step) for step in PASSES} == {
        step for step in registered if issubclass(step, ProgramPass)
    }


def assert_same(before: Program, after: Program, seed: int) -> None:
    by_name = {
        before.tensors[index].name: value for index, value in random_tensors(before, seed).items()
    }
    tensors_before = {i: by_name[t.name] for i, t in enumerate(before.tensors)}
    tensors_after = {i: by_name[t.name] for i, t in enumerate(after.tensors)}
    x = np.random.default_rng(seed).standard_normal((3, before.in_features))
    np.testing.assert_allclose(
        evaluate_program(after, x, tensors_after),
        evaluate_program(before, x, tensors_before),
        rtol=1e-9,
        atol=1e-9,
    )


@pytest.mark.parametrize("step", PASSES, ids=lambda step: step.name)
@settings(max_examples=60)
@given(program=programs(max_nodes=12, prefixes=True), seed=st.integers(0, 99))
def test_pass_preserves_meaning(step: ProgramPass, program: Program, seed: int) -> None:
    after = step.run(program, Context())
    verify_program(after)
    step.ensures(program, after, Context())
    assert_same(program, after, seed)


@settings(max_examples=100)
@given(
    program=programs(
        kinds=("linear", *OPERATIONS, "scale", "multiply", "vector"),
        max_nodes=14,
    ),
    seed=st.integers(0, 99),
)
def test_chains_become_networks(program: Program, seed: int) -> None:
    program = RemoveDead().run(program, Context())
    for after in (GroupNetworks().run(program, Context()), network_each(program)):
        verify_program(after)
        assert_same(program, after, seed)


@settings(max_examples=60)
@given(program=programs(max_nodes=12), seed=st.integers(0, 99))
def test_all_passes_in_a_row_reach_a_fixed_point(program: Program, seed: int) -> None:
    after = program
    for _ in range(3):
        for step in PASSES:
            after = step.run(after, Context())
    verify_program(after)
    assert_same(program, after, seed)
    for step in PASSES:
        assert step.run(after, Context()) == after


def test_removal_of_a_tensor_is_remarked_upon() -> None:
    program = lora(6, 4, 2)
    dead = LinearNode(operand=0, tensor=2, width=3)
    extra = TensorSpec(name="g.weight", shape=(3, 6), init=ZERO)
    program = replace(program, nodes=(*program.nodes, dead), tensors=(*program.tensors, extra))
    remarks: list[Message] = []
    after = RemoveDead().run(program, Context(remark=remarks.append))
    assert after == lora(6, 4, 2)
    assert [message.diagnostic().code for message in remarks] == ["QA4006"]
    assert "g.weight" in remarks[0].diagnostic().title


def test_qtha_becomes_two_long_networks_around_a_shared_value() -> None:
    program = GroupNetworks().run(qtha(), Context())
    verify_program(program)
    networks = [node for node in program.nodes if isinstance(node, NetworkNode)]
    assert [len(node.operands) for node in networks] == [6, 2, 2, 6]
    inward, _, classical, outward = networks
    (shared,) = (i for i, node in enumerate(program.nodes) if node is inward)
    assert uses(program)[shared] == 2
    assert any(isinstance(o, DataOperand) and o.node == shared for o in classical.operands)
    assert outward.factor == 2.0


def test_circuits_sampled_with_shots_and_dropout_stay_apart() -> None:
    circuit = qtha_circuit(2, 1)
    twice = Program(
        adapter="twice",
        in_features=2,
        out_features=2,
        mode="add",
        nodes=(
            InputNode(width=2),
            CircuitNode(operands=(0,), circuit=circuit, angles=0, width=2),
            CircuitNode(operands=(0,), circuit=circuit, angles=0, width=2),
            DropoutNode(operand=0, probability=0.5, width=2),
            DropoutNode(operand=0, probability=0.5, width=2),
            AddNode(operands=(1, 2, 3, 4), width=2),
        ),
        result=5,
        tensors=(TensorSpec(name="q.angles", shape=(circuit.angle_count,), init=ZERO),),
        parameters=(),
    )
    merge = CommonSubexpressions()
    exact = merge.run(twice, Context())
    assert exact.nodes[exact.result] == AddNode(operands=(1, 1, 2, 3), width=2)
    assert merge.run(twice, Context(target=Target(name="t", shots=10))) == twice


def test_a_sum_that_is_read_twice_is_computed_once() -> None:
    shared = AddNode(operands=(0, 0), width=3)
    program = Program(
        adapter="a",
        in_features=3,
        out_features=3,
        mode="add",
        nodes=(
            InputNode(width=3),
            shared,
            AddNode(operands=(1, 0), width=3),
            AddNode(operands=(2, 1), width=3),
        ),
        result=3,
        tensors=(),
        parameters=(),
    )
    after = FlattenSums().run(program, Context())
    assert after.nodes[after.result] == AddNode(operands=(1, 0, 1), width=3)
    assert after.nodes[1] == shared
    assert_same(program, after, 1)
