"""QA31xx: concrete sizes of values and tensors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from qcompile.diagnostics.diagnostic import Label, Severity
from qcompile.diagnostics.sized import SizedMessage
from qcompile.diagnostics.source import Span


@dataclass(frozen=True, slots=True, kw_only=True)
class NoValue(SizedMessage):
    """A scalar expression has no value at these sizes."""

    code: ClassVar[str] = "QA3101"
    title: ClassVar[str] = "this expression has no value: {reason}"
    label: ClassVar[str] = "evaluated here"
    explanation: ClassVar[str] = """
    Expressions over `in_features` and `out_features` are evaluated for each module. Division by
    zero, a root of a negative number or a result beyond 10^15 has no value.

    Erroneous:  linear(x, to: in_features // (out_features - 512))     (for 3584 -> 512)
    Corrected:  linear(x, to: max(1, in_features // 512))
    """

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WrongNumber(SizedMessage):
    """A scalar is not of the kind that is needed here."""

    code: ClassVar[str] = "QA3102"
    title: ClassVar[str] = "{what} must be {expected}, but it is {value}"
    label: ClassVar[str] = "this is {value}"
    explanation: ClassVar[str] = """
    Sizes, counts and wires are integers. A division that does not come out even gives a real.

    Erroneous:  linear(x, to: in_features / 3)      (for in_features = 3584)
    Corrected:  linear(x, to: in_features // 3)
    """

    what: str
    expected: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OutOfRange(SizedMessage):
    """A scalar is outside its range."""

    code: ClassVar[str] = "QA3103"
    title: ClassVar[str] = "{what} must be {bounds}, but it is {value}"
    label: ClassVar[str] = "this is {value}"
    explanation: ClassVar[str] = """
    Every size and count has a range: widths are at least 1, an MPO has 1 to 64 sites, bonds are at
    least 1, a `repeat` runs at most 10 000 times, a dropout probability is in [0, 1).

    Erroneous:  mpo(x, to: out_features, sites: 4, bond: out_features // 1000)      (for 512)
    Corrected:  mpo(x, to: out_features, sites: 4, bond: max(1, out_features // 1000))
    """

    what: str
    bounds: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RequirementFailed(SizedMessage):
    """A `require` does not hold at these sizes."""

    code: ClassVar[str] = "QA3104"
    title: ClassVar[str] = "requirement not met: {message}"
    label: ClassVar[str] = "does not hold"
    explanation: ClassVar[str] = """
    The author of the adapter stated a condition that does not hold for the sizes of a module.

    Erroneous:  require in_features % 5 == 0, "the width must be divisible by 5"     (for 3584)
    Corrected:  require in_features % 4 == 0, "the width must be divisible by 4"
    """

    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WidthsDiffer(SizedMessage):
    """Values of different widths are combined element by element."""

    code: ClassVar[str] = "QA3105"
    title: ClassVar[str] = "values of widths {widths} cannot be {action} element by element"
    label: ClassVar[str] = "these widths differ"
    help: ClassVar[str | None] = (
        "bring them to one width with `linear(..., to: n)`, a slice or `concat`"
    )
    explanation: ClassVar[str] = """
    Sums and products work element by element, so that their operands must be equally wide.

    Erroneous:  attach "*.v_proj"
                h = linear(x, to: in_features // 4) + linear(x, to: out_features)   (for 128 -> 64)
    Corrected:  attach "*.v_proj"
                h = linear(x, to: in_features // 2) + linear(x, to: out_features)
    """

    widths: tuple[int, ...]
    action: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultWidth(SizedMessage):
    """The result is not as wide as the module's output."""

    code: ClassVar[str] = "QA3106"
    title: ClassVar[str] = (
        "the {mode} is {width} wide, but the module's {place} {out_features} wide"
    )
    label: ClassVar[str] = "this is {width} wide"
    help: ClassVar[str | None] = "end in a map `to: out_features`"
    explanation: ClassVar[str] = """
    What is added to a module's output, or replaces it, must be `out_features` wide, and so must
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


@dataclass(frozen=True, slots=True, kw_only=True)
class SliceOutOfRange(SizedMessage):
    """A slice reaches beyond its value."""

    code: ClassVar[str] = "QA3107"
    title: ClassVar[str] = "slice {start}:{stop} does not fit a value that is {width} wide"
    label: ClassVar[str] = "beyond the value"
    explanation: ClassVar[str] = """
    A slice `a[start:stop]` is half-open and must lie inside the value, 0 <= start < stop <= width.

    Erroneous:  attach "*.v_proj"
                h = x[out_features:out_features * 4]      (for 128 -> 64)
    Corrected:  attach "*.v_proj"
                h = x[out_features:out_features * 2]
    """

    start: int
    stop: int
    width: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ModesTooSmall(SizedMessage):
    """Given modes do not hold the width."""

    code: ClassVar[str] = "QA3108"
    title: ClassVar[str] = (
        "{side} modes {modes} hold {product} elements, but the value is {width} wide"
    )
    label: ClassVar[str] = "too small"
    help: ClassVar[str | None] = (
        "leave the modes out and give `sites`, and they are found for any width"
    )
    explanation: ClassVar[str] = """
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


@dataclass(frozen=True, slots=True, kw_only=True)
class SitesDisagree(SizedMessage):
    """The number of modes or bonds does not fit the number of sites."""

    code: ClassVar[str] = "QA3109"
    title: ClassVar[str] = "{what}: {count} given, but {expected} expected for {sites} sites"
    label: ClassVar[str] = "does not fit the sites"
    explanation: ClassVar[str] = """
    An MPO with n sites has n input modes, n output modes and n - 1 interior bonds.

    Erroneous:  attach "*.v_proj"
                h = mpo(x, to: out_features, sites: in_features // 16, bonds: [8, 8, 8])
    Corrected:  attach "*.v_proj"
                h = mpo(x, to: out_features, sites: in_features // 32, bonds: [8, 8, 8])
    """

    what: str
    count: int
    expected: int
    sites: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedTensorsDiffer(SizedMessage):
    """Two places share a tensor but want different ones."""

    code: ClassVar[str] = "QA3111"
    title: ClassVar[str] = "tensor `{key}` is shared, but its places disagree: {here} and {there}"
    label: ClassVar[str] = "here it is {here}"
    explanation: ClassVar[str] = """
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


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorTooLarge(SizedMessage):
    """One trainable tensor is absurdly large."""

    code: ClassVar[str] = "QA3112"
    title: ClassVar[str] = "tensor `{tensor}` would have {elements} elements, more than {limit}"
    label: ClassVar[str] = "too large"
    explanation: ClassVar[str] = """
    No trainable tensor may have more than 2^32 elements. This is checked before memory is taken.

    Erroneous:  linear(linear(x, to: in_features * 1000), to: in_features * 1000)      (for 3584)
    Corrected:  linear(linear(x, to: 16), to: in_features)
    """

    tensor: str
    elements: int
    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TooManyParameters(SizedMessage):
    """All adapters together are absurdly large."""

    code: ClassVar[str] = "QA3113"
    title: ClassVar[str] = (
        "the adapters would have {parameters} trainable parameters, more than {limit}"
    )
    explanation: ClassVar[str] = """
    All modules together may have 2^36 trainable parameters. This is checked before memory is taken.

    Erroneous:  adapter a() { attach "*"; update mpo(x, to: out_features, sites: 40, bond: 10_000) }
    Corrected:  adapter a() { attach "*"; update mpo(x, to: out_features, sites: 4, bond: 8) }
    """

    parameters: int
    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueTooWide(SizedMessage):
    """A value is absurdly wide."""

    code: ClassVar[str] = "QA3114"
    title: ClassVar[str] = "this value would be {width} wide, more than {limit}"
    label: ClassVar[str] = "too wide"
    explanation: ClassVar[str] = """
    No value may have more than 2^24 elements per token; 2^n probabilities get there quickly.

    Erroneous:  circuit(26 qubits) { ry; measure probs }
    Corrected:  circuit(26 qubits) { ry; measure z }
    """

    width: int
    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TooManyNodes(SizedMessage):
    """The graph is absurdly large."""

    code: ClassVar[str] = "QA3115"
    title: ClassVar[str] = "the graph of adapter `{adapter}` has more than {limit} nodes"
    label: ClassVar[str] = "the limit is reached here"
    help: ClassVar[str | None] = "use the block less often; one wider value does the work of many"
    explanation: ClassVar[str] = """
    An adapter's graph may have 10 000 nodes. A `linear` with a bias and a circuit with several
    kinds of measurements are more than one node each.

    Erroneous:  a block that is used tens of thousands of times
    Corrected:  a `linear` or an `mpo` of the same size, which is one node
    """

    adapter: str
    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MoreThanLora(SizedMessage):
    """A tensor network saves nothing here."""

    code: ClassVar[str] = "QA3116"
    severity: ClassVar[Severity] = "warning"
    title: ClassVar[str] = (
        "adapter `{adapter}` has {parameters:,} parameters,"
        " more than LoRA's {lora:,} at rank {rank}"
    )
    label: ClassVar[str] = "saves nothing at these sizes"
    help: ClassVar[str | None] = (
        "lower the bond or the width between the networks, or use plain LoRA"
    )
    explanation: ClassVar[str] = """
    A matrix product operator is meant to need fewer parameters than the two factors of LoRA. At a
    small width or rank its cores and the bus between them cost more than they save.

    Erroneous:  adapter qtha(rank: int = 1, bus: int = 256, bond: int = 8) { ... }     (width 64)
    Corrected:  adapter qtha(rank: int = 1, bus: int = 16, bond: int = 2) { ... }
    """

    adapter: str
    parameters: int
    lora: int
    rank: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedControlsDiffer(SizedMessage):
    """Circuits share their angles, but their controls would have different tensors."""

    code: ClassVar[str] = "QA3141"
    title: ClassVar[str] = "the circuits that share `{key}` have no control in common"
    label: ClassVar[str] = "other data or outputs"
    help: ClassVar[str | None] = "give the circuits different share keys, or equal widths"
    explanation: ClassVar[str] = """
    Circuits with one share key have one vector of angles. Their control is one set of matrices,
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


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorsTooLarge(SizedMessage):
    """The tensors of all modules together do not fit in memory."""

    code: ClassVar[str] = "QA3151"
    title: ClassVar[str] = (
        "the trainable tensors of {modules} modules and their gradients would take {needed},"
        " more than the limit of {limit}"
    )
    help: ClassVar[str | None] = (
        "use a smaller rank, attach to fewer modules, or raise the memory limit"
    )
    explanation: ClassVar[str] = """
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


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredNameTaken(SizedMessage):
    """Two different tensors would have one name in adapter.pt."""

    code: ClassVar[str] = "QA3152"
    title: ClassVar[str] = "two different tensors of `{adapter}` would be stored as `{name}`"
    label: ClassVar[str] = "has one of them"
    help: ClassVar[str | None] = "rename the adapter, or choose another key for `share`"
    explanation: ClassVar[str] = """
    Tensors are stored under the name of the module, the adapter and the tensor, those with a share
    key under `shared` and the key. An adapter that is called `shared` can have a tensor of its own
    with the name of such a key; one of the two would be lost.

    Erroneous:  adapter shared() { … a = linear(x, to: 6); b = linear(a, to: 6, share: "a") … }
    Corrected:  adapter common() { … a = linear(x, to: 6); b = linear(a, to: 6, share: "a") … }
    """

    adapter: str
    name: str
