"""Names: the definitions of a file, and the local names of an adapter, block or layer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from qcompile.diagnostics.messages.names import DefinedTwice, PredefinedName, Shadows
from qcompile.diagnostics.source import Source, Span
from qcompile.grammar.elaborate.session import Session
from qcompile.grammar.syntax import (
    AdapterItem,
    BlockItem,
    GateItem,
    LayerItem,
    LetItem,
    Name,
    TargetItem,
)
from qcompile.ir.matrices import Matrix
from qcompile.ir.operands import Operand, Typed

PREDEFINED = ("x", "y", "in_features", "out_features", "pi")
OF_THE_MODULE = ("x", "y")
"""Values of the adapted module; blocks and layers have none and may call parameters so."""

OF_THE_WEIGHT = ("W", "base_bias")
"""Values of the adapted module that a file's own names hide."""

DefinitionKind = Literal["constant", "block", "layer", "gate", "target", "adapter"]
KIND_WORDS: dict[DefinitionKind, str] = {
    "constant": "a constant",
    "block": "a block",
    "layer": "a layer",
    "gate": "a gate",
    "target": "a target",
    "adapter": "an adapter",
}

LocalKind = Literal["parameter", "value parameter", "binding", "loop variable", "bank"]


@dataclass(slots=True, kw_only=True, eq=False)
class Definition:
    """An item of a file."""

    name: str
    kind: DefinitionKind
    item: LetItem | BlockItem | LayerItem | GateItem | TargetItem | AdapterItem
    home: FileScope
    span: Span
    used: bool = False
    broken: bool = False
    """Its own body has errors, which have been reported."""
    operand: Typed | None = None
    """The value of a constant."""
    matrix: Matrix | None = None
    """Of a gate: unitary, of one or two qubits."""
    ready: bool = False
    """A constant or gate whose value has been worked out."""


@dataclass(slots=True, kw_only=True, eq=False)
class FileScope:
    """The names of one file."""

    source: Source
    names: dict[str, Definition] = field(default_factory=dict)
    """Own definitions and imported ones, by the name they have in this file."""
    own: dict[str, Definition] = field(default_factory=dict)
    places: dict[str, Span] = field(default_factory=dict)
    """Where each name came into this file."""
    incomplete: bool = False
    """Some import failed, so that an unknown name may be no error of its own."""
    is_main: bool = False


@dataclass(slots=True, kw_only=True)
class LocalName:
    """A local name."""

    operand: Operand
    kind: LocalKind
    span: Span
    used: bool = False


@dataclass(slots=True, kw_only=True, eq=False)
class Scope:
    """Local names, those of enclosing scopes, then those of the file."""

    file: FileScope
    outer: Scope | None = None
    locals: dict[str, LocalName] = field(default_factory=dict)
    upcoming: dict[str, Span] = field(default_factory=dict)
    """Names that are bound further down."""

    def find(self, name: str) -> LocalName | None:
        scope: Scope | None = self
        while scope is not None:
            if name in scope.locals:
                return scope.locals[name]
            scope = scope.outer
        return None

    def find_upcoming(self, name: str) -> Span | None:
        scope: Scope | None = self
        while scope is not None:
            if name in scope.upcoming:
                return scope.upcoming[name]
            scope = scope.outer
        return None

    def visible(self) -> Iterator[str]:
        """Names that a value can have here."""
        scope: Scope | None = self
        while scope is not None:
            yield from scope.locals
            scope = scope.outer
        yield from (name for name, item in self.file.names.items() if item.kind == "constant")

    def define(
        self,
        session: Session,
        name: Name,
        operand: Operand,
        kind: LocalKind,
        *,
        allow_module: bool = False,
    ) -> LocalName:
        """Bind a name; a name that is taken is reported and keeps its first meaning."""
        local = LocalName(operand=operand, kind=kind, span=name.span)
        text = name.text
        constant = self.file.names.get(text)
        if text in self.locals:
            first = self.locals[text]
            # A variable of a second loop of the same name is no clash: its scope is new.
            session.report(DefinedTwice(span=name.span, name=text, first=first.span))
            first.operand = None
            first.used = True
            return local
        if text in PREDEFINED and not (allow_module and text in OF_THE_MODULE):
            session.report(PredefinedName(span=name.span, name=text))
            poison = LocalName(operand=None, kind=kind, span=name.span, used=True)
            self.locals[text] = poison
            return poison
        hidden = self.outer.find(text) if self.outer is not None else None
        if hidden is not None and kind == hidden.kind == "binding":
            # A loop hands the value on to its next round.
            hidden.operand = operand
            return hidden
        if hidden is not None:
            session.report(
                Shadows(span=name.span, name=text, what=f"the {hidden.kind}", first=hidden.span)
            )
        elif constant is not None and constant.kind == "constant":
            session.report(
                Shadows(span=name.span, name=text, what="the constant", first=constant.span)
            )
        self.locals[text] = local
        return local
