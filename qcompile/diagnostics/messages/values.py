"""QA2xxx: values of the graph and the tensors in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from qcompile.diagnostics.diagnostic import Label, Severity
from qcompile.diagnostics.message import Message
from qcompile.diagnostics.source import Span


@dataclass(frozen=True, slots=True, kw_only=True)
class WidthsDiffer(Message):
    """An elementwise operation on values of different widths."""

    code: ClassVar[str] = "QA2151"
    title: ClassVar[str] = (
        "values of widths {left} and {right} cannot be combined element by element"
    )
    label: ClassVar[str] = "{left} against {right}"
    explanation: ClassVar[str] = """
    Sums, differences and products of values work element by element. A value of width 1 is not
    stretched to the width of the other; `concat` repeats it without new weights.

    Erroneous:  u = linear(x, to: 8) + linear(x, to: 4)
    Corrected:  u = linear(x, to: 8) + linear(x, to: 8)
    """

    left: int
    right: int

    def helps(self) -> tuple[str, ...]:
        if 1 in (self.left, self.right):
            width = max(self.left, self.right)
            return (f"repeat the narrow value {width} times: `concat(v, v, …)`",)
        return ("bring both to one width with `linear`, a slice or `concat`",)


@dataclass(frozen=True, slots=True, kw_only=True)
class NoSuchOperation(Message):
    """An operator that values do not have."""

    code: ClassVar[str] = "QA2152"
    title: ClassVar[str] = "`{operator}` has no meaning for {left} and {right}"
    label: ClassVar[str] = "{left} {operator} {right}"
    explanation: ClassVar[str] = """
    Division by a value and powers of values are not part of the language; `square(v)` and `v *
    v` are.

    Erroneous:  g = h / u
    Corrected:  g = h * u
    """

    operator: str
    left: str
    right: str

    def helps(self) -> tuple[str, ...]:
        general = (
            "values can be added, subtracted and multiplied element by element, and scaled or"
            " shifted by numbers"
        )
        if self.operator == "**":
            return ("write `square(v)` for v ** 2, and products for higher powers", general)
        return (general,)


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexOutOfRange(Message):
    """An element or slice outside the value."""

    code: ClassVar[str] = "QA2153"
    title: ClassVar[str] = "{what} is outside a value of width {width}"
    label: ClassVar[str] = "outside"
    help: ClassVar[str | None] = "elements are counted from 0; slices are half-open"
    explanation: ClassVar[str] = """
    `v[i]` is the element i of a value, counted from 0; `v[a:b]` are the elements a to b-1.

    Erroneous:  a = linear(x, to: 4)
                b = a[2:8]
    Corrected:  a = linear(x, to: 4)
                b = a[2:4]
    """

    what: str
    width: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EmptySlice(Message):
    """A slice without elements."""

    code: ClassVar[str] = "QA2154"
    title: ClassVar[str] = "this slice is empty"
    label: ClassVar[str] = "{start}:{stop}"
    explanation: ClassVar[str] = """
    A value has at least one element, so a slice must end after it starts.

    Erroneous:  b = a[4:4]
    Corrected:  b = a[3:4]
    """

    start: int
    stop: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareMismatch(Message):
    """One share key for tensors of different kinds."""

    code: ClassVar[str] = "QA2155"
    title: ClassVar[str] = "`{key}` is shared between {one} and {other}"
    label: ClassVar[str] = "{other}"
    help: ClassVar[str | None] = "use different keys"
    explanation: ClassVar[str] = """
    Places with the same `share` key use the same tensors, so they must be made by the same
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

    def secondary(self) -> tuple[Label, ...]:
        return () if self.first is None else (Label(self.first, "first shared here"),)


@dataclass(frozen=True, slots=True, kw_only=True)
class WrongLength(Message):
    """A list of another length than the rest asks for."""

    code: ClassVar[str] = "QA2156"
    title: ClassVar[str] = "{count} {what} given, but {expected} expected"
    label: ClassVar[str] = "{count} {what}"
    explanation: ClassVar[str] = """
    An MPO of k sites has k input modes, k output modes and k-1 bonds between its sites.

    Erroneous:  a = mpo(x, to: 256, sites: 4, bonds: [8, 8])
    Corrected:  a = mpo(x, to: 256, sites: 4, bonds: [8, 8, 8])
    """

    count: int
    what: str
    expected: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ModesTooSmall(Message):
    """Modes whose product is below the width."""

    code: ClassVar[str] = "QA2157"
    title: ClassVar[str] = "the {side} modes hold {product} elements, fewer than the width {width}"
    label: ClassVar[str] = "product {product}"
    explanation: ClassVar[str] = """
    The product of the modes must be at least the width; what is above it is padding.

    Erroneous:  a = mpo(x, to: 256, out_modes: [4, 4, 4], bond: 8)
    Corrected:  a = mpo(x, to: 256, out_modes: [4, 4, 4, 4], bond: 8)
    """

    side: str
    product: int
    width: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TooMuch(Message):
    """A file that expands to more than the limit."""

    code: ClassVar[str] = "QA2158"
    title: ClassVar[str] = "this expands to more than {limit} {what}"
    label: ClassVar[str] = "the limit is reached here"
    explanation: ClassVar[str] = """
    Blocks and layers are written out where they are used, once more for each attachment with
    other parameters. The limits stop a small text from filling the memory.

    Erroneous:  block b(v) { return a(a(a(a(v)))) }     # and a uses nine others in the same way
    Corrected:  block b(v) { return a(v) }
    """

    limit: int
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NotZeroAtStart(Message):
    """An update that starts with a random value."""

    code: ClassVar[str] = "QA2159"
    severity: ClassVar[Severity] = "warning"
    title: ClassVar[str] = "the update of adapter `{adapter}` is not zero at the start"
    label: ClassVar[str] = "no tensor here starts at zero"
    help: ClassVar[str | None] = (
        "give the last linear map or MPO `init: zero`, so that training starts from the base model"
    )
    explanation: ClassVar[str] = """
    An update is added to the output of a trained module. If none of its tensors starts at zero,
    the model is disturbed before the first step of training.

    Erroneous:  update linear(linear(x, to: 8), to: out_features)
    Corrected:  update linear(linear(x, to: 8), to: out_features, init: zero)
    """

    adapter: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NothingTrainable(Message):
    """An adapter without tensors to train."""

    code: ClassVar[str] = "QA2160"
    severity: ClassVar[Severity] = "warning"
    title: ClassVar[str] = "adapter `{adapter}` has nothing to train"
    label: ClassVar[str] = "no trainable tensor or angle"
    explanation: ClassVar[str] = """
    The result depends on no trainable tensor, so training would change nothing.

    Erroneous:  update 0.5 * x
    Corrected:  update 0.5 * linear(x, to: out_features, init: zero)
    """

    adapter: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultWidth(Message):
    """A result that does not fit the module's output."""

    code: ClassVar[str] = "QA2161"
    title: ClassVar[str] = "the result is {width} wide, but the module's output has {expected}"
    label: ClassVar[str] = "width {width}"
    help: ClassVar[str | None] = (
        "end with `linear(…, to: out_features)` or `mpo(…, to: out_features)`"
    )
    explanation: ClassVar[str] = """
    What is added to the output of a module, or replaces it, has the output's width.

    Erroneous:  shape 16 -> 4
                update linear(x, to: 8, init: zero)
    Corrected:  shape 16 -> 4
                update linear(x, to: out_features, init: zero)
    """

    width: int
    expected: int
