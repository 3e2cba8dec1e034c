"""Collects the nodes of an adapter."""

from __future__ import annotations

from dataclasses import dataclass, field

from qcompile.diagnostics.messages.tables import RowsWithTokens, WrongDomain
from qcompile.diagnostics.messages.values import ShareMismatch, TooMuch
from qcompile.diagnostics.source import Span
from qcompile.grammar.elaborate.session import Session
from qcompile.ir.limits import MAX_NODES
from qcompile.ir.operands import Typed, Value
from qcompile.ir.ops.ends import SpecInput, SpecOutput
from qcompile.ir.scalar import Scalar, ScalarError, ScalarValue, evaluate_scalar
from qcompile.ir.spec import Requirement
from qcompile.ir.spec_node import SpecDomain, SpecNode
from qcompile.ir.training import SpecTraining

DOMAIN_WORDS: dict[SpecDomain, str] = {
    "free": "one value for all tokens",
    "rows": "a table",
    "tokens": "a value for each token",
    "any": "any value",
}


@dataclass(slots=True, kw_only=True, eq=False)
class GraphBuilder:
    """Nodes in SSA form, with what is known of the sizes."""

    session: Session
    sizes: dict[str, ScalarValue] = field(default_factory=dict)
    """`in_features` and `out_features`, where the adapter's `shape` says them."""
    generic: bool = False
    """A block is checked by itself: what its arguments are is not known."""
    nodes: list[SpecNode] = field(default_factory=list)
    requirements: list[Requirement] = field(default_factory=list)
    training: list[SpecTraining] = field(default_factory=list)
    control: Scalar | None = None
    _domains: list[SpecDomain] = field(default_factory=list)
    _output: int | None = None
    """The node of `y`, once it is read."""
    _names: set[str] = field(default_factory=set)
    _shares: dict[str, tuple[str, Span]] = field(default_factory=dict)

    def add(self, node: SpecNode, width: Typed | None, span: Span) -> Value | None:
        """Append a node; None beyond the limit, which is reported once."""
        if not self.session.spend(span):
            return None
        if len(self.nodes) >= MAX_NODES:
            self.session.report(TooMuch(span=span, limit=MAX_NODES, what="nodes of one adapter"))
            self.session.exhaust()
            return None
        parts = tuple(self._domains[operand] for operand in node.inputs)
        unknown = self.generic and isinstance(node, SpecInput)
        domain = "any" if unknown else node.domain(parts)
        if domain is None:
            self.session.report(RowsWithTokens(span=span))
            return None
        self.nodes.append(node)
        self._domains.append(domain)
        return Value(node=len(self.nodes) - 1, width=width, span=span)

    def domain(self, node: int) -> SpecDomain:
        """Whether a value is one for all, a table, or one for each token."""
        return self._domains[node]

    def expect(self, value: Value, what: str, wanted: SpecDomain) -> bool:
        """Report a value of another domain."""
        found = self.domain(value.node)
        if found in (wanted, "any"):
            return True
        self.session.report(
            WrongDomain(
                span=value.span, what=what, expected=DOMAIN_WORDS[wanted], found=DOMAIN_WORDS[found]
            )
        )
        return False

    def output(self, width: Typed, span: Span) -> Value | None:
        """Return the value of `y`, which has one node."""
        if self._output is not None:
            return Value(node=self._output, width=width, span=span)
        value = self.add(SpecOutput(span=span), width, span)
        if value is not None:
            self._output = value.node
        return value

    def unique(self, name: str) -> str:
        """Return the name, or the name with the next free number where it is taken."""
        found, number = name, 1
        while found in self._names:
            number += 1
            found = f"{name}_{number}"
        self._names.add(found)
        return found

    def share(self, key: str | None, kind: str, span: Span) -> None:
        """Note the use of a share key; one key is for one kind of tensor."""
        if key is None:
            return
        one, first = self._shares.setdefault(key, (kind, span))
        if one != kind:
            self.session.report(
                ShareMismatch(span=span, key=key, one=f"`{one}`", other=f"`{kind}`", first=first)
            )

    def number(self, width: Typed | None) -> int | None:
        """Return a width as a number, where the adapter's own text decides it."""
        if width is None:
            return None
        try:
            value = evaluate_scalar(width.scalar, self.sizes)
        except ScalarError:
            return None
        if isinstance(value, bool) or not isinstance(value, int):
            return None
        return value
