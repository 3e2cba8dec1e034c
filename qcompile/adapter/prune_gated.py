"""Parts of SoRA's form without what their gates have switched off."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from qcompile.adapter.gated import GatedLowRank, NotGated, recognise
from qcompile.backends.simulator.module import AdapterModule
from qcompile.ir.hosts import EMBEDDING_HOST
from qcompile.ir.node import ProgramNode
from qcompile.ir.ops.arithmetic import ScaleNode
from qcompile.ir.ops.dropout import DropoutNode
from qcompile.ir.ops.ends import InputNode
from qcompile.ir.ops.linear import LinearNode
from qcompile.ir.ops.lookup import LookupNode
from qcompile.ir.ops.widths import ZeroNode
from qcompile.ir.plan import Plan
from qcompile.ir.program import Program
from qcompile.ir.tensor import TensorSpec
from qcompile.ir.verify_plan import program_of_plan


@dataclass(frozen=True)
class GatedPruner:
    """Deletes the rows and columns whose gate is exactly zero."""

    form: GatedLowRank

    @classmethod
    def of(cls, plan: Plan) -> GatedPruner:
        """Raises `NotGated` for a plan of another form."""
        found = recognise(program_of_plan(plan))
        if any(plan.tensors[k].share is not None for k in (found.down, *found.gates, found.up)):
            raise NotGated("other modules share its tensors")
        return cls(found)

    def tensors(self, part: AdapterModule) -> tuple[Tensor, ...]:
        """W_down with the gate in it and W_up, (r, in) and (out, r), in their dtypes."""
        values = [part.get_parameter(tensor.name).detach() for tensor in part.plan.tensors]
        down, up = values[self.form.down], values[self.form.up]
        gate = torch.ones(down.shape[0], dtype=torch.float64, device=down.device)
        for index in self.form.gates:
            gate = gate * values[index].to(gate)
        kept = gate.nonzero().squeeze(1)
        merged = gate[kept].unsqueeze(1) * down[kept].to(torch.float64)
        return merged.to(down.dtype), up[:, kept].clone()

    def program(self, plan: Plan, tensors: tuple[Tensor, ...]) -> Program:
        """LoRA of the rank that is left."""
        return _low_rank(plan, self.form, tensors[0].shape[0])


def _low_rank(plan: Plan, parts: GatedLowRank, rank: int) -> Program:
    nodes: list[ProgramNode] = [InputNode(width=plan.in_features)]
    tensors: tuple[TensorSpec, ...] = ()
    if rank == 0:
        nodes.append(ZeroNode(width=plan.out_features))
    else:
        if parts.dropout:
            nodes.append(DropoutNode(operand=0, probability=parts.dropout, width=plan.in_features))
        if plan.host == EMBEDDING_HOST:
            nodes.append(LookupNode(operand=0, tensor=0, width=rank))
        else:
            nodes.append(LinearNode(operand=len(nodes) - 1, tensor=0, width=rank))
        nodes.append(LinearNode(operand=len(nodes) - 1, tensor=1, width=plan.out_features))
        nodes.append(
            ScaleNode(operand=len(nodes) - 1, factor=parts.factor, width=plan.out_features)
        )
        tensors = (
            replace(plan.tensors[parts.down], shape=(rank, plan.in_features)),
            replace(plan.tensors[parts.up], shape=(plan.out_features, rank)),
        )
    return Program(
        adapter=plan.adapter,
        host=plan.host,
        padding=plan.padding,
        slices=plan.slices,
        in_features=plan.in_features,
        out_features=plan.out_features,
        mode=plan.mode,
        nodes=tuple(nodes),
        result=len(nodes) - 1,
        tensors=tensors,
        parameters=plan.parameters,
    )
