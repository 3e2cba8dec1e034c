"""Makes one tensor network, batch index included, of each maximal chain of linear nodes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from qcompile.ir.chain import MultilinearNode
from qcompile.ir.node import PlanNode, ProgramNode
from qcompile.ir.ops.arithmetic import MultiplyNode, ScaleNode
from qcompile.ir.ops.tables import VectorNode
from qcompile.ir.orthogonal import UnitaryNode
from qcompile.ir.program import Program
from qcompile.ir.verification import VerificationError
from qcompile.passes.base import Context, ProgramPass
from qcompile.passes.tensor.chain_network import ChainNetwork, EdgeMismatch
from qcompile.passes.tensor.hoist_unitaries import hoisted_unitaries
from qcompile.passes.tensor.remove_dead import without_dead
from qcompile.passes.tensor.rewrite import uses


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupNetworks(ProgramPass):
    """Groups linear maps, MPOs, tensor gates, factors and products with trainable vectors.

    The matrix of a `unitary` joins as the columns that are needed of it, where building them once
    a call is cheaper than its gates on every token.
    A value that is read twice, or is the result, ends its chain, so that it stays materialised;
    so does a value between two networks whose modes do not match. The region can then be contracted
    along any path: the cores first, or the batch first.
    """

    name: ClassVar[str] = "group-networks"

    def run(self, program: Program, context: Context) -> Program:
        return without_dead(_group(program, context), context)

    def ensures(self, before: Program, after: Program, context: Context) -> None:
        if any(map(is_left, after.nodes)):
            raise VerificationError("group-networks left a linear map outside of every network")


def is_left(node: ProgramNode) -> bool:
    """Whether a node has to become part of a network, and has not."""
    return isinstance(node, MultilinearNode) and not isinstance(node, PlanNode)


def network_each(program: Program) -> Program:
    """Every linear map, MPO and row of gates as a network of its own: the reference lowering."""
    return _group(program, None)


@dataclass(slots=True)
class _Chain:
    """A chain that may still grow at its end."""

    network: ChainNetwork
    has_map: bool = False


def _group(program: Program, context: Context | None) -> Program:
    """`context` None: each node alone."""
    read = uses(program)
    hoisted = frozenset() if context is None else hoisted_unitaries(program, context)
    chains: dict[int, _Chain] = {}
    for index, node in enumerate(program.nodes):
        source = _source(node, program.nodes)
        if source is None or (isinstance(node, UnitaryNode) and index not in hoisted):
            continue
        chain = None if context is None or read[source] != 1 else chains.get(source)
        if chain is not None:
            try:
                _append(chain, program, index)
                del chains[source]
            except EdgeMismatch:
                chain = None
        if chain is None:
            chain = _start(program, source)
            _append(chain, program, index)
        chains[index] = chain
    nodes = tuple(
        chains[index].network.node() if index in chains and chains[index].has_map else node
        for index, node in enumerate(program.nodes)
    )
    return replace(program, nodes=nodes)


def _source(node: ProgramNode, nodes: tuple[ProgramNode, ...]) -> int | None:
    """The operand in which `node` is linear; None where it is no node of a chain."""
    match node:
        case MultilinearNode() | ScaleNode():
            return node.operand
        case MultiplyNode(operands=parts, width=width):
            others = [o for o in parts if not isinstance(nodes[o], VectorNode)]
            if len(others) == 1 and nodes[others[0]].width == width:
                return others[0]
            return None
        case _:
            return None


def _start(program: Program, source: int) -> _Chain:
    network = ChainNetwork(tensors=program.tensors)
    match program.nodes[source]:
        case VectorNode(tensor=tensor, width=width):
            network.start_vector(tensor, width)
        case start:
            network.start_data(source, start.width)
    return _Chain(network)


def _append(chain: _Chain, program: Program, index: int) -> None:
    """Raises EdgeMismatch where the chain cannot go on; it is then as it was."""
    nodes = program.nodes
    match nodes[index]:
        case MultilinearNode() as node:
            node.join(chain.network)
            chain.has_map = True
        case ScaleNode(factor=factor):
            chain.network.factor *= factor
        case MultiplyNode(operands=operands):
            for operand in operands:
                if isinstance(vector := nodes[operand], VectorNode):
                    chain.network.multiply(vector)
