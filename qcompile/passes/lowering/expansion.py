"""The circuit that an expansion builds: its gates, data and angles so far."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import assert_never

from qcompile.diagnostics.messages.expansion import NoQubitLeft, TooManyGatesAtSize
from qcompile.diagnostics.source import Span
from qcompile.ir.circuit import (
    Affine,
    AmplitudeState,
    Circuit,
    Expectations,
    Gate,
    Pauli,
    Probabilities,
    Readout,
    ZeroState,
)
from qcompile.ir.device import Device
from qcompile.ir.gate_algebra import inverse
from qcompile.ir.gates import GateName
from qcompile.ir.limits import MAX_GATES, MAX_QUBITS
from qcompile.ir.matrices import PauliLetter
from qcompile.ir.spec_circuit import Bank
from qcompile.passes.lowering.angles import AngleLayout
from qcompile.passes.lowering.data import CircuitData
from qcompile.passes.lowering.readout import together
from qcompile.passes.lowering.report import LoweringReport, Refused

TO_Z: dict[PauliLetter, tuple[GateName, ...]] = {"X": ("h",), "Y": ("sdg", "h"), "Z": ()}
"""Gates behind which Z reads what the letter reads before."""


class CircuitRefused(Refused):
    """The whole circuit is given up, not only one of its items."""


@dataclass
class Expansion:
    """A circuit under construction.

    A `reset` moves a wire to a fresh qubit, and a measurement in the middle copies wires to fresh
    ones that are read at the end: the principle of deferred measurement (Nielsen and Chuang,
    section 4.4), exact for everything that is read.
    """

    qubits: int
    """Wires of the text, which the statements count."""
    device: Device | None
    data: CircuitData
    angles: AngleLayout
    banks: tuple[Bank, ...]
    report: LoweringReport
    real: bool = False
    """Of real gates alone, whose sign counts."""
    gates: list[Gate] = field(default_factory=list)
    """On qubits."""
    records: list[Readout] = field(default_factory=list)
    """Of measurements in the middle, on qubits."""
    amplitudes: AmplitudeState | None = None
    norm_of: int | None = None
    """The data operand whose norm multiplies the read-out."""
    failed: bool = False
    """Some item was refused; the rest was expanded only to find more faults."""
    _visited: int = 0
    _qubit: list[int] = field(init=False)
    """The qubit of each wire."""
    _fresh: int = field(init=False)
    """The next qubit that has not been used."""
    _copies: set[int] = field(default_factory=set)
    """Qubits that hold the outcome of Z of another one."""

    def __post_init__(self) -> None:
        self._qubit = list(range(self.qubits))
        self._fresh = self.qubits

    def visit(self, span: Span | None) -> None:
        """Count an item; raises `CircuitRefused` where there are too many."""
        self._visited += 1
        self._check_size(self._visited, span)

    def place(
        self, gate: GateName, qubits: tuple[int, ...], angles: tuple[Affine, ...] = ()
    ) -> None:
        """Append one gate on wires."""
        found = tuple(self._qubit[wire] for wire in qubits)
        self.gates.append(Gate(name=gate, qubits=found, angles=angles))

    def reset(self, wires: tuple[int, ...], span: Span | None) -> None:
        """Let wires go on in |0⟩."""
        touched = {qubit for gate in self.gates for qubit in gate.qubits}
        for wire in wires:
            qubit = self._qubit[wire]
            if self.amplitudes is not None or qubit in touched:
                read = self._read_last(qubit)
                self._qubit[wire] = self._take(span) if read is None else self._exchange(read)

    def measure(self, readout: Readout, span: Span | None) -> None:
        """Measure wires and keep the outcomes; what follows acts on the state that is left."""
        match readout:
            case Probabilities(qubits=wires):
                copies = tuple(self._copy(((wire, "Z"),), span) for wire in wires)
                self.records.append(Probabilities(qubits=copies))
            case Expectations(paulis=paulis):
                read = tuple(self._copy(pauli.letters, span) for pauli in paulis)
                kept = (Pauli(letters=((qubit, "Z"),)) for qubit in read)
                self.records.append(Expectations(paulis=tuple(kept)))
            case _:
                assert_never(readout)

    def _copy(self, letters: tuple[tuple[int, PauliLetter], ...], span: Span | None) -> int:
        """A fresh qubit with the outcome of a Pauli string on wires: 0 for 1, 1 for -1."""
        kept = self._take(span)
        self.reserve(5 * len(letters), span)
        for wire, letter in letters:
            qubit = (self._qubit[wire],)
            into = [Gate(name=name, qubits=qubit) for name in TO_Z[letter]]
            self.gates += [*into, Gate(name="cx", qubits=(*qubit, kept))]
            self.gates += [back for gate in reversed(into) for back in inverse(gate)]
        if [letter for _, letter in letters] == ["Z"]:
            self._copies.add(kept)
        return kept

    def _read_last(self, qubit: int) -> int | None:
        """The gate that copied a qubit's outcome of Z, where nothing has happened to it since."""
        for place in range(len(self.gates) - 1, -1, -1):
            gate = self.gates[place]
            if qubit in gate.qubits:
                read = gate.qubits[0] == qubit and gate.qubits[-1] in self._copies
                return place if read else None
        return None

    def _exchange(self, read: int) -> int:
        """Let a qubit that is reset keep its own outcome; its copy is a qubit in |0⟩ again."""
        qubit, copy = self.gates.pop(read).qubits
        self._copies.remove(copy)
        places = [qubit if place == copy else place for place in range(self._fresh)]
        self.records = [_moved(record, places) for record in self.records]
        return copy

    def _take(self, span: Span | None) -> int:
        if self._fresh == MAX_QUBITS:
            self.report.add(NoQubitLeft(limit=MAX_QUBITS, span=span))
            raise CircuitRefused
        self._fresh += 1
        return self._fresh - 1

    def circuits(self, readouts: tuple[Readout, ...]) -> tuple[Circuit, ...]:
        """The circuit, once for each set of outputs that are read together.

        Args:
            readouts: At the end, on wires.
        """
        read = [*self.records, *(_moved(readout, self._qubit) for readout in readouts)]
        order = list(range(self._fresh))
        if self.amplitudes is not None:
            # The amplitudes of data are those of the last qubits: the first ones are in |0⟩.
            spare = self._fresh - self.qubits
            order = [*range(spare, self._fresh), *range(spare)]
        gates = (replace(g, qubits=tuple(order[qubit] for qubit in g.qubits)) for g in self.gates)
        circuit = Circuit(
            qubits=self._fresh,
            data_width=self.data.width,
            angle_count=self.angles.count,
            initial=self.amplitudes or ZeroState(),
            gates=tuple(gates),
            readout=read[0],
        )
        return tuple(replace(circuit, readout=_moved(each, order)) for each in together(read))

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


def _moved(readout: Readout, places: Sequence[int]) -> Readout:
    """The same where qubit q is `places[q]`."""
    match readout:
        case Probabilities(qubits=qubits):
            return Probabilities(qubits=tuple(places[qubit] for qubit in qubits))
        case Expectations(paulis=paulis):
            return Expectations(paulis=tuple(_moved_string(pauli, places) for pauli in paulis))
        case _:
            assert_never(readout)


def _moved_string(pauli: Pauli, places: Sequence[int]) -> Pauli:
    letters = sorted((places[qubit], letter) for qubit, letter in pauli.letters)
    return Pauli(letters=tuple(letters), sign=pauli.sign)
