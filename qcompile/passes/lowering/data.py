"""The data of a circuit: which values it reads, side by side."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import assert_never

from qcompile.diagnostics.source import Span
from qcompile.ir.ops.circuit_data import PairProductNode
from qcompile.ir.ops.elementwise import ActivationNode
from qcompile.passes.lowering.graph import Graph


@dataclass(frozen=True, slots=True)
class Raw:
    """A data operand itself."""

    operand: int


@dataclass(frozen=True, slots=True)
class Heaviside:
    """1 where a data operand is positive, else 0: basis encoding."""

    operand: int


@dataclass(frozen=True, slots=True)
class Products:
    """Products of pairs of elements of a data operand: IQP encoding."""

    operand: int
    pairs: tuple[tuple[int, int], ...]


DataSource = Raw | Heaviside | Products


@dataclass
class CircuitData:
    """Sources in the order of their first use; a source that is never used is not read."""

    widths: tuple[int, ...]
    """Of the circuit's data operands."""
    width: int = 0
    """Of all sources together."""
    _offsets: dict[DataSource, int] = field(default_factory=dict)

    def offset(self, source: DataSource) -> int:
        """Where the source begins in the concatenated data."""
        if source not in self._offsets:
            self._offsets[source] = self.width
            match source:
                case Raw(operand=operand) | Heaviside(operand=operand):
                    self.width += self.widths[operand]
                case Products(pairs=pairs):
                    self.width += len(pairs)
                case _:
                    assert_never(source)
        return self._offsets[source]

    def nodes(self, operands: tuple[int, ...], graph: Graph, span: Span | None) -> tuple[int, ...]:
        """Nodes of the sources, in order, where `operands` are those of the circuit."""
        return tuple(self._node(source, operands, graph, span) for source in self._offsets)

    def _node(
        self, source: DataSource, operands: tuple[int, ...], graph: Graph, span: Span | None
    ) -> int:
        operand = operands[source.operand]
        match source:
            case Raw():
                return operand
            case Heaviside():
                return graph.append(
                    ActivationNode(operand=operand, kind="step", width=graph.width(operand)), span
                )
            case Products(pairs=pairs):
                return graph.append(
                    PairProductNode(operand=operand, pairs=pairs, width=len(pairs)), span
                )
            case _:
                assert_never(source)
