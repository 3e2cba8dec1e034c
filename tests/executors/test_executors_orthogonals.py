"""Columns of orthogonal matrices are priced as they are made."""

from __future__ import annotations

from collections.abc import Callable

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from qcompile.backends.simulator.orthogonal import FrameColumns, unitary_step
from qcompile.backends.simulator.steps import CallFrame
from qcompile.executors.constants import Constants
from qcompile.executors.sweeps.columns import columns_work
from qcompile.ir.orthogonal import Orthogonal, OrthogonalFrame, UnitaryNode
from qcompile.ir.work import Work
from qcompile.testing.small_orthogonals import small_orthogonals
from tests.executors.counted import Counted, Kept

MATRICES = st.integers(3, 9).flatmap(small_orthogonals)


def check(call: Callable[[], object], columns: int, work: Work, inputs: list[Tensor]) -> float:
    """The operations are as predicted; what is kept."""
    with Counted() as counted, torch.no_grad():
        call()
    predicted = work.of(columns)
    for name in ("products", "elementwise", "written"):
        assert getattr(counted.part, name) == getattr(predicted, name), name
    kept = Kept(without=inputs)
    with kept.hooks:
        call()
    return kept.total


def angles_of(orthogonal: Orthogonal) -> list[Tensor]:
    count = orthogonal.angle_count
    return [torch.linspace(-2, 2, count).requires_grad_()] if count else []


@settings(max_examples=40)
@given(orthogonal=MATRICES, adjoint=st.booleans())
def test_frames_are_priced_as_they_are_built(orthogonal: Orthogonal, adjoint: bool) -> None:
    angles = angles_of(orthogonal)
    reference = torch.zeros(1)
    work = columns_work(orthogonal, adjoint=adjoint, grad=False)

    def kept(columns: int) -> float:
        constants = Constants()
        frame = OrthogonalFrame(
            orthogonal=orthogonal, angles=0 if angles else None, adjoint=adjoint, columns=columns
        )
        built = FrameColumns(frame, constants)
        inputs = [*angles, *tables(constants)]
        return check(lambda: built(next(iter(angles), None), reference), columns, work, inputs)

    assert kept(3) - kept(2) == work.each.kept


@settings(max_examples=40)
@given(orthogonal=MATRICES, adjoint=st.booleans(), data=st.data())
def test_gates_on_tokens_are_priced_as_they_run(
    orthogonal: Orthogonal, adjoint: bool, data: st.DataObject
) -> None:
    angles, constants = angles_of(orthogonal), Constants()
    entering = data.draw(st.integers(1, orthogonal.size))
    node = UnitaryNode(
        operand=0,
        orthogonal=orthogonal,
        angles=0 if angles else None,
        adjoint=adjoint,
        width=orthogonal.size,
    )
    step = unitary_step(node, constants)
    work = columns_work(orthogonal, adjoint=adjoint, grad=True)

    def kept(tokens: int) -> float:
        value = torch.ones(tokens, entering, requires_grad=True)
        frame = CallFrame(value, angles, [value], True, None)
        inputs = [value, *angles, *tables(constants)]
        return check(lambda: step(frame), tokens, work, inputs)

    assert kept(6) - kept(5) == work.each.kept


def tables(constants: Constants) -> list[Tensor]:
    return [item.value for item in constants.items]
