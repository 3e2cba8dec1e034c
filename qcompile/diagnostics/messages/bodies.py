"""QA2xxx: what an adapter or a block is made of, and where an adapter is attached."""

from __future__ import annotations

from qcompile.diagnostics.message import Message, message
from qcompile.diagnostics.source import Span


@message(
    "QA2171",
    "adapter `{adapter}` is attached to nothing",
    label="neither `attach` nor `shape`",
    help=(
        'add `attach "*.q_proj"` for the modules of a model, or `shape 64 -> 64` for one '
        "module of that size"
    ),
)
class NoPlace(Message):
    """Sizes come from the modules that an adapter is attached to, or from `shape`.

    Erroneous:  adapter a() { update linear(x, to: out_features, init: zero) }
    Corrected:  adapter a() { …; update linear(x, to: out_features, init: zero) }
    """

    adapter: str


@message(
    "QA2172",
    "`{one}` cannot stand beside `{other}`",
    label="already placed",
    first_label="placed here",
)
class TwoPlaces(Message):
    """An adapter is either attached to modules of a model by any number of `attach` lines, or made
    for one size by one `shape`.

    Erroneous:  shape 64 -> 64
                attach "*.q_proj"
    Corrected:  attach "*.q_proj"
    """

    one: str
    other: str
    first: Span | None = None


@message(
    "QA2173",
    "{kind} `{name}` has no result",
    label="no {statement}",
    help="end it with {statement}",
)
class NoResult(Message):
    """An adapter ends in `update e`, which is added to the module's output, in `replace e`, which
    takes its place, or in `prefix k, v`, which stand before the keys and values of an attention
    module. A block ends in `return e`.

    Erroneous:  adapter a() { attach "*.q_proj"; h = linear(x, to: 8) }
    Corrected:  adapter a() { …; update linear(x, to: out_features, init: zero) }
    """

    kind: str
    name: str
    statement: str


@message(
    "QA2174",
    "nothing can follow `{statement}`",
    label="never reached",
    first_label="the result",
)
class AfterResult(Message):
    """The result is the last statement, and there is only one.

    Erroneous:  update h
                g = tanh(h)
    Corrected:  g = tanh(h)
                update g
    """

    statement: str
    first: Span | None = None


@message("QA2175", "malformed pattern: {reason}", label="here")
class BadPattern(Message):
    """In a pattern `*` stands for any characters, dots included, `?` for one, `[abc]` and `[a-z]`
    for one of a class, `[!a]` for one outside it, and `{a,b}` for alternatives.

    Erroneous:  attach "*.{q,v_proj"
    Corrected:  attach "*.{q,v}_proj"
    """

    reason: str


@message(
    "QA2176",
    "pattern `{pattern}` was attached before",
    severity="warning",
    label="never reached",
    help="a module takes the first attachment that matches it",
    first_label="attached here",
)
class PatternRepeated(Message):
    """The earlier line takes all modules that this one matches, so this one has no effect.

    Erroneous:  attach "*.q_proj"
                attach "*.q_proj" with (rank: 4)
    Corrected:  attach "*.q_proj" layers 0..8 with (rank: 4)
                attach "*.q_proj"
    """

    pattern: str
    first: Span | None = None
