"""The nodes of a Spec turned into the nodes of a Program."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn

from qcompile.diagnostics.message import Message
from qcompile.diagnostics.source import Span
from qcompile.ir.device import Device
from qcompile.ir.domains import Domain
from qcompile.ir.node import ProgramNode
from qcompile.ir.scalar import Scalar
from qcompile.ir.spec import SpecCircuitValue, SpecUnitary
from qcompile.ir.spec_circuit import PairPattern
from qcompile.ir.spec_node import SpecNode
from qcompile.ir.tensor import TensorSpec
from qcompile.passes.lowering.circuits import lower_circuit
from qcompile.passes.lowering.graph import Graph
from qcompile.passes.lowering.pairs import resolve_pairs
from qcompile.passes.lowering.report import Refused
from qcompile.passes.lowering.sizing import Sizing, checked_width
from qcompile.passes.lowering.unitaries import lower_unitary


def lower_value(
    node: SpecNode,
    known: list[int | None],
    graph: Graph,
    sizing: Sizing,
    device: Device | None,
) -> int:
    """Index of the node that holds the value.

    `known[i]` is the program's node of spec node i, None where that was refused.

    Raises:
        Refused: the value has no meaning at these sizes; every reason was reported.
    """
    inputs: list[int] = []
    for operand in node.inputs:
        index = known[operand]
        if index is None:
            raise Refused
        inputs.append(index)
    match node:
        case SpecCircuitValue():
            return lower_circuit(node, tuple(inputs), graph, sizing, device)
        case SpecUnitary():
            return lower_unitary(node, inputs[0], graph, sizing, device)
        case _:
            return node.lower(tuple(inputs), SizedGraph(graph=graph, sizing=sizing))


@dataclass(frozen=True, slots=True, kw_only=True)
class SizedGraph:
    """A graph under construction and the sizes it is for: `qcompile.ir.spec_node.Lowering`."""

    graph: Graph
    sizing: Sizing

    def width(self, index: int) -> int:
        return self.graph.width(index)

    def domain(self, index: int) -> Domain:
        return self.graph.domain(index)

    def append(self, node: ProgramNode, span: Span | None) -> int:
        return self.graph.append(node, span)

    def output(self, span: Span | None) -> int:
        return self.graph.output(span)

    def tensor(self, tensor: TensorSpec, span: Span | None) -> int:
        return self.graph.layout.add(tensor, span)

    def integer(
        self,
        scalar: Scalar,
        what: str,
        span: Span | None,
        *,
        low: int | None = None,
        high: int | None = None,
    ) -> int:
        return self.sizing.integer(scalar, what, span, low=low, high=high)

    def real(self, scalar: Scalar, what: str, span: Span | None) -> float:
        return self.sizing.real(scalar, what, span)

    def size(self, scalar: Scalar, what: str, span: Span | None) -> int:
        return checked_width(scalar, what, span, self.sizing)

    def pairs(self, pattern: str, count: int, span: Span | None) -> tuple[tuple[int, int], ...]:
        return resolve_pairs(PairPattern(kind=pattern), count, None, self.sizing, span)

    def refuse(self, message: Message) -> NoReturn:
        self.sizing.report.refuse(message)
