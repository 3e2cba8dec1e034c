"""What does not depend on data is built once a call, whatever the number of tokens."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten

from qcompile.ir.circuit import Circuit
from qcompile.ir.circuit_analysis import depends_on_data
from qcompile.ir.plan import Evaluation, StatevectorEvaluation
from tests.backends.simulator_plans import dense, evaluate, uploading_circuit


class WrittenElements(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts the elements of the results of all operations."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.total: int = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        leaves, _ = tree_flatten(result)
        self.total += sum(leaf.numel() for leaf in leaves if isinstance(leaf, Tensor))
        return result


def encoded_once(depth: int) -> Circuit:
    """Three encodings, then all trainable gates of `depth` layers."""
    deep = uploading_circuit(3, depth)
    encodings = [gate for gate in deep.gates if depends_on_data(gate)]
    ansatz = [gate for gate in deep.gates if not depends_on_data(gate)]
    return replace(deep, gates=(*encodings[:3], *ansatz))


def written_for_a_token(evaluation: Evaluation) -> int:
    """Elements that one more token makes the evaluator write."""
    circuit = evaluation.circuit
    angles = torch.ones(circuit.angle_count, dtype=torch.float64)
    found: list[int] = []
    for batch in (32, 33):
        data = torch.zeros(batch, circuit.data_width, dtype=torch.float64)
        with WrittenElements() as counter:
            evaluate(evaluation, data, angles)
        found.append(counter.total)
    return found[1] - found[0]


def test_a_token_costs_the_same_however_deep_the_hoisted_ansatz_is() -> None:
    shallow, deep = (written_for_a_token(dense(encoded_once(depth))) for depth in (2, 8))
    assert shallow == deep > 0


def test_gate_by_gate_a_token_costs_more_in_a_deeper_circuit() -> None:
    shallow, deep = (
        written_for_a_token(StatevectorEvaluation(circuit=encoded_once(depth))) for depth in (2, 8)
    )
    assert deep > 2 * shallow
