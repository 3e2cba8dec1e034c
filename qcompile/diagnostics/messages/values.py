"""QA2xxx: values of the graph and the tensors in them."""

from __future__ import annotations

from qcompile.diagnostics.message import Message, message
from qcompile.diagnostics.source import Span


@message(
    "QA2151",
    "values of widths {left} and {right} cannot be combined element by element",
    label="{left} against {right}",
)
class WidthsDiffer(Message):
    """Sums, differences, products and quotients of values work element by element. A value of width
    1 goes with every width.

    Erroneous:  u = linear(x, to: 8) + linear(x, to: 4)
    Corrected:  u = linear(x, to: 8) + linear(x, to: 8)
    """

    left: int
    right: int

    def helps(self) -> tuple[str, ...]:
        return ("bring both to one width with `linear`, a slice or `concat`",)


@message(
    "QA2152",
    "`{operator}` has no meaning for {left} and {right}",
    label="{left} {operator} {right}",
)
class NoSuchOperation(Message):
    """Values are added, subtracted, multiplied and divided element by element; a number may stand
    on either side. Exponents are numbers. `<`, `<=`, `>` and `>=` of values give 1 or 0;
    values are not compared for equality.

    Erroneous:  g = h ** u
    Corrected:  g = exp(u * log(h))
    """

    operator: str
    left: str
    right: str

    def helps(self) -> tuple[str, ...]:
        general = (
            "values can be added, subtracted, multiplied and divided element by element, also with"
            " numbers, compared by < <= > >=, and taken to the power of a number"
        )
        if self.operator == "**":
            return ("for positive values, a ** b is `exp(b * log(a))`", general)
        return (general,)


@message(
    "QA2153",
    "{what} is outside a value of width {width}",
    label="outside",
    help="elements are counted from 0; slices are half-open",
)
class IndexOutOfRange(Message):
    """`v[i]` is the element i of a value, counted from 0; `v[a:b]` are the elements a to b-1.

    Erroneous:  a = linear(x, to: 4)
                b = a[2:8]
    Corrected:  a = linear(x, to: 4)
                b = a[2:4]
    """

    what: str
    width: int


@message("QA2154", "this slice is empty", label="{start}:{stop}")
class EmptySlice(Message):
    """A value has at least one element, so a slice must end after it starts.

    Erroneous:  b = a[4:4]
    Corrected:  b = a[3:4]
    """

    start: int
    stop: int


@message(
    "QA2155",
    "`{key}` is shared between {one} and {other}",
    label="{other}",
    help="use different keys",
    first_label="first shared here",
)
class ShareMismatch(Message):
    """Places with the same `share` key use the same tensors, so they must be made by the same
    function.

    Erroneous:  a = linear(x, to: 8, share: "s")
                b = vector(8, share: "s")
    Corrected:  a = linear(x, to: 8, share: "a")
                b = vector(8, share: "b")
    """

    key: str
    one: str
    other: str
    first: Span | None = None


@message("QA2156", "{count} {what} given, but {expected} expected", label="{count} {what}")
class WrongLength(Message):
    """An MPO of k sites has k input modes, k output modes and k-1 bonds between its sites.

    Erroneous:  a = mpo(x, to: 256, sites: 4, bonds: [8, 8])
    Corrected:  a = mpo(x, to: 256, sites: 4, bonds: [8, 8, 8])
    """

    count: int
    what: str
    expected: int


@message(
    "QA2157",
    "the {side} modes hold {product} elements, fewer than the width {width}",
    label="product {product}",
)
class ModesTooSmall(Message):
    """The product of the modes must be at least the width; what is above it is padding.

    Erroneous:  a = mpo(x, to: 256, out_modes: [4, 4, 4], bond: 8)
    Corrected:  a = mpo(x, to: 256, out_modes: [4, 4, 4, 4], bond: 8)
    """

    side: str
    product: int
    width: int


@message("QA2158", "this expands to more than {limit} {what}", label="the limit is reached here")
class TooMuch(Message):
    """Blocks and layers are written out where they are used, once more for each attachment with
    other parameters. The limits stop a small text from filling the memory.

    Erroneous:  block b(v) { return a(a(a(a(v)))) }     # and a uses nine others in the same way
    Corrected:  block b(v) { return a(v) }
    """

    limit: int
    what: str


@message(
    "QA2159",
    "the update of adapter `{adapter}` is not zero at the start",
    severity="warning",
    label="no tensor here starts at zero",
    help="give the last linear map or MPO `init: zero`, "
    "so that training starts from the base model",
)
class NotZeroAtStart(Message):
    """An update is added to the output of a trained module. If none of its tensors starts at zero,
    the model is disturbed before the first step of training.

    Erroneous:  update linear(linear(x, to: 8), to: out_features)
    Corrected:  update linear(linear(x, to: 8), to: out_features, init: zero)
    """

    adapter: str


@message(
    "QA2160",
    "adapter `{adapter}` has nothing to train",
    severity="warning",
    label="no trainable tensor or angle",
)
class NothingTrainable(Message):
    """The result depends on no trainable tensor, so training would change nothing.

    Erroneous:  update 0.5 * x
    Corrected:  update 0.5 * linear(x, to: out_features, init: zero)
    """

    adapter: str


@message(
    "QA2161",
    "the result is {width} wide, but the module's output has {expected}",
    label="width {width}",
    help="end with `linear(…, to: out_features)` or `mpo(…, to: out_features)`",
)
class ResultWidth(Message):
    """What is added to the output of a module, or replaces it, has the output's width.

    Erroneous:  shape 16 -> 4
                update linear(x, to: 8, init: zero)
    Corrected:  shape 16 -> 4
                update linear(x, to: out_features, init: zero)
    """

    width: int
    expected: int
