"""QA2xxx: what an adapter's `train` clause asks for."""

from __future__ import annotations

from qcompile.diagnostics.message import Message, message
from qcompile.diagnostics.source import Span


@message(
    "QA2181",
    "{what} stands for no trainable tensors",
    label="no tensors",
    help="bind a `vector`, `linear`, `mpo` or `circuit` alone to a name, and give that name here",
)
class NoTensors(Message):
    """Penalties and proximal operators act on tensors. A name stands for tensors where a trainable
    call is all that it was bound to: a vector's elements, the weight and bias of a `linear`, the
    cores of an `mpo`, the angles of a `circuit`; frozen tensors are not trained.

    Erroneous:  h = 2 * vector(8)
                train { regularise l1(h) }
    Corrected:  g = vector(8)
                h = 2 * g
                train { regularise l1(g) }
    """

    what: str


@message(
    "QA2182",
    "`{statement}` takes {expected}",
    label="something else",
    help="write one statement for each: {example}",
)
class NoSuchTerm(Message):
    """
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


@message(
    "QA2183",
    "adapter `{adapter}` already says how it is trained",
    label="a second `train`",
    help="put all statements into one clause",
    first_label="the first one",
)
class TrainTwice(Message):
    """An adapter has at most one `train` clause, with any number of statements in it.

    Erroneous:  train { regularise l1(g) }
                train { proximal soft_threshold(g, 1e-3) }
    Corrected:  train {
                    regularise l1(g)
                    proximal soft_threshold(g, 1e-3)
                }
    """

    adapter: str
    first: Span | None = None
