"""What every node of a Spec answers, and what lowering offers it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields
from typing import ClassVar, Literal, NoReturn, Protocol

from qcompile.diagnostics.message import Message
from qcompile.diagnostics.messages.sized_tensors import FileHasAnotherShape, StartsFromModule
from qcompile.diagnostics.source import Span
from qcompile.ir.added_later import ADDED_LATER
from qcompile.ir.domains import Domain
from qcompile.ir.initialisation import Init
from qcompile.ir.node import ProgramNode, indices
from qcompile.ir.scalar import Scalar
from qcompile.ir.tensor import TensorSpec
from qcompile.ir.verification import require

SpecDomain = Literal["free", "rows", "tokens", "any"]
"""One for all, one for each row of a table, one for each token; `any`: not known yet."""


class Lowering(Protocol):
    """The program under construction for one pair of sizes.

    Methods that find a fault report it and raise `Refused`; `span` serves where a scalar has none.
    """

    def width(self, index: int) -> int:
        """Width of a node of the program."""

    def domain(self, index: int) -> Domain:
        """What a node of the program has one value of."""

    @property
    def module_sizes(self) -> tuple[int, int]:
        """in_features and out_features."""

    def append(self, node: ProgramNode, span: Span | None) -> int:
        """Index of a new node."""

    def output(self, span: Span | None) -> int:
        """Index of a new node for `y`."""

    def tensor(self, tensor: TensorSpec, span: Span | None) -> int:
        """Index of a tensor in the layout."""

    def integer(
        self,
        scalar: Scalar,
        what: str,
        span: Span | None,
        *,
        low: int | None = None,
        high: int | None = None,
    ) -> int:
        """A whole number in low..high; `what` names it in messages."""

    def real(self, scalar: Scalar, what: str, span: Span | None) -> float:
        """A finite number."""

    def size(self, scalar: Scalar, what: str, span: Span | None) -> int:
        """A width: at least 1, within the limit."""

    def pairs(self, pattern: str, count: int, span: Span | None) -> tuple[tuple[int, int], ...]:
        """The pairs of a pattern on so many places."""

    def refuse(self, message: Message) -> NoReturn:
        """Report and give up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecNode:
    """The base of all nodes of a Spec."""

    READS: ClassVar[tuple[str, ...]] = ()
    """Fields that hold indices of earlier nodes, one or a tuple of them."""

    span: Span | None = field(default=None, compare=False, repr=False)

    @property
    def inputs(self) -> tuple[int, ...]:
        """Indices of the nodes that this one reads, in order, with repeats."""
        return tuple(indices(self, self.READS))

    @property
    def scalars(self) -> tuple[Scalar, ...]:
        """The scalars of its fields, in order."""
        found = (getattr(self, item.name) for item in fields(self))
        parts = (value if isinstance(value, tuple) else (value,) for value in found)
        return tuple(item for part in parts for item in part if isinstance(item, Scalar))

    @property
    def tensors_name(self) -> str | None:
        """Prefix of the names of its tensors, unique in the adapter; None: it has none."""
        return None

    @property
    def inits(self) -> tuple[Init, ...]:
        """Initialisations of its trainable tensors."""
        return ()

    @property
    def from_module(self) -> Init | None:
        """The initialisation of its tensors, frozen ones too, where the module says it."""
        return None

    @property
    def identity_at_start(self) -> bool:
        """Whether it starts as its first operand, cut off or padded to its own width."""
        return False

    @property
    def factors(self) -> tuple[int, ...]:
        """Operands each of which makes it zero where it is zero itself."""
        return ()

    @property
    def zero_at_start(self) -> bool:
        """Whether a tensor that starts at zero may make it start at zero.

        One that starts from the module may have its start taken off.
        """
        return any(init.is_zero or init.from_module for init in self.inits)

    def domain(self, parts: Sequence[SpecDomain]) -> SpecDomain | None:
        """Domain of the value, those of the operands being `parts`; None: they do not go together.

        What the node itself demands of its operands is not checked.
        """
        return joined_spec_domain(parts)

    def verify(self) -> None:
        """Check its own fields; raises `VerificationError`."""

    def lower(self, inputs: tuple[int, ...], lowering: Lowering) -> int:
        """Index of the program's node that holds the value; `inputs` are those of the operands.

        Raises:
            Refused: the value has no meaning at these sizes; every reason was reported.
        """
        raise NotImplementedError


