"""The circuit that an expansion builds: its gates, data and angles so far."""

from __future__ import annotations

from dataclasses import dataclass, field

from qcompile.diagnostics.messages.expansion import TooManyGatesAtSize
from qcompile.diagnostics.source import Span
from qcompile.ir.circuit import Affine, AmplitudeState, Gate
from qcompile.ir.device import Device
from qcompile.ir.gate_algebra import inverse
from qcompile.ir.gates import GateName
from qcompile.ir.limits import MAX_GATES
from qcompile.ir.spec_circuit import Bank
from qcompile.passes.lowering.angles import AngleLayout
from qcompile.passes.lowering.data import CircuitData
from qcompile.passes.lowering.report import LoweringReport, Refused


class CircuitRefused(Refused):
    """The whole circuit is given up, not only one of its items."""


@dataclass
class Expansion:
    """A circuit under construction."""

    qubits: int
    device: Device | None
    data: CircuitData
    angles: AngleLayout
    banks: tuple[Bank, ...]
    report: LoweringReport
    gates: list[Gate] = field(default_factory=list)
    amplitudes: AmplitudeState | None = None
    norm_of: int | None = None
    """The data operand whose norm multiplies the read-out."""
    failed: bool = False
    """Some item was refused; the rest was expanded only to find more faults."""
    _visited: int = 0

    def visit(self, span: Span | None) -> None:
        """Count an item; raises `CircuitRefused` where there are too many."""
        self._visited += 1
        self._check_size(self._visited, span)

    def place(
        self, gate: GateName, qubits: tuple[int, ...], angles: tuple[Affine, ...] = ()
    ) -> None:
        """Append one gate."""
        self.gates.append(Gate(name=gate, qubits=qubits, angles=angles))

    def invert(self, first: int, span: Span | None) -> None:
        """Replace the gates since the first-th by what undoes them, in the opposite order."""
        back = [gate for done in reversed(self.gates[first:]) for gate in inverse(done)]
        self._check_size(first + len(back), span)
        self.gates[first:] = back

    @property
    def size(self) -> tuple[int, int]:
        """Gates placed and items visited so far."""
        return len(self.gates), self._visited

    def foresee(self, turns: int, before: tuple[int, int], span: Span | None) -> None:
        """Raise `CircuitRefused` if what grew since `before` cannot be repeated `turns` times."""
        for now, then in zip(self.size, before, strict=True):
            self._check_size(now + turns * (now - then), span)

    def reserve(self, count: int, span: Span | None) -> None:
        """Raise `CircuitRefused` if `count` more gates are too many."""
        self._check_size(len(self.gates) + count, span)

    def _check_size(self, size: int, span: Span | None) -> None:
        if size > MAX_GATES:
            self.report.add(TooManyGatesAtSize(limit=MAX_GATES, span=span))
            raise CircuitRefused
