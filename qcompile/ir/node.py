"""What every node of a Program or Plan answers, so that no phase asks for its class.

A node is a frozen dataclass of numbers. `READS` and `TENSORS` name the fields that hold the nodes
and the tensors it reads; the rest follows from the methods below.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, TypeVar, cast

from qcompile.ir.domains import Domain, joined
from qcompile.ir.tensor import TensorSpec
from qcompile.ir.text_values import tensor_name
from qcompile.ir.verification import VerificationError, require

Dependence = Literal["zero", "constant", "linear", "affine", "other"]
"""On (x, y): identically zero; always the same; linear without offset, or with one; anything
else."""

NodeT = TypeVar("NodeT")

Needed = tuple[tuple[int, tuple[int, ...]], ...]
"""Tensors that a node reads, with the shapes they must have."""


@dataclass(frozen=True, slots=True)
class NodeWork:
    """What a node costs; a multiply-add counts as two FLOPs."""

    each: float = 0.0
    """FLOPs of the forward pass for each token, or for each row of a table."""
    once: float = 0.0
    """FLOPs of the forward pass that are done once per call."""
    backward: float = 1.0
    """FLOPs of the backward pass over those of the forward pass."""
    interior: int = 0
    """Elements for each token that are kept for the backward pass besides the operands."""
    peak: int = 0
    """Elements of the largest tensor that is built once per call."""


class Node:
    """The base of all nodes."""

    __slots__ = ()

    READS: ClassVar[tuple[str, ...]] = ()
    """Fields that hold indices of earlier nodes, one or a tuple of them."""
    TENSORS: ClassVar[tuple[str, ...]] = ()
    """Fields that hold indices of trainable tensors, one, a tuple of them, or None."""
    FAMILY: ClassVar[Literal["plain", "network", "circuit"]] = "plain"
    """For drawings."""
    TORCH: ClassVar[str | None] = None
    """The module of its torch; None: the one in `qcompile.backends.ops`."""
    ORACLE: ClassVar[str | None] = None
    """The module of its oracle; None: the one in `qcompile.testing.ops`."""
    DETAIL: ClassVar[str] = ""
    """What the text form says of `node` after its tensors: `block {node.block}`."""
    FLOPS: ClassVar[float] = 0.0
    """Of the forward pass, for each element of the value."""
    BACKWARD: ClassVar[float] = 1.0
    """FLOPs of the backward pass over those of the forward pass."""
    KEPT: ClassVar[int] = 0
    """Elements kept for the backward pass besides the operands, for each element of the value."""
    SAVES: ClassVar[bool] = False
    """Whether the backward pass reads the values of the operands."""
    VIEW: ClassVar[bool] = False
    """Whether the value lies in the memory of its operand, all of which is kept with it."""
    PRODUCT: ClassVar[bool] = False
    """Whether the value is a product of operands and tensors, so that the backward pass reads each
    only for the gradient of another."""

    if TYPE_CHECKING:

        @property
        def width(self) -> int:
            """Size of the last axis of the value."""

    @property
    def inputs(self) -> tuple[int, ...]:
        """Indices of the nodes that this one reads, in order, with repeats."""
        return tuple(indices(self, self.READS))

    @property
    def tensors(self) -> tuple[int, ...]:
        """Indices of the tensors that it reads, in order."""
        return tuple(indices(self, self.TENSORS))

    def reading(self, new: Callable[[int], int]) -> Self:
        """This node reading node new(i) where it read node i."""
        return _changed(self, self.READS, new)

    def holding(self, new: Mapping[int, int]) -> Self:
        """This node reading tensor new[i] where it read tensor i."""
        return _changed(self, self.TENSORS, new.__getitem__)

    def domain(self, parts: Sequence[Domain]) -> Domain:
        """Domain of the value, those of the operands being `parts`.

        Raises:
            VerificationError: they do not go together.
        """
        return joined(parts)

    def verify(self, widths: Sequence[int]) -> Needed:
        """Check the node against the widths of its operands; the tensors it needs.

        Raises:
            VerificationError: they do not fit.
        """
        return ()

    def dependence(self, parts: Sequence[Dependence]) -> Dependence:
        """How the value depends on x and y, the operands depending so, in evaluation mode."""
        return "constant" if all(part in ("zero", "constant") for part in parts) else "other"

    def on_tokens(self, width: int) -> ProgramNode | None:
        """The node in its place where its operand is the `x` of an embedding; None: there is none.

        See `qcompile.ir.ops.lookup`. `width` is that of x: how many tokens there are.
        """
        return None

    def work(self, widths: Sequence[int]) -> NodeWork:
        """What it costs, the operands having these widths."""
        each, interior = self.FLOPS * self.width, self.KEPT * self.width
        return NodeWork(each=each, backward=self.BACKWARD, interior=interior)

    @property
    def mnemonic(self) -> str:
        """Its name in texts: `pairproduct`."""
        return type(self).__name__.removesuffix("Node").lower()

    @property
    def label(self) -> str:
        """A few words for drawings."""
        return self.mnemonic

    def words(self, tensors: Sequence[TensorSpec]) -> str:
        """The line of the text form, without operands and width."""
        names = (tensor_name(tensors[index]) for index in self.tensors)
        return " ".join((self.mnemonic, *names, self.DETAIL.format(node=self))).rstrip()

    def text(self, tensors: Sequence[TensorSpec]) -> str:
        """What stands between `%3 =` and `-> width`."""
        return f"{self.words(tensors)} {references(self.inputs)}".rstrip()


class ProgramNode(Node):
    """A node of a Program."""

    __slots__ = ()


class PlanNode(Node):
    """A node of a Plan."""

    __slots__ = ()


class PlainNode(ProgramNode, PlanNode):
    """A node that is executed as it stands in the Program."""

    __slots__ = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class UnaryNode(PlainNode):
    """A node with one operand."""

    READS = ("operand",)
    LINEAR: ClassVar[bool] = False
    """In its operand, without offset, in evaluation mode."""
    ZERO_AT_ZERO: ClassVar[bool] = False

    operand: int

    def dependence(self, parts: Sequence[Dependence]) -> Dependence:
        if self.LINEAR or (self.ZERO_AT_ZERO and parts[0] == "zero"):
            return parts[0]
        return Node.dependence(self, parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class ElementwiseNode(UnaryNode):
    """A node that is as wide as its operand."""

    width: int

    def verify(self, widths: Sequence[int]) -> Needed:
        require(widths[0] == self.width, "it is not as wide as its operand")
        return ()


def domains(nodes: Sequence[Node]) -> tuple[Domain, ...]:
    """The domain of every node of a Program or Plan.

    Raises:
        VerificationError: a node reads values whose domains do not go together.
    """
    found: list[Domain] = []
    for index, node in enumerate(nodes):
        try:
            found.append(node.domain([found[operand] for operand in node.inputs]))
        except VerificationError as error:
            raise VerificationError(f"%{index} ({type(node).__name__}): {error}") from None
    return tuple(found)


def dependence_of(nodes: Sequence[Node], result: int) -> Dependence:
    """How the result depends on x and y, in evaluation mode."""
    known: list[Dependence] = []
    for node in nodes:
        known.append(node.dependence([known[operand] for operand in node.inputs]))
    return known[result]


def is_linear(nodes: Sequence[Node], result: int) -> bool:
    """Whether the result is W x + A y for some W and A, in evaluation mode.

    It can then be merged into a weight.
    """
    return dependence_of(nodes, result) in ("zero", "linear")


def home(cls: type[Node]) -> str:
    """The name of the file of `ir/ops` that defines a node."""
    return cls.__module__.rpartition(".")[2]


def references(indices: Sequence[int]) -> str:
    """`%1 %3`"""
    return " ".join(f"%{index}" for index in indices)


def of_the_same(parts: Sequence[Dependence]) -> Dependence:
    """The dependence of a sum, or of values side by side."""
    distinct = {part for part in parts if part != "zero"}
    if not distinct:
        return "zero"
    if len(distinct) == 1:
        return distinct.pop()
    return "other" if "other" in distinct else "affine"


def of_product(parts: Sequence[Dependence]) -> Dependence:
    """The dependence of a product of at least one factor."""
    if "zero" in parts:
        return "zero"
    varying = [part for part in parts if part != "constant"]
    if not varying:
        return "constant"
    return varying[0] if len(varying) == 1 else "other"


def indices(node: object, names: tuple[str, ...]) -> Iterator[int]:
    for name in names:
        value = getattr(node, name)
        if isinstance(value, tuple):
            yield from value
        elif value is not None:
            yield value


def _changed(node: NodeT, names: tuple[str, ...], new: Callable[[int], int]) -> NodeT:
    changes: dict[str, object] = {}
    for name in names:
        value = getattr(node, name)
        if isinstance(value, tuple):
            changes[name] = tuple(map(new, value))
        elif value is not None:
            changes[name] = new(value)
    return cast(NodeT, replace(cast(Any, node), **changes)) if changes else node
