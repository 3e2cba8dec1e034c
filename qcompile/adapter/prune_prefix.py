"""Prefixes without the network that made them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from qcompile.backends.simulator.module import AdapterModule
from qcompile.ir.initialisation import ZERO
from qcompile.ir.ops.ends import InputNode
from qcompile.ir.ops.tables import TableNode
from qcompile.ir.ops.widths import ConcatNode
from qcompile.ir.plan import Plan
from qcompile.ir.program import Program
from qcompile.ir.tensor import TensorSpec


@dataclass(frozen=True)
class PrefixPruner:
    """Keeps the keys and values themselves (arXiv:2101.00190, section 4.3)."""

    def tensors(self, part: AdapterModule) -> tuple[Tensor, ...]:
        """Keys and values, each (tokens, out_features), in the dtype of computation."""
        with torch.no_grad():
            keys, values = part.prefix()
        return keys.clone(), values.clone()

    def program(self, plan: Plan, tensors: tuple[Tensor, ...]) -> Program:
        """Two tables side by side."""
        rows, width = tensors[0].shape
        return Program(
            adapter=plan.adapter,
            in_features=plan.in_features,
            out_features=plan.out_features,
            mode="prefix",
            nodes=(
                InputNode(width=plan.in_features),
                TableNode(tensor=0, rows=rows, width=width),
                TableNode(tensor=1, rows=rows, width=width),
                ConcatNode(operands=(1, 2), width=2 * width),
            ),
            result=3,
            tensors=tuple(
                TensorSpec(name=name, shape=(rows, width), init=ZERO) for name in ("keys", "values")
            ),
            parameters=plan.parameters,
        )
