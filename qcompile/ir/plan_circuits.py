"""The circuits of a plan, each with its name and with where its data come from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from qcompile.ir.circuit import Circuit
from qcompile.ir.device import RoutedCircuit
from qcompile.ir.ops.circuit_data import PairProductNode
from qcompile.ir.ops.elementwise import ActivationNode
from qcompile.ir.orthogonal import circuit_of
from qcompile.ir.plan import EvaluationNode, Plan, orthogonals


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSource:
    """Where one datum of a circuit comes from: an element of the value of a node."""

    node: int
    element: int
    operation: str
    """What the node does, in the words of the plan's text form."""
    squash: str | None = None
    """The function of one number that the node applies: the datum is its result."""
    of: tuple[tuple[int, int], ...] = ()
    """(node, element) that it is a function or the product of; empty for other operations."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanCircuit:
    """A circuit of a plan."""

    name: str
    """Of the value that it was declared as, `q`; a number follows where a name comes again."""
    kind: Literal["circuit", "unitary"]
    """`unitary`: a block of an orthogonal matrix, which measures nothing in the adapter."""
    node: int
    circuit: Circuit
    routed: RoutedCircuit | None = None
    angles: int | None = None
    """Index of the tensor of its angles."""
    sources: tuple[DataSource, ...] = ()
    """For each datum."""
    offset: int = 0
    """Of a unitary: the first coordinate that the block acts on."""
    size: int = 0
    """Of a unitary: rows of the whole matrix."""


def circuits_of_plan(plan: Plan) -> tuple[PlanCircuit, ...]:
    """In the order of the nodes; those of orthogonal matrices are circuits on |0…0⟩."""
    seen: Counter[str] = Counter()
    named = []
    for found in _circuits(plan):
        seen[found.name] += 1
        count = seen[found.name]
        named.append(found if count == 1 else replace(found, name=f"{found.name}-{count}"))
    return tuple(named)


def _circuits(plan: Plan) -> Iterator[PlanCircuit]:
    for index, node in enumerate(plan.nodes):
        if isinstance(node, EvaluationNode):
            yield PlanCircuit(
                name=_name(plan, node.angles, "circuit"),
                kind="circuit",
                node=index,
                circuit=node.evaluation.circuit,
                routed=node.routed,
                angles=node.angles,
                sources=tuple(
                    source for operand in node.operands for source in _sources(plan, operand)
                ),
            )
        for matrix in orthogonals(node):
            for block in matrix.orthogonal.blocks:
                yield PlanCircuit(
                    name=_name(plan, matrix.angles, "unitary"),
                    kind="unitary",
                    node=index,
                    circuit=circuit_of(block, matrix.orthogonal.angle_count),
                    angles=matrix.angles,
                    offset=block.offset,
                    size=matrix.orthogonal.size,
                )


def _name(plan: Plan, angles: int | None, otherwise: str) -> str:
    """That of the tensor of its angles, `q.angles`; a circuit without angles keeps none."""
    return otherwise if angles is None else plan.tensors[angles].name.removesuffix(".angles")


def _sources(plan: Plan, index: int) -> Iterator[DataSource]:
    node = plan.nodes[index]
    for element in range(node.width):
        source = DataSource(node=index, element=element, operation=node.mnemonic)
        match node:
            case ActivationNode(kind=kind, operand=operand):
                yield replace(source, squash=kind, of=((operand, element),))
            case PairProductNode(operand=operand, pairs=pairs):
                yield replace(source, of=tuple((operand, place) for place in pairs[element]))
            case _:
                yield source
