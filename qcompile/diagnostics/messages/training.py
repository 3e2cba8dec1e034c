"""QA2xxx: what an adapter's `train` clause asks for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from qcompile.diagnostics.diagnostic import Label
from qcompile.diagnostics.message import Message
from qcompile.diagnostics.source import Span


@dataclass(frozen=True, slots=True, kw_only=True)
class NoTensors(Message):
    """Something without trainable tensors of its own."""

    code: ClassVar[str] = "QA2181"
    title: ClassVar[str] = "{what} stands for no trainable tensors"
    label: ClassVar[str] = "no tensors"
    help: ClassVar[str | None] = (
        "bind a `vector`, `linear`, `mpo` or `circuit` alone to a name, and give that name here"
    )
    explanation: ClassVar[str] = """
    Penalties and proximal operators act on tensors. A name stands for tensors where a trainable
    call is all that it was bound to: a vector's elements, the weight and bias of a `linear`, the
    cores of an `mpo`, the angles of a `circuit`.

    Erroneous:  h = 2 * vector(8)
                train { regularise l1(h) }
    Corrected:  g = vector(8)
                h = 2 * g
                train { regularise l1(g) }
    """

    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NoSuchTerm(Message):
    """An expression that is no term of the training."""

    code: ClassVar[str] = "QA2182"
    title: ClassVar[str] = "`{statement}` takes {expected}"
    label: ClassVar[str] = "something else"
    help: ClassVar[str | None] = "write one statement for each: {example}"
    explanation: ClassVar[str] = """
    Each `regularise` adds a number times one penalty to the loss, and each `proximal` applies one
    operator after the optimiser's step. Several statements may stand in one `train` clause.

    Erroneous:  train { regularise 0.1 * l1(g) + 0.2 * l1(h) }
    Corrected:  train {
                    regularise 0.1 * l1(g)
                    regularise 0.2 * l1(h)
                }
    """

    statement: str
    expected: str
    example: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainTwice(Message):
    """A second `train` clause in one adapter."""

    code: ClassVar[str] = "QA2183"
    title: ClassVar[str] = "adapter `{adapter}` already says how it is trained"
    label: ClassVar[str] = "a second `train`"
    help: ClassVar[str | None] = "put all statements into one clause"
    explanation: ClassVar[str] = """
    An adapter has at most one `train` clause, with any number of statements in it.

    Erroneous:  train { regularise l1(g) }
                train { proximal soft_threshold(g, 1e-3) }
    Corrected:  train {
                    regularise l1(g)
                    proximal soft_threshold(g, 1e-3)
                }
    """

    adapter: str
    first: Span | None = None

    def secondary(self) -> tuple[Label, ...]:
        return () if self.first is None else (Label(self.first, "the first one"),)
