"""QA31xx: concrete sizes of values and tensors."""

from __future__ import annotations

from qcompile.diagnostics.diagnostic import Label
from qcompile.diagnostics.message import message
from qcompile.diagnostics.sized import SizedMessage
from qcompile.diagnostics.source import Span


@message("QA3101", "this expression has no value: {reason}", label="evaluated here")
class NoValueAtSize(SizedMessage):
    """Expressions over `in_features` and `out_features` are evaluated for each module. Division by
    zero, a root of a negative number or a result beyond 10^15 has no value.

    Erroneous:  linear(x, to: in_features // (out_features - 512))     (for 3584 -> 512)
    Corrected:  linear(x, to: max(1, in_features // 512))
    """

    reason: str


@message("QA3102", "{what} must be {expected}, but it is {value}", label="this is {value}")
class WrongNumber(SizedMessage):
    """Sizes, counts and wires are integers. A division that does not come out even gives a real.

    Erroneous:  linear(x, to: in_features / 3)      (for in_features = 3584)
    Corrected:  linear(x, to: in_features // 3)
    """

    what: str
    expected: str
    value: str


@message("QA3103", "{what} must be {bounds}, but it is {value}", label="this is {value}")
class OutOfRangeAtSize(SizedMessage):
    """
    Every size and count has a range: widths are at least 1, an MPO has 1 to 64 sites, bonds are at
    least 1, a `repeat` runs at most 10 000 times, a dropout probability is in [0, 1).

    Erroneous:  mpo(x, to: out_features, sites: 4, bond: out_features // 1000)      (for 512)
    Corrected:  mpo(x, to: out_features, sites: 4, bond: max(1, out_features // 1000))
    """

    what: str
    bounds: str
    value: str


@message("QA3104", "requirement not met: {message}", label="does not hold")
class RequirementFailedAtSize(SizedMessage):
    """The author of the adapter stated a condition that does not hold for the sizes of a module.

    Erroneous:  require in_features % 5 == 0, "the width must be divisible by 5"     (for 3584)
    Corrected:  require in_features % 4 == 0, "the width must be divisible by 4"
    """

    message: str


@message(
    "QA3105",
    "values of widths {widths} cannot be {action} element by element",
    label="these widths differ",
    help="bring them to one width with `linear(..., to: n)`, a slice or `concat`",
)
class WidthsDifferAtSize(SizedMessage):
    """Sums and products work element by element, so that their operands must be equally wide.

    Erroneous:  attach "*.v_proj"
                h = linear(x, to: in_features // 4) + linear(x, to: out_features)   (for 128 -> 64)
    Corrected:  attach "*.v_proj"
                h = linear(x, to: in_features // 2) + linear(x, to: out_features)
    """

    widths: tuple[int, ...]
    action: str


@message(
    "QA3106",
    "the {mode} is {width} wide, but the module's {place} {out_features} wide",
    label="this is {width} wide",
    help="end in a map `to: out_features`",
)
class ResultWidthAtSize(SizedMessage):
    """What is added to a module's output, or replaces it, must be `out_features` wide, and so must
    the keys and the values of a `prefix`.

    Erroneous:  attach "*.v_proj"
                update linear(x, to: in_features)      (for 128 -> 64)
    Corrected:  attach "*.v_proj"
                update linear(x, to: out_features)
    """

    mode: str
    place: str
    """What is as wide as `out_features` says, with its verb."""
    width: int
    out_features: int


@message(
    "QA3107",
    "slice {start}:{stop} does not fit a value that is {width} wide",
    label="beyond the value",
)
class SliceOutOfRange(SizedMessage):
    """
    A slice `a[start:stop]` is half-open and must lie inside the value, 0 <= start < stop <= width.

    Erroneous:  attach "*.v_proj"
                h = x[out_features:out_features * 4]      (for 128 -> 64)
    Corrected:  attach "*.v_proj"
                h = x[out_features:out_features * 2]
    """

    start: int
    stop: int
    width: int


