"""An operation of the language, and how elaboration makes a node of a call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, cast

from qcompile.diagnostics.message import Message
from qcompile.diagnostics.source import Span
from qcompile.ir.initialisation import Init
from qcompile.ir.operands import Operand, Typed, Value
from qcompile.ir.signature import Function, Option
from qcompile.ir.spec_node import SpecDomain, SpecNode


class CallReader(Protocol):
    """A call of an operation, its arguments matched with the options.

    Methods that read an argument return the option's default where it was left out, and None where
    there is none or after a fault, which is reported. Each argument is read at most once.
    """

    @property
    def ok(self) -> bool:
        """Whether the arguments match the signature."""

    @property
    def options(self) -> Mapping[str, Option]:
        """Those of the operation, by name."""

    @property
    def span(self) -> Span:
        """Of the call."""

    def has(self, name: str) -> bool:
        """Whether the argument was given."""

    def place(self, name: str) -> Span:
        """Of an argument; of the call where it was left out."""

    def operand(self, name: str) -> Operand:
        """Whatever was given."""

    def value(self, name: str) -> Value | None:
        """A value of the graph."""

    def as_value(self, operand: Operand) -> Value | None:
        """The operand as a value of the graph."""

    def values(self) -> tuple[Value, ...] | None:
        """Those of an option that takes any number."""

    def integer(self, name: str) -> Typed | None:
        """A whole number in the option's range."""

    def integers(self, name: str) -> tuple[Typed, ...] | None:
        """A list of them."""

    def real(self, name: str) -> Typed | None:
        """A number in the option's range."""

    def flag(self, name: str) -> bool | None:
        """A truth value that is known without a model."""

    def choice(self, name: str) -> str | None:
        """One of the option's words."""

    def init(self, what: str) -> Init | None:
        """How the tensors start; `what` names them in messages."""

    def share(self) -> str | None:
        """The share key, which is noted."""

    def unique(self) -> str:
        """A prefix for the names of the node's tensors, which is taken."""

    def number(self, width: Typed | None) -> int | None:
        """A width as a number, where the adapter's own text decides it."""

    def combine(self, operator: str, *arguments: Typed) -> Typed | None:
        """An operator or function of numbers, applied."""

    def of_tokens(self, value: Value) -> bool:
        """Whether there is one for each token."""

    def expect(self, value: Value, what: str, wanted: SpecDomain) -> bool:
        """Report a value of another domain."""

    def report(self, message: Message) -> None:
        """Report a fault."""

    def add(self, node: SpecNode, width: Typed | None) -> Value | None:
        """The value of a new node of this width; None: not known here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation(Function):
    """A function of the language that makes a node of the graph."""

    nodes: tuple[type, ...] = ()
    """Its nodes at all levels; only of operations of other packages."""
    of_numbers: bool = False
    """Also a function of the numbers of the language."""
    build: Callable[[CallReader], Operand]
    """What a call stands for; None after a fault, which was reported."""


def standard(
    node: type[SpecNode],
    *,
    width: str = "v",
    what: str = "",
    check: Callable[[CallReader, Mapping[str, int | None]], Message | None] | None = None,
    **fields: str,
) -> Callable[[CallReader], Value | None]:
    """Make the node whose fields are the arguments of a call.

    Args:
        node: Its fields have the names of the options, or those that `fields` gives them.
        width: The option that is the width of the value; `v`: that of the operand.
        what: Names the tensors in messages.
        check: Says what is wrong with the numbers and widths that are known without a model.
    """

    def build(call: CallReader) -> Value | None:
        read = {name: _read(call, option, what) for name, option in call.options.items()}
        if not call.ok or any(item is None and name != "share" for name, item in read.items()):
            return None
        sizes = {name: _size(item) for name, item in read.items()}
        fault = check and check(call, {name: call.number(size) for name, size in sizes.items()})
        if fault:
            call.report(fault)
            return None
        named = {fields.get(name, name): _field(item) for name, item in read.items()}
        if "v" in named:
            named["operand"] = named.pop("v")
        if "share" in named:
            named["name"] = call.unique()
        return call.add(cast(Any, node)(**named, span=call.span), sizes[width])

    return build


def _read(call: CallReader, option: Option, what: str) -> object:
    match option.kind:
        case "value":
            return call.value(option.name)
        case "int":
            return call.integer(option.name)
        case "real":
            return call.real(option.name)
        case "bool":
            return call.flag(option.name)
        case "choice":
            return call.choice(option.name)
        case "init":
            return call.init(what)
        case "text":
            return call.share()
        case _:
            raise TypeError(f"`{option.name}` has no field")


def _size(item: object) -> Typed | None:
    if isinstance(item, Value):
        return item.width
    return item if isinstance(item, Typed) else None


def _field(item: object) -> object:
    match item:
        case Value(node=node):
            return node
        case Typed(scalar=scalar):
            return scalar
        case _:
            return item