@dataclass(frozen=True, slots=True, kw_only=True)
class UnarySpec(SpecNode):
    """A node with one operand."""

    READS = ("operand",)

    operand: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ManyOperandsSpec(SpecNode):
    """A node with one operand or more."""

    READS = ("operands",)

    operands: tuple[int, ...]

    def verify(self) -> None:
        require(bool(self.operands), "no operands")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainableSpec(SpecNode):
    """A node with tensors of its own, trainable unless `frozen`."""

    init: Init
    name: str
    """Prefix of the tensors' names, unique in the adapter: `h` gives `h.weight`, `h.bias`."""
    share: str | None
    """Key under which modules (and places) share the tensors; None: own tensors."""
    frozen: bool = field(default=False, metadata=ADDED_LATER)
    """They are drawn and not trained."""

    @property
    def tensors_name(self) -> str:
        return self.name

    @property
    def inits(self) -> tuple[Init, ...]:
        return () if self.frozen else (self.init,)

    @property
    def from_module(self) -> Init | None:
        return self.init if self.init.from_module else None

    def tensor(
        self,
        lowering: Lowering,
        shape: tuple[int, ...],
        suffix: str = "",
        *,
        init: Init | None = None,
        fan_in: int | None = None,
    ) -> int:
        """Place a tensor in the layout: `h.core0` where the suffix is `.core0`."""
        own = self.init if init is None else init
        if own.from_module:
            self._check_start(lowering, shape, own)
        if own.file is not None and own.file.shape != shape:
            lowering.refuse(
                FileHasAnotherShape(
                    init=own.file.shown,
                    found=" x ".join(map(str, own.file.shape)),
                    wanted=" x ".join(map(str, shape)),
                    span=self.span,
                )
            )
        return lowering.tensor(
            TensorSpec(
                name=f"{self.name}{suffix}",
                shape=shape,
                init=own,
                share=None if self.share is None else f"{self.share}{suffix}",
                fan_in=fan_in,
                frozen=self.frozen,
            ),
            self.span,
        )

    def _check_start(self, lowering: Lowering, shape: tuple[int, ...], init: Init) -> None:
        """Refuse a start from the module for a tensor that is no part of it."""
        inputs, outputs = lowering.module_sizes
        side, along = (shape[-1], inputs) if init.rows else (shape[0], outputs)
        rank = math.prod(shape) // side
        most = min(inputs, outputs)
        if init.start == "activation":
            most = inputs
        elif init.start == "gradient":
            most //= 2  # Rows are the first ones, columns those that follow.
        if len(shape) != 2 or side != along or rank > most or self.share:
            wanted = f"r x {inputs}" if init.rows else f"{outputs} x r"
            lowering.refuse(
                StartsFromModule(
                    init=init.kind,
                    shape=" x ".join(map(str, shape)) + (", shared" if self.share else ""),
                    wanted=f"{wanted} with r up to {most}",
                    span=self.span,
                )
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainableUnarySpec(TrainableSpec):
    """A node with one operand and with trainable tensors of its own."""

    READS = ("operand",)

    operand: int


def joined_spec_domain(parts: Iterable[SpecDomain]) -> SpecDomain | None:
    """The domain of values that are computed with together; None: there is none."""
    distinct = {part for part in parts if part != "free"}
    if "any" in distinct:
        return "any"
    if len(distinct) > 1:
        return None
    return distinct.pop() if distinct else "free"
