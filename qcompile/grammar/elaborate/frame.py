"""The place an expression is elaborated in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from qcompile.diagnostics.message import Message
from qcompile.grammar.elaborate.graph import GraphBuilder
from qcompile.grammar.elaborate.scope import Scope
from qcompile.grammar.elaborate.session import Session
from qcompile.grammar.syntax import Expr
from qcompile.ir.operands import Operand


@dataclass(slots=True, kw_only=True)
class Naming:
    """Names of the tensors made in one statement: see `name`."""

    prefix: str
    whole: Expr | None
    """The statement's right-hand side."""
    counts: dict[str, int] = field(default_factory=dict)

    def name(self, function: str, expr: Expr) -> str:
        """Return the prefix where the call is the whole right-hand side, else a numbered name."""
        if expr is self.whole:
            return self.prefix
        self.counts[function] = self.counts.get(function, 0) + 1
        return f"{self.prefix}.{function}{self.counts[function]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """Scope, graph and rules for the expressions of one body."""

    session: Session
    scope: Scope
    evaluator: Callable[[Frame, Expr], Operand]
    graph: GraphBuilder | None
    """None: no values here, as in a `let` or in a target."""
    sizes: bool = True
    """Whether `in_features` and `out_features` may be mentioned."""
    input: int | None = None
    """The node of `x`; None: there is no input here."""
    naming: Naming = field(default_factory=lambda: Naming(prefix="", whole=None))
    generic: bool = False
    """A body is checked by itself, for unknown arguments."""
    outside_loops: bool = False
    """A value inside a circuit's loop, which must not depend on the loop's variable."""

    def evaluate(self, expr: Expr) -> Operand:
        return self.evaluator(self, expr)

    def report(self, message: Message) -> None:
        self.session.report(message)

    def named(self, prefix: str, whole: Expr) -> Frame:
        """Return the frame of one statement."""
        return replace(self, naming=Naming(prefix=prefix, whole=whole))
