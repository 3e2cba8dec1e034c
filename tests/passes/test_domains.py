"""Values with rows: what verifiers refuse, and for how many rows costs are weighed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from qcompile.ir.initialisation import ZERO
from qcompile.ir.node import ProgramNode
from qcompile.ir.ops.arithmetic import AddNode
from qcompile.ir.ops.ends import InputNode
from qcompile.ir.ops.linear import ApplyNode, LinearNode
from qcompile.ir.ops.tables import BitsNode, FlatNode, RowsNode, TableNode, VectorNode
from qcompile.ir.program import Program
from qcompile.ir.tensor import TensorSpec
from qcompile.ir.verification import VerificationError
from qcompile.ir.verify_program import verify_program
from qcompile.passes.base import Context
from qcompile.passes.pipeline import preset, run_pipeline
from qcompile.passes.tensor.contract import best_contraction

ROWS = 5


def generated() -> Program:
    """A table of 5 rows through a matrix, flat, as the matrix of x: 3 -> 10."""
    return Program(
        adapter="generated",
        in_features=3,
        out_features=10,
        mode="add",
        nodes=(
            InputNode(width=3),
            TableNode(tensor=0, rows=ROWS, width=4),
            LinearNode(operand=1, tensor=1, width=6),
            FlatNode(operand=2, width=ROWS * 6),
            ApplyNode(operand=0, weight=3, width=10),
        ),
        result=4,
        tensors=(
            TensorSpec(name="t", shape=(ROWS, 4), init=ZERO),
            TensorSpec(name="w", shape=(6, 4), init=ZERO),
        ),
        parameters=(),
    )


def with_node(index: int, node: ProgramNode) -> Program:
    program = generated()
    nodes = (*program.nodes[:index], node, *program.nodes[index + 1 :])
    return replace(program, nodes=nodes)


def wide() -> Program:
    """The flat table is said to be wider than it is."""
    program = with_node(3, FlatNode(operand=2, width=33))
    nodes = (*program.nodes[:4], ApplyNode(operand=0, weight=3, width=11))
    return replace(program, nodes=nodes, out_features=11)


def applied_table() -> Program:
    """A table in the place of a matrix."""
    program = with_node(4, ApplyNode(operand=0, weight=2, width=2))
    return replace(program, out_features=2)


def test_the_program_itself_is_well_formed() -> None:
    verify_program(generated())


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        (with_node(1, BitsNode(width=40)), "more than 20 digits"),
        (with_node(1, TableNode(tensor=0, rows=4, width=4)), "shape"),
        (with_node(1, TableNode(tensor=0, rows=0, width=4)), "no rows"),
        (with_node(1, VectorNode(tensor=0, width=4)), "shape"),
        (with_node(2, RowsNode(operand=1, rows=2, width=2)), "rows"),
        (with_node(3, FlatNode(operand=0, width=30)), "no table"),
        (wide(), "as wide"),
        (with_node(3, AddNode(operands=(0, 0), width=3)), "elements"),
        (applied_table(), "not one vector"),
        (replace(generated(), mode="prefix", out_features=5), "a prefix is a table"),
        (replace(generated(), result=2, out_features=6), "a prefix is a table"),
        (replace(generated(), mode="prefix", result=2), "twice that"),
    ],
)
def test_ill_formed_tables_are_refused(program: Program, reason: str) -> None:
    with pytest.raises(VerificationError, match=reason):
        verify_program(program)


def test_a_prefix_is_its_table() -> None:
    program = generated()
    whole = replace(program, mode="prefix", nodes=program.nodes[:3], result=2, out_features=3)
    verify_program(whole)


def test_tables_are_counted_by_row_and_tokens_by_token() -> None:
    plan = run_pipeline(generated(), preset(2), Context(tokens=1000), verify=True)
    # 4 -> 6 for each row once a call, 3 -> 10 for each token; a multiply-add is two.
    assert plan.costs.hoisted_flops == 2 * 4 * 6 * ROWS
    assert plan.costs.forward_flops_per_token == 2 * 3 * 10


def test_paths_of_tables_are_searched_for_their_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []

    def record(network: object, **options: object) -> object:
        tokens = options["tokens"]
        assert isinstance(tokens, int)
        seen.append(tokens)
        return best_contraction(network, **options)

    monkeypatch.setattr("qcompile.passes.tensor.find_paths.best_contraction", record)
    run_pipeline(generated(), preset(2), Context(tokens=1000))
    assert seen == [ROWS]


def test_memory_is_that_of_the_rows() -> None:
    """A table through a wide matrix fits, however many tokens a step has."""
    program = replace(
        generated(),
        nodes=(
            *generated().nodes[:2],
            LinearNode(operand=1, tensor=1, width=600),
            FlatNode(operand=2, width=ROWS * 600),
            ApplyNode(operand=0, weight=3, width=1000),
        ),
        tensors=(generated().tensors[0], TensorSpec(name="w", shape=(600, 4), init=ZERO)),
        out_features=1000,
    )
    warned: list[object] = []
    context = Context(tokens=1000, memory_limit=5 * 2**20, remark=warned.append)
    run_pipeline(program, preset(2), context)
    # 1,000 tokens of 1,000 numbers take 4 MB; a table of 600 for each of them, 2.4 MB more.
    assert warned == []
