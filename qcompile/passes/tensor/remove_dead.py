"""Removes what the result does not need."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

from qcompile.diagnostics.messages.planning import UnusedTensor
from qcompile.ir.program import Program
from qcompile.ir.training import Training
from qcompile.ir.verification import VerificationError
from qcompile.passes.base import Context, ProgramPass


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveDead(ProgramPass):
    """Drops nodes that the result does not reach, then tensors that no node reads.

    Each dropped tensor is remarked upon: someone who wrote it meant it to be trained.
    """

    name: ClassVar[str] = "remove-dead"

    def run(self, program: Program, context: Context) -> Program:
        return without_dead(program, context)

    def ensures(self, before: Program, after: Program, context: Context) -> None:
        read = {tensor for node in after.nodes for tensor in node.tensors}
        if read != set(range(len(after.tensors))):
            raise VerificationError("remove-dead left a tensor that no node reads")


def without_dead(program: Program, context: Context) -> Program:
    """`program` without the nodes that the result does not reach and the tensors only they read."""
    program = _without_dead_nodes(program)
    read = {tensor for node in program.nodes for tensor in node.tensors}
    new_tensor = {old: new for new, old in enumerate(sorted(read))}
    for index, tensor in enumerate(program.tensors):
        if index not in read:
            message = UnusedTensor(tensor=tensor.name, adapter=program.adapter, span=context.span)
            context.remark(message)
    return replace(
        program,
        nodes=tuple(node.holding(new_tensor) for node in program.nodes),
        tensors=tuple(program.tensors[index] for index in sorted(read)),
        training=tuple(_renumbered(program.training, new_tensor)),
    )


def _renumbered(training: tuple[Training, ...], new: dict[int, int]) -> Iterator[Training]:
    """The terms of tensors that are left."""
    for term in training:
        left = tuple(new[index] for index in term.tensors if index in new)
        if left:
            yield replace(term, tensors=left)


def _without_dead_nodes(program: Program) -> Program:
    needed = {0, program.result}
    for index in reversed(range(len(program.nodes))):
        if index in needed:
            needed.update(program.nodes[index].inputs)
    kept = sorted(needed)
    new = {old: position for position, old in enumerate(kept)}
    return replace(
        program,
        nodes=tuple(program.nodes[index].reading(new.__getitem__) for index in kept),
        result=new[program.result],
    )