@message(
    "QA3108",
    "{side} modes {modes} hold {product} elements, but the value is {width} wide",
    label="too small",
    help="leave the modes out and give `sites`, and they are found for any width",
)
class ModesTooSmallAtSize(SizedMessage):
    """
    The product of an MPO's modes must be at least the width; what is beyond is padded with zeros.

    Erroneous:  attach "*.v_proj"
                h = mpo(x, to: 64, in_modes: [8, 8], out_modes: [8, 8], bond: 4)    (for 128 -> 64)
    Corrected:  attach "*.v_proj"
                h = mpo(x, to: 64, in_modes: [16, 8], out_modes: [8, 8], bond: 4)
    """

    side: str
    modes: tuple[int, ...]
    product: int
    width: int


@message(
    "QA3109",
    "{what}: {count} given, but {expected} expected for {sites} sites",
    label="does not fit the sites",
)
class SitesDisagree(SizedMessage):
    """An MPO with n sites has n input modes, n output modes and n - 1 interior bonds.

    Erroneous:  attach "*.v_proj"
                h = mpo(x, to: out_features, sites: in_features // 16, bonds: [8, 8, 8])
    Corrected:  attach "*.v_proj"
                h = mpo(x, to: out_features, sites: in_features // 32, bonds: [8, 8, 8])
    """

    what: str
    count: int
    expected: int
    sites: int


@message("QA3110", "`{name}` is not known: {reason}", label="read here")
class NotKnownOfModule(SizedMessage):
    """`layer_index` and `num_layers` are known of modules in a numbered list of layers, and
    `num_heads`, `num_kv_heads` and `head_dim` of modules of a model that has attention.

    Erroneous:  shape 64 -> 64
                h = linear(x, to: layer_index + 1)
    Corrected:  attach "*.q_proj"
                h = linear(x, to: layer_index + 1)
    """

    name: str
    reason: str


@message(
    "QA3111",
    "tensor `{key}` is shared, but its places disagree: {here} and {there}",
    label="here it is {here}",
)
class SharedTensorsDiffer(SizedMessage):
    """
    Everything that has the same share key is one tensor: its shape and its initialisation must be
    the same in all places and for all modules that an adapter attaches to.

    Erroneous:  attach "*.{q,v}_proj"
                a = linear(x, to: out_features, share: "up")      (q and v have different sizes)
    Corrected:  attach "*.q_proj"
                a = linear(x, to: out_features, share: "up")
    """

    key: str
    here: str
    there: str
    other: Span | None = None

    def secondary(self) -> tuple[Label, ...]:
        """Show the other place."""
        if self.other is None:
            return ()
        return (Label(self.other, f"there it is {self.there}"),)


@message(
    "QA3112",
    "tensor `{tensor}` would have {elements} elements, more than {limit}",
    label="too large",
)
class TensorTooLarge(SizedMessage):
    """No trainable tensor may have more than 2^32 elements. This is checked before memory is taken.

    Erroneous:  linear(linear(x, to: in_features * 1000), to: in_features * 1000)      (for 3584)
    Corrected:  linear(linear(x, to: 16), to: in_features)
    """

    tensor: str
    elements: int
    limit: int


@message("QA3113", "the adapters would have {parameters} trainable parameters, more than {limit}")
class TooManyTrainableParameters(SizedMessage):
    """
    All modules together may have 2^36 trainable parameters. This is checked before memory is taken.

    Erroneous:  adapter a() { attach "*"; update mpo(x, to: out_features, sites: 40, bond: 10_000) }
    Corrected:  adapter a() { attach "*"; update mpo(x, to: out_features, sites: 4, bond: 8) }
    """

    parameters: int
    limit: int


@message("QA3114", "this value would be {width} wide, more than {limit}", label="too wide")
class ValueTooWide(SizedMessage):
    """No value may have more than 2^24 elements per token; 2^n probabilities get there quickly.

    Erroneous:  circuit(26 qubits) { ry; measure probs }
    Corrected:  circuit(26 qubits) { ry; measure z }
    """

    width: int
    limit: int


