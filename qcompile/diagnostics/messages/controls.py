"""QA23xx: classical controls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from qcompile.diagnostics.diagnostic import Label
from qcompile.diagnostics.message import Message
from qcompile.diagnostics.source import Span


@dataclass(frozen=True, slots=True, kw_only=True)
class NothingToControl(Message):
    """`control` in an adapter without circuits."""

    code: ClassVar[str] = "QA2331"
    title: ClassVar[str] = "adapter `{adapter}` has no circuit that a control could replace"
    label: ClassVar[str] = "nothing to replace"
    help: ClassVar[str | None] = "leave the line out"
    explanation: ClassVar[str] = """
    A control replaces each `circuit` of an adapter by a classical map with as many parameters.
    Nothing else is replaced: a `unitary` is a linear map and stays.

    Erroneous:  control
                h = linear(x, to: rank)
    Corrected:  control
                h = linear(x, to: 4)
                q = circuit(4 qubits) { encode angle(h); ry; measure z }
    """

    adapter: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlTwice(Message):
    """A second `control` in one adapter."""

    code: ClassVar[str] = "QA2332"
    title: ClassVar[str] = "adapter `{adapter}` already says whether it is a control"
    label: ClassVar[str] = "a second `control`"
    help: ClassVar[str | None] = "join the conditions by `and` or `or`"
    explanation: ClassVar[str] = """
    An adapter has at most one `control`, which is about all its circuits.

    Erroneous:  control if rank > 4
                control if rank < 2
                q = circuit(4 qubits) { encode angle(h); ry; measure z }
    Corrected:  control if rank > 4 or rank < 2
                q = circuit(4 qubits) { encode angle(h); ry; measure z }
    """

    adapter: str
    first: Span | None = None

    def secondary(self) -> tuple[Label, ...]:
        return () if self.first is None else (Label(self.first, "the first one"),)
