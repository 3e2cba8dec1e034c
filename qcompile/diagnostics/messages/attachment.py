"""QA30xx: which modules of a model an adapter attaches to."""

from __future__ import annotations

from qcompile.diagnostics.message import Message, message
from qcompile.diagnostics.sized import SizedMessage


@message(
    "QA3001",
    "adapter `{adapter}` attaches to modules of a model, but no model is given",
    label="the sizes of these modules are needed",
    help="pass `--model DIR`, write a `model` line, or give the sizes: `shape 3584 -> 512`",
)
class NoModelGiven(Message):
    """`attach` chooses modules of a model by name; their sizes come from the model's configuration.

    Erroneous:  adapter a() { attach "*.q_proj"; update linear(x, to: out_features) }
    Corrected:  model "models/qwen2-7b"
                adapter a() { attach "*.q_proj"; update linear(x, to: out_features) }
    """

    adapter: str


@message("QA3003", "pattern `{pattern}` matches no module of `{model}`", label="matches nothing")
class PatternMatchesNothing(Message):
    """An attachment must reach at least one module. Names are those of `model.named_modules()`, and
    a pattern has to match the whole name: begin it with `*.` to match in every layer.

    Erroneous:  attach "q_proj"
    Corrected:  attach "*.q_proj"
    """

    pattern: str
    model: str
    candidates: tuple[str, ...] = ()
    """Patterns of the nearest modules."""
    groups: tuple[str, ...] = ()
    """What there is instead, such as "`model.layers.*.self_attn.q_proj` (28)"."""
    kind: str = "linear"
    """Of the modules that would do."""
    reasons: tuple[str, ...] = ()
    """Why what was probably meant is not there."""

    def notes(self) -> tuple[str, ...]:
        """Say what there is."""
        if not self.groups:
            return (*self.reasons, f"the model has no {self.kind} modules at all")
        return (*self.reasons, f"the model's {self.kind} modules are {', '.join(self.groups)}")


@message(
    "QA3004",
    "pattern `{pattern}` matches only modules to which no adapter can be attached",
    label="matches {count} of kind {kinds}",
    help="an adapter attaches to linear maps, embeddings, convolutions, norms and blocks that the "
    "model calls",
)
class ModuleUnsupported(Message):
    """An adapter is added to the output of a module, or replaces it: of a linear map, such as
    Linear and transformers' Conv1D, of an embedding, of a convolution, of a norm over the last
    axis, or of a block of linear maps. The weights of a model's experts are often slices of one
    parameter instead, and some linear maps are never called: the modules around them read their
    weights.

    Erroneous:  attach "*.act_fn"
    Corrected:  attach "*.self_attn.q_proj"
    """

    pattern: str
    count: int
    kinds: tuple[str, ...]
    example: str
    reasons: tuple[str, ...] = ()
    """Why linear maps, or experts, among them cannot be had."""

    def notes(self) -> tuple[str, ...]:
        """Name one, and what is the matter."""
        return (f"`{self.example}` is one of them", *self.reasons)


@message(
    "QA3005",
    "no module of `{pattern}` lies in layers {start}..{stop}",
    label="the range leaves nothing",
    help="a range is half-open: `layers 0..4` is 0, 1, 2 and 3",
)
class LayersMatchNothing(Message):
    """`layers a..b` keeps the modules whose first number in the name is at least a and below b.

    Erroneous:  attach "*.q_proj" layers 28..32      (in a model of 28 layers)
    Corrected:  attach "*.q_proj" layers 0..28
    """

    pattern: str
    start: int
    stop: int
    available: str
    """Such as "0..28", or empty where no matched module has a number."""

    def notes(self) -> tuple[str, ...]:
        """Say which layers there are."""
        if not self.available:
            return ("no module that the pattern matches has a number in its name",)
        return (f"the pattern matches modules in layers {self.available}",)


@message(
    "QA3006",
    "of pattern `{pattern}`, `{alternative}` matches no linear module",
    severity="warning",
    label="one alternative has no effect",
)
class AlternativeMatchesNothing(Message):
    """
    A pattern with braces stands for several; each of them should reach a module, or a misspelt one
    would go unnoticed.

    Erroneous:  attach "*.{q,vv}_proj"
    Corrected:  attach "*.{q,v}_proj"
    """

    pattern: str
    alternative: str


