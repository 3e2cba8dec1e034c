"""Chains of linear maps grow in place, however long they are."""

from __future__ import annotations

import numpy as np
import pytest

from qcompile.ir.initialisation import Init
from qcompile.ir.network import NetworkNode
from qcompile.ir.ops.ends import InputNode
from qcompile.ir.ops.linear import LinearNode
from qcompile.ir.ops.mpo import MpoNode
from qcompile.ir.program import Program
from qcompile.ir.target import DEFAULT_TARGET
from qcompile.ir.tensor import TensorSpec
from qcompile.passes.base import Context
from qcompile.passes.tensor.chain_network import ChainNetwork
from qcompile.passes.tensor.group_networks import GroupNetworks
from qcompile.testing.reference import evaluate_program, random_tensors

LENGTH = 300


def test_each_map_is_appended_once(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    place = ChainNetwork.place

    def counted(self: ChainNetwork, *arguments: object) -> None:
        calls.append(arguments)
        place(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(ChainNetwork, "place", counted)
    maps = [LinearNode(operand=k, tensor=k, width=2) for k in range(LENGTH)]
    init = Init(kind="normal", arguments=(1.0, 0.0))
    program = Program(
        adapter="chain",
        in_features=2,
        out_features=2,
        mode="add",
        nodes=(InputNode(width=2), *maps),
        result=LENGTH,
        tensors=tuple(TensorSpec(name=f"t{k}", shape=(2, 2), init=init) for k in range(LENGTH)),
        parameters=(),
    )
    grouped = GroupNetworks().run(program, Context(target=DEFAULT_TARGET))
    (network,) = (node for node in grouped.nodes if isinstance(node, NetworkNode))
    assert len(network.operands) == LENGTH + 1
    assert len(calls) == LENGTH


@pytest.mark.parametrize(("width", "networks"), [(5, 2), (6, 1)])
def test_what_one_operator_pads_the_next_does_not_read(width: int, networks: int) -> None:
    """Six rows cut to five do not go on as six columns; six that are whole do."""
    shapes = ((1, 2, 2, 2), (2, 3, 2, 1)), ((1, 2, 2, 2), (2, 2, 3, 1))
    init = Init(kind="normal", arguments=(1.0, 0.0))
    program = Program(
        adapter="padded",
        in_features=4,
        out_features=4,
        mode="add",
        nodes=(
            InputNode(width=4),
            MpoNode(
                operand=0, cores=(0, 1), in_modes=(2, 2), out_modes=(2, 3), bonds=(2,), width=width
            ),
            MpoNode(
                operand=1, cores=(2, 3), in_modes=(2, 3), out_modes=(2, 2), bonds=(2,), width=4
            ),
        ),
        result=2,
        tensors=tuple(
            TensorSpec(name=f"c{k}", shape=shape, init=init)
            for k, shape in enumerate((*shapes[0], *shapes[1]))
        ),
        parameters=(),
    )
    grouped = GroupNetworks().run(program, Context(target=DEFAULT_TARGET))
    assert sum(isinstance(node, NetworkNode) for node in grouped.nodes) == networks
    values, x = random_tensors(program, 1), np.random.default_rng(2).normal(size=(3, 4))
    np.testing.assert_allclose(
        evaluate_program(grouped, x, values), evaluate_program(program, x, values), atol=1e-12
    )
