"""What is read of the `x` of an embedding: rows and elements at the places of token ids.

There x stands for a vector with one element for each token, 0 but at the token's id. The element
there is the `embed_scale` of the module where it has one, else 1; for its `padding_idx` it is 0.
The vector is never built: these nodes take the ids themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qcompile.ir.domains import FREE, TOKENS, Domain
from qcompile.ir.node import Dependence, Needed, NodeWork, PlainNode, UnaryNode
from qcompile.ir.tensor import TensorSpec
from qcompile.ir.text_values import tensor_name
from qcompile.ir.verification import VerificationError, require


@dataclass(frozen=True, slots=True, kw_only=True)
class LookupNode(PlainNode):
    """W x: the columns of W = tensor, (width, number of tokens), at the ids."""

    READS = ("operand",)
    TENSORS = ("tensor",)

    operand: int
    tensor: int
    width: int

    def verify(self, widths: Sequence[int]) -> Needed:
        return ((self.tensor, (self.width, widths[0])),)

    def dependence(self, parts: Sequence[Dependence]) -> Dependence:
        return parts[0]

    def work(self, widths: Sequence[int]) -> NodeWork:
        # A product with the element, and an addition for the gradient, which needs the ids.
        return NodeWork(each=float(self.width), backward=1, interior=1)

    def text(self, tensors: Sequence[TensorSpec]) -> str:
        return f"lookup %{self.operand} {tensor_name(tensors[self.tensor])}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LookupValueNode(PlainNode):
    """W x, W (width, number of tokens) being a table, or one value row by row."""

    READS = ("operand", "weight")

    operand: int
    weight: int
    width: int

    def domain(self, parts: Sequence[Domain]) -> Domain:
        if parts[1] not in (FREE, Domain("rows", self.width)):
            raise VerificationError("a weight that is neither a vector nor a table that fits")
        return TOKENS

    def verify(self, widths: Sequence[int]) -> Needed:
        # A table holds a row for each element, which its domain says.
        fits = widths[1] in (widths[0], self.width * widths[0])
        require(fits, "the weight has another number of elements")
        return ()

    def dependence(self, parts: Sequence[Dependence]) -> Dependence:
        return parts[0] if parts[1] == "constant" else "other"

    def work(self, widths: Sequence[int]) -> NodeWork:
        peak = self.width * widths[0]
        return NodeWork(each=float(self.width), backward=1, interior=1, peak=peak)


@dataclass(frozen=True, slots=True, kw_only=True)
class PickNode(UnaryNode):
    """The elements of a value, or of x as it is here, at `places`."""

    LINEAR = True

    places: tuple[int, ...]

    @property
    def width(self) -> int:
        return len(self.places)

    def verify(self, widths: Sequence[int]) -> Needed:
        require(bool(self.places), "no places")
        require(all(0 <= p < widths[0] for p in self.places), "a place that is not there")
        return ()

    def on_tokens(self, width: int) -> PickNode:
        return self

    @property
    def label(self) -> str:
        return f"pick {self.width}"

    def words(self, tensors: Sequence[TensorSpec]) -> str:
        first, last = self.places[0], self.places[-1]
        if self.places == tuple(range(first, last + 1)):
            return f"pick {first}:{last + 1}"
        return f"pick {' '.join(map(str, self.places))}"


TOKEN_NODES = (LookupNode, LookupValueNode, PickNode)
"""Those that read the x of an embedding; no others do."""