@message(
    "QA3007",
    "attachment `{pattern}` takes no module: all are taken by earlier ones",
    severity="warning",
    label="has no effect",
    help="put the more specific pattern first",
)
class AttachmentShadowed(Message):
    """Within an adapter a module takes the first attachment whose pattern matches it.

    Erroneous:  attach "*_proj"
                attach "*.q_proj" with (rank: 16)
    Corrected:  attach "*.q_proj" with (rank: 16)
                attach "*_proj"
    """

    pattern: str


@message(
    "QA3008",
    "pattern `{pattern}` matches no attention to which a prefix can be attached",
    label="matches {count} of kind {kinds}",
)
class NoAttention(Message):
    """`prefix keys, values` stands before the keys and values of self-attention. It attaches to the
    attention modules of transformers' models that hand keys and values to a cache
    (`past_key_values`) and know the width of a head.

    Erroneous:  attach "*.self_attn.k_proj"
                prefix table(8, out_features), table(8, out_features)
    Corrected:  attach "*.self_attn"
                prefix table(8, out_features), table(8, out_features)
    """

    pattern: str
    count: int
    kinds: tuple[str, ...]
    example: str
    groups: tuple[str, ...]

    def helps(self) -> tuple[str, ...]:
        if not self.groups:
            return ("use a `prefix` with another model; linear maps of this one take an `update`",)
        return (f"a `prefix` attaches to the attention itself, here {self.groups[0]}",)

    def notes(self) -> tuple[str, ...]:
        """Say what there is."""
        if not self.groups:
            reasons = (
                "its attention is to another sequence, or hands nothing to a cache, or does not"
                " say how wide a head is"
            )
            return (reasons,)
        return (f"the model's attention modules are {', '.join(self.groups)}",)


@message("QA3010", "`{word}` is no portable pattern", label="not known")
class UnknownPortable(Message):
    """Words without quotes stand for modules of every architecture: `linear`, `attention`,
    `attention.qv`, `mlp`, `mlp.down`, `head`. Patterns over the names of modules stand in quotes.

    Erroneous:  attach q_proj
    Corrected:  attach attention.q
    """

    word: str
    known: tuple[str, ...]
    candidates: tuple[str, ...] = ()

    def helps(self) -> tuple[str, ...]:
        known = ", ".join(f"`{one}`" for one in self.known)
        return (f"there are {known}; letters go together: `attention.qv`",)

    def notes(self) -> tuple[str, ...]:
        return (f'patterns over names stand in quotes: `"*.{self.word}"`',)


@message(
    "QA3012",
    "adapter `{adapter}` computes with the weight of `{module}`, which is {kind}",
    label="reads the module",
    help="`y` is the output of the module, whatever it is; attach the rest to linear maps",
)
class HostNotLinear(Message):
    """`W`, `base_bias`, `base(v)` and initialisations from the weight are for linear maps. What is
    attached to a norm or to a whole block has the module's input, `x`, and its output, `y`.

    Erroneous:  attach "*.mlp"
                update linear(base(x), to: out_features, init: zero)
    Corrected:  attach "*.mlp"
                update linear(y, to: out_features, init: zero)
    """

    adapter: str
    module: str
    kind: str


@message(
    "QA3014",
    "adapter `{adapter}` puts a token id into `{operation}`",
    label="reads the `x` of an embedding",
    help="look a row up first: `linear(x, to: rank)`, and compute with that; `y` is the looked-up "
    "row of the module itself",
)
class TokensNotRead(SizedMessage):
    """The `x` of an embedding is a token id. It stands for a vector with one element for each token
    of the vocabulary, all 0 but that of the token, so that `linear(x, to: n)` is the column of its
    matrix at the id. Elements of that vector can be had as well: `x[5]`, `gather(x, at: [5, 9])`.
    Everything else would need the whole vector for every token.

    Erroneous:  attach embedding
                update linear(dropout(x, 0.1), to: out_features, init: zero)
    Corrected:  attach embedding
                h = linear(x, to: 8)
                update linear(dropout(h, 0.1), to: out_features, init: zero)
    """

    adapter: str
    operation: str


@message(
    "QA3016",
    "there is no element {place} in a value that is {width} wide",
    label="beyond the value",
)
class PlaceOutOfRange(SizedMessage):
    """The places of `gather` are counted from 0. Of an embedding they are ids of tokens, of which
    the vocabulary may have fewer: it must be resized before the adapter is compiled.

    Erroneous:  attach embedding
                update linear(gather(x, at: [5, 1000000]), to: out_features, init: zero)
    Corrected:  attach embedding
                update linear(gather(x, at: [5, 100]), to: out_features, init: zero)
    """

    place: int
    width: int
