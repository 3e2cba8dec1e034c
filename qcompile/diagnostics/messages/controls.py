"""QA23xx: classical controls."""

from __future__ import annotations

from qcompile.diagnostics.message import Message, message
from qcompile.diagnostics.source import Span


@message(
    "QA2331",
    "adapter `{adapter}` has no circuit that a control could replace",
    label="nothing to replace",
    help="leave the line out",
)
class NothingToControl(Message):
    """A control replaces each `circuit` of an adapter by a classical map with as many parameters.
    Nothing else is replaced: a `unitary` is a linear map and stays.

    Erroneous:  control
                h = linear(x, to: rank)
    Corrected:  control
                h = linear(x, to: 4)
                q = circuit(4 qubits) { encode angle(h); ry; measure z }
    """

    adapter: str


@message(
    "QA2332",
    "adapter `{adapter}` already says whether it is a control",
    label="a second `control`",
    help="join the conditions by `and` or `or`",
    first_label="the first one",
)
class ControlTwice(Message):
    """An adapter has at most one `control`, which is about all its circuits.

    Erroneous:  control if rank > 4
                control if rank < 2
                q = circuit(4 qubits) { encode angle(h); ry; measure z }
    Corrected:  control if rank > 4 or rank < 2
                q = circuit(4 qubits) { encode angle(h); ry; measure z }
    """

    adapter: str
    first: Span | None = None
