"""What the statements of one circuit share."""

from __future__ import annotations

from dataclasses import dataclass, field

from qcompile.diagnostics.messages.circuits import TooManyGates
from qcompile.diagnostics.source import Span
from qcompile.grammar.elaborate.session import Session
from qcompile.ir.limits import MAX_GATES
from qcompile.ir.operands import Typed, Value
from qcompile.ir.spec_circuit import Bank


@dataclass(slots=True, kw_only=True, eq=False)
class CircuitBuilder:
    """Data operands, banks and counts of one circuit."""

    session: Session
    qubits: Typed | None
    operands: list[int] = field(default_factory=list)
    """Nodes of the graph that feed the circuit."""
    banks: list[Bank] = field(default_factory=list)
    variables: set[str] = field(default_factory=set)
    """Names of loop variables in use."""
    orthogonal: bool = False
    """Of a `unitary`: real gates only, and no data."""
    undone: bool = False
    """Inside an `adjoint`."""
    untouched: bool = True
    """All qubits are still in |0…0⟩, up to a phase."""
    trainable: bool = False
    gates: int = 0
    multiplier: int = 1
    """Rounds of the loops around the statement at hand."""
    measured: Span | None = None

    @property
    def count(self) -> int | None:
        """Number of qubits, where it is known."""
        value = self.qubits.constant if self.qubits is not None else None
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    def feed(self, value: Value) -> int:
        """Return the position of a value among the circuit's operands."""
        if value.node not in self.operands:
            self.operands.append(value.node)
        return self.operands.index(value.node)

    def variable(self, name: str) -> str:
        """Return a name for a loop's variable that no other loop has."""
        found, number = name, 1
        while found in self.variables:
            number += 1
            found = f"{name}_{number}"
        self.variables.add(found)
        return found

    def count_gates(self, gates: int, span: Span) -> None:
        """Count gates of a layer, written out; the limit is reported once."""
        before = self.gates
        self.gates += gates * self.multiplier
        if before <= MAX_GATES < self.gates:
            self.session.report(TooManyGates(span=span, limit=MAX_GATES))
