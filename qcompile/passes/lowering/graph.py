"""The nodes of a program under construction."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NoReturn

from qcompile.diagnostics.message import Message
from qcompile.diagnostics.messages.attachment import TokensNotRead
from qcompile.diagnostics.messages.lowering import TooManyNodes, ValueTooWide
from qcompile.diagnostics.messages.sizes_of_tables import RowsDiffer
from qcompile.diagnostics.source import Span
from qcompile.ir.domains import TOKENS, Domain
from qcompile.ir.hosts import EMBEDDING_HOST, LINEAR_HOST
from qcompile.ir.limits import MAX_NODES, MAX_WIDTH
from qcompile.ir.node import ProgramNode
from qcompile.ir.ops.ends import InputNode, OutputNode
from qcompile.ir.scalar import Scalar
from qcompile.ir.spec_circuit import PairPattern
from qcompile.ir.tensor import TensorSpec
from qcompile.ir.verification import VerificationError
from qcompile.passes.lowering.control_shape import ControlShape
from qcompile.passes.lowering.layout import Layout
from qcompile.passes.lowering.pairs import resolve_pairs
from qcompile.passes.lowering.sizing import Sizing, checked_width

Controls = dict[str, tuple[ControlShape, Span | None]]
"""Share key → the control as it was first seen, in whatever program, and where."""


@dataclass
class Graph:
    """Nodes and tensors, appended in order; node 0 is the input.

    It is what nodes of a Spec are lowered with: `qcompile.ir.spec_node.Lowering`.
    """

    adapter: str
    in_features: int
    out_features: int
    layout: Layout
    sizing: Sizing
    host: str = LINEAR_HOST
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
            self.refuse(ValueTooWide(width=node.width, limit=MAX_WIDTH, span=span))
        if len(self.nodes) >= MAX_NODES:
            self.refuse(TooManyNodes(adapter=self.adapter, limit=MAX_NODES, span=span))
        if self.host == EMBEDDING_HOST and 0 in node.inputs:
            node = self._on_tokens(node, span)
        parts = [self._domains[operand] for operand in node.inputs]
        try:
            domain = node.domain(parts)
        except VerificationError:
            # The spec has no table beside tokens, so it is the numbers of rows that differ.
            rows = dict.fromkeys(str(part.rows) for part in parts if part.kind == "rows")
            self.refuse(RowsDiffer(rows=" and ".join(rows), span=span))
        self.nodes.append(node)
        self._domains.append(domain)
        return len(self.nodes) - 1

    def _on_tokens(self, node: ProgramNode, span: Span | None) -> ProgramNode:
        found = node.on_tokens(self.in_features)
        if found is None:
            words = node.label.partition(" ")[0]
            self.refuse(TokensNotRead(adapter=self.adapter, operation=words, span=span))
        return found

    @property
    def module_sizes(self) -> tuple[int, int]:
        return self.in_features, self.out_features

    def domain(self, index: int) -> Domain:
        """What a node has one value of."""
        return self._domains[index]

    def output(self, span: Span | None) -> int:
        """Index of a new node for `y`."""
        return self.append(OutputNode(width=self.out_features), span)

    def width(self, index: int) -> int:
        """Width of a node."""
        return self.nodes[index].width

    def tensor(self, tensor: TensorSpec, span: Span | None) -> int:
        """Index of a tensor in the layout."""
        return self.layout.add(tensor, span)

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