@message(
    "QA3115",
    "the graph of adapter `{adapter}` has more than {limit} nodes",
    label="the limit is reached here",
    help="use the block less often; one wider value does the work of many",
)
class TooManyNodes(SizedMessage):
    """An adapter's graph may have 10 000 nodes. A `linear` with a bias and a circuit with several
    kinds of measurements are more than one node each.

    Erroneous:  a block that is used tens of thousands of times
    Corrected:  a `linear` or an `mpo` of the same size, which is one node
    """

    adapter: str
    limit: int


@message(
    "QA3116",
    "adapter `{adapter}` has {parameters:,} parameters, more than LoRA's {lora:,} at rank {rank}",
    severity="warning",
    label="saves nothing at these sizes",
    help="lower the bond or the width between the networks, or use plain LoRA",
)
class MoreThanLora(SizedMessage):
    """
    A matrix product operator is meant to need fewer parameters than the two factors of LoRA. At a
    small width or rank its cores and the bus between them cost more than they save.

    Erroneous:  adapter qtha(rank: int = 1, bus: int = 256, bond: int = 8) { ... }     (width 64)
    Corrected:  adapter qtha(rank: int = 1, bus: int = 16, bond: int = 2) { ... }
    """

    adapter: str
    parameters: int
    lora: int
    rank: int


@message(
    "QA3141",
    "the circuits that share `{key}` have no control in common",
    label="other data or outputs",
    help="give the circuits different share keys, or equal widths",
)
class SharedControlsDiffer(SizedMessage):
    """Circuits with one share key have one vector of angles. Their control is one set of matrices,
    whose shapes follow from the number of data elements and of outputs, so that these must agree.

    Erroneous:  control
                h = linear(x, to: 4)
                q = circuit(4 qubits, share: "s") { encode angle(h); ry; measure z }
                u = circuit(4 qubits, share: "s") { encode angle(h[0:2]); ry; measure z }
    Corrected:  control
                h = linear(x, to: 4)
                q = circuit(4 qubits, share: "s") { encode angle(h); ry; measure z }
                u = circuit(4 qubits, share: "s") { encode angle(sin(h)); ry; measure z }
    """

    key: str
    other: Span | None = None

    def secondary(self) -> tuple[Label, ...]:
        """Show the other circuit."""
        return () if self.other is None else (Label(self.other, "shares the key"),)


@message(
    "QA3151",
    "the trainable tensors of {modules} modules and their gradients would take {needed},"
    " more than the limit of {limit}",
    help="use a smaller rank, attach to fewer modules, or raise the memory limit",
)
class TensorsTooLarge(SizedMessage):
    """
    Each module may fit in memory where all of them together do not. What the tensors of all modules
    and their gradients take is counted before anything is allocated, and compared with the memory
    limit (`--memory-limit`, 8 GiB unless given).

    Erroneous:  attach "*"
                update linear(linear(x, to: 20_000), to: out_features, init: zero)
    Corrected:  attach "*.q_proj"
                update linear(linear(x, to: 16), to: out_features, init: zero)
    """

    modules: int
    needed: str
    limit: str


@message(
    "QA3152",
    "two different tensors of `{adapter}` would be stored as `{name}`",
    label="has one of them",
    help="rename the adapter, or choose another key for `share`",
)
class StoredNameTaken(SizedMessage):
    """
    Tensors are stored under the name of the module, the adapter and the tensor, those with a share
    key under `shared` and the key. An adapter that is called `shared` can have a tensor of its own
    with the name of such a key; one of the two would be lost.

    Erroneous:  adapter shared() { … a = linear(x, to: 6); b = linear(a, to: 6, share: "a") … }
    Corrected:  adapter common() { … a = linear(x, to: 6); b = linear(a, to: 6, share: "a") … }
    """

    adapter: str
    name: str
