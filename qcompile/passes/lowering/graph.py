"""The nodes of a program under construction."""

from __future__ import annotations

from dataclasses import dataclass, field

from qcompile.diagnostics.messages.lowering import TooManyNodes, ValueTooWide
from qcompile.diagnostics.messages.sizes_of_tables import RowsDiffer
from qcompile.diagnostics.source import Span
from qcompile.ir.domains import TOKENS, Domain
from qcompile.ir.limits import MAX_NODES, MAX_WIDTH
from qcompile.ir.node import ProgramNode
from qcompile.ir.ops.ends import InputNode, OutputNode
from qcompile.ir.verification import VerificationError
from qcompile.passes.lowering.control_shape import ControlShape
from qcompile.passes.lowering.layout import Layout
from qcompile.passes.lowering.report import LoweringReport

Controls = dict[str, tuple[ControlShape, Span | None]]
"""Share key → the control as it was first seen, in whatever program, and where."""


@dataclass
class Graph:
    """Nodes and tensors, appended in order; node 0 is the input."""

    adapter: str
    in_features: int
    out_features: int
    layout: Layout
    report: LoweringReport
    control: bool = False
    """Circuits are replaced by classical maps."""
    controls: Controls = field(default_factory=dict)
    nodes: list[ProgramNode] = field(default_factory=list)
    _domains: list[Domain] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.nodes.append(InputNode(width=self.in_features))
        self._domains.append(TOKENS)

    def append(self, node: ProgramNode, span: Span | None) -> int:
        """Index of the new node; raises `Refused` beyond the limits."""
        if node.width > MAX_WIDTH:
            self.report.refuse(ValueTooWide(width=node.width, limit=MAX_WIDTH, span=span))
        if len(self.nodes) >= MAX_NODES:
            self.report.refuse(TooManyNodes(adapter=self.adapter, limit=MAX_NODES, span=span))
        parts = [self._domains[operand] for operand in node.inputs]
        try:
            domain = node.domain(parts)
        except VerificationError:
            # The spec has no table beside tokens, so it is the numbers of rows that differ.
            rows = dict.fromkeys(str(part.rows) for part in parts if part.kind == "rows")
            self.report.refuse(RowsDiffer(rows=" and ".join(rows), span=span))
        self.nodes.append(node)
        self._domains.append(domain)
        return len(self.nodes) - 1

    def domain(self, index: int) -> Domain:
        """What a node has one value of."""
        return self._domains[index]

    def output(self, span: Span | None) -> int:
        """Index of a new node for `y`."""
        return self.append(OutputNode(width=self.out_features), span)

    def width(self, index: int) -> int:
        """Width of a node."""
        return self.nodes[index].width
