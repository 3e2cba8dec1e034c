"""What the nodes of a plan do in a call."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module

import torch
from torch import Tensor

from qcompile.backends.simulator.base import Base
from qcompile.backends.simulator.tokens import Tokens
from qcompile.executors.constants import Constants
from qcompile.ir.node import PlanNode, home


@dataclass(slots=True)
class CallFrame:
    """What the nodes of one call see."""

    x: Tensor
    """(B, in_features), compute dtype."""
    tensors: list[Tensor]
    """In the order of the layout, compute dtype."""
    values: list[Tensor]
    """Of the nodes so far."""
    training: bool
    y: Tensor | None = None
    """(B, out_features), compute dtype, where the plan reads it."""
    base: Base | None = None
    """The frozen module, where the plan computes with it."""
    tokens: Tokens | None = None
    """Of an embedding; x says its rows, dtype and device alone."""


NodeStep = Callable[[CallFrame], Tensor]


@dataclass(frozen=True, slots=True)
class StepContext:
    """What the torch of a node is built for."""

    widths: tuple[int, ...]
    """Of the operands."""
    constants: Constants
    """Takes the fixed tables of the module."""


NodeFunctions = Mapping[type, Callable[..., Callable[..., Tensor]]]
"""Class of a node → (node, context) → function of values and tensors."""
NodeSteps = Mapping[type, Callable[..., NodeStep]]
"""Class of a node → (node, context) → function of the frame."""


@dataclass(frozen=True)
class FunctionStep:
    """A function of the values of nodes and of tensors."""

    inputs: tuple[int, ...]
    tensors: tuple[int, ...]
    function: Callable[..., Tensor]

    def __call__(self, frame: CallFrame) -> Tensor:
        values = [frame.values[index] for index in self.inputs]
        return self.function(*values, *[frame.tensors[index] for index in self.tensors])


def node_step(node: PlanNode, widths: Sequence[int], constants: Constants) -> NodeStep:
    """What a node does; `widths` are those of all nodes before it."""
    cls = type(node)
    module = import_module(cls.TORCH or f"qcompile.backends.ops.{home(cls)}")
    context = StepContext(tuple(widths[index] for index in node.inputs), constants)
    if cls in getattr(module, "STEPS", {}):
        step: NodeStep = module.STEPS[cls](node, context)
        return step
    return FunctionStep(node.inputs, node.tensors, module.FUNCTIONS[cls](node, context))


def concatenate(*values: Tensor) -> Tensor:
    """(B, Σ widths), or (Σ widths,) where no value has a leading axis."""
    if len(values) == 1:
        return values[0]
    batch = next((value.shape[0] for value in values if value.dim() == 2), None)
    if batch is None:
        return torch.cat(values, -1)
    return torch.cat([v.expand(batch, -1) if v.dim() == 1 else v for v in values], -1)
