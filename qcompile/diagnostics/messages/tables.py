"""QA235x: tables, and what goes with them."""

from __future__ import annotations

from qcompile.diagnostics.message import Message, message


@message(
    "QA2351",
    "a table and a value for each token cannot be combined",
    label="combines the two",
    help=(
        "`flat(t)` makes one vector of a table, and `linear(x, to: …, weight: …)` takes it as a"
        " matrix"
    ),
)
class RowsWithTokens(Message):
    """A table, made by `table`, `bits` or `rows`, has rows that are the same for every token; what
    is computed from it has a value for each row. `x`, and what is computed from it, has a value
    for each token. There is no rule by which a row would belong to a token.

    Erroneous:  t = table(4, in_features)
                h = x + t
    Corrected:  t = table(4, in_features)
                h = linear(x, to: 4, weight: flat(t))
    """


@message("QA2352", "{what} must be {expected}, but it is {found}", label="this is {found}")
class WrongDomain(Message):
    """Values are of three kinds. `x` and what is computed from it have a value for each token. A
    `vector`, a circuit without data and what is computed from them are the same for all tokens.
    A `table` has rows. `rows(v, n)` and the `weight` of `linear` take a value that is the same for
    all tokens, `flat(t)` and `prefix` take tables, `update` and `replace` do not.

    Erroneous:  u = flat(rows(x, 8))
    Corrected:  u = flat(rows(vector(64), 8))
    """

    what: str
    expected: str
    found: str


@message("QA2353", "a prefix has no module to read", label="of a linear module")
class PrefixReadsModule(Message):
    """A prefix stands before the keys and values of an attention module, which is no linear map:
    there is no `W`, no `base_bias`, no `base(v)` and no start from its weight.

    Erroneous:  attach "*.self_attn"
                prefix W, W
    Corrected:  attach "*.self_attn"
                prefix table(8, out_features), table(8, out_features)
    """


@message(
    "QA2354",
    "an adapter for a `shape` has no module whose weight `{init}` could start from",
    label="starts from a weight",
    help="attach it to modules of a model, or start otherwise",
)
class NoWeightToStartFrom(Message):
    """`principal_rows` and its relatives are parts of the weight of the module that the adapter is
    attached to, and come with `attach` or inside peft. An adapter that is compiled for a `shape` is
    attached to nothing.

    Erroneous:  shape 64 -> 64
                update linear(x, to: 64, init: qr_rows)
    Corrected:  shape 64 -> 64
                update linear(x, to: 64)
    """

    init: str
