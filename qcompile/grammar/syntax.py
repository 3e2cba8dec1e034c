"""Syntax: what was written, with the span of every node. Spans are outside equality."""

from __future__ import annotations

from dataclasses import field
from typing import Literal

from qcompile.diagnostics.late import LateDataclass
from qcompile.diagnostics.source import Source, Span

# Each docstring shows the text that its node stands for.


class SyntaxNode(LateDataclass):
    """A piece of a text."""

    span: Span = field(compare=False, repr=False)


class Name(SyntaxNode):
    """`rank`"""

    text: str


class NumberLiteral(SyntaxNode):
    """`8`, `0.5`, `1e-3`, `2pct`, `68ns`"""

    text: str
    """As written, so that the formatter keeps it."""


class StringLiteral(SyntaxNode):
    """`"*.q_proj"`"""

    value: str
    """Unescaped."""


class BoolLiteral(SyntaxNode):
    """`true`, `false`"""

    value: bool


class Unary(SyntaxNode):
    """`-a`, `not a`"""

    operator: Literal["-", "not"]
    operand: Expr


class Binary(SyntaxNode):
    """`a + b`"""

    operator: str
    """One of + - * / // % ** == != < <= > >= and or."""
    left: Expr
    right: Expr


class Conditional(SyntaxNode):
    """`a if c else b`"""

    condition: Expr
    yes: Expr
    no: Expr


class Argument(SyntaxNode):
    """`x` or `to: bus` in a call"""

    name: Name | None
    value: Expr


class Call(SyntaxNode):
    """`mpo(x, to: bus, sites: 4)`"""

    function: Name
    arguments: tuple[Argument, ...]


class Index(SyntaxNode):
    """`h[3]`"""

    value: Expr
    index: Expr


class SliceExpr(SyntaxNode):
    """`h[0:4]`, `h[4:]`, `h[:4]`"""

    value: Expr
    start: Expr | None
    stop: Expr | None


class ListExpr(SyntaxNode):
    """`[8, 8, 4]`"""

    items: tuple[Expr, ...]


class PairExpr(SyntaxNode):
    """`(0, 1)`"""

    first: Expr
    second: Expr


class RangeExpr(SyntaxNode):
    """`0..n`, half-open; only where a range is asked for"""

    start: Expr
    stop: Expr


class RecordExpr(SyntaxNode):
    """`{ one_qubit: 0.1pct, two_qubit: 1pct }`; only as a value of a target's field"""

    fields: tuple[Field, ...]


class CircuitExpr(SyntaxNode):
    """`circuit(rank qubits, init: normal(0.1)) { … }`"""

    qubits: Expr
    arguments: tuple[Argument, ...]
    """Named arguments after the number of qubits: `init`, `share`."""
    body: tuple[CircuitStatement, ...]


class UnitaryExpr(SyntaxNode):
    """`unitary(v, to: rank, adjoint: true) { … }`"""

    arguments: tuple[Argument, ...]
    body: tuple[CircuitStatement, ...]


Expr = (
    Name
    | NumberLiteral
    | StringLiteral
    | BoolLiteral
    | Unary
    | Binary
    | Conditional
    | Call
    | Index
    | SliceExpr
    | ListExpr
    | PairExpr
    | RangeExpr
    | RecordExpr
    | CircuitExpr
    | UnitaryExpr
)


class Field(SyntaxNode):
    """`shots: 4096`"""

    name: Name
    value: Expr


# Circuit statements


class RepeatStatement(SyntaxNode):
    """`repeat layers { … }`"""

    count: Expr
    body: tuple[CircuitStatement, ...]


class ForStatement(SyntaxNode):
    """`for i in 0..n { … }`"""

    variable: Name
    range: RangeExpr
    body: tuple[CircuitStatement, ...]


class AdjointStatement(SyntaxNode):
    """`adjoint { brick(h) }`"""

    body: tuple[CircuitStatement, ...]


class CircuitBody(SyntaxNode):
    """`{ … }` of an `if`, which may have another behind it"""

    items: tuple[CircuitStatement, ...]


class IfStatement(SyntaxNode):
    """`if deep { … }`, `if deep { … } else if wide { … } else { … }`"""

    condition: Expr
    body: CircuitBody
    otherwise: CircuitBody | IfStatement | None


class EncodeStatement(SyntaxNode):
    """`encode angle(h, gate: ry) on 0..4`"""

    encoding: Call
    wires: Expr | Name | None
    """What stands after `on`: a wire, a list, a range, or the name `even` or `odd`."""


class PatternClause(SyntaxNode):
    """`ring reversed step 2`, `line`, `brickwork even`, `pairs [(0, 1)]`"""

    kind: Name
    """A row of `qcompile.ir.patterns`, or `pairs`."""
    pairs: Expr | None
    """The list after `pairs`."""
    half: Name | None
    """`even` or `odd`."""
    reversed: bool
    step: Expr | None


class ApplyStatement(SyntaxNode):
    """`ry`, `ry shared on even`, `crz ring reversed`, `ry(theta[0]) on 0`, `brick(depth: 2)`

    A gate, or a user-defined layer: which one is decided by its name in elaboration.
    """

    name: Name
    arguments: tuple[Argument, ...] | None
    """None: no parentheses."""
    shared: bool
    pattern: PatternClause | None
    wires: Expr | Name | None


class AnglesStatement(SyntaxNode):
    """`angles theta[2 * n] init normal(0.1)`"""

    name: Name
    size: Expr
    init: Expr | None


class MeasureStatement(SyntaxNode):
    """`measure z`, `measure z on [0, 1]`, `measure "Z0 Z1", "X2"`, `measure probs on 0..2`"""

    what: Name | tuple[StringLiteral, ...]
    wires: Expr | Name | None


CircuitStatement = (
    RepeatStatement
    | ForStatement
    | AdjointStatement
    | IfStatement
    | EncodeStatement
    | ApplyStatement
    | AnglesStatement
    | MeasureStatement
)

# Statements of adapters and blocks


class PortableName(SyntaxNode):
    """`attention.qv`"""

    value: str
    """One word, or two with a dot between them."""


class AttachStatement(SyntaxNode):
    """`attach "*.q_proj", mlp layers 0..12 with (rank: 4)`"""

    patterns: tuple[StringLiteral | PortableName, ...]
    layers: RangeExpr | None
    overrides: tuple[Argument, ...]


class ShapeStatement(SyntaxNode):
    """`shape 3584 -> 512`"""

    in_features: Expr
    out_features: Expr


class RequireStatement(SyntaxNode):
    """`require rank >= 1, "rank must be positive"`"""

    condition: Expr
    message: StringLiteral | None


class BindStatement(SyntaxNode):
    """`h = linear(a, to: rank)`"""

    name: Name
    value: Expr


class LoopStatement(SyntaxNode):
    """`for i in 0..n { h = silu(linear(h, to: rank)) }`, over values of the graph"""

    variable: Name
    range: RangeExpr
    body: tuple[Step, ...]


Step = RequireStatement | BindStatement | LoopStatement


class ResultStatement(SyntaxNode):
    """`update e` or `replace e` in an adapter, `return e` in a block"""

    kind: Literal["update", "replace", "return"]
    value: Expr


class PrefixStatement(SyntaxNode):
    """`prefix keys, values`; adapters only"""

    keys: Expr
    values: Expr

    @property
    def kind(self) -> Literal["prefix"]:
        return "prefix"


class ControlStatement(SyntaxNode):
    """`control`, `control if classical`; adapters only"""

    condition: Expr | None


class RegulariseStatement(SyntaxNode):
    """`regularise 0.1 * mean_abs(g)`"""

    penalty: Expr


class ProximalStatement(SyntaxNode):
    """`proximal soft_threshold(g, 1e-3)`"""

    operator: Expr


TrainingStatement = RegulariseStatement | ProximalStatement


class TrainStatement(SyntaxNode):
    """`train { regularise l1(g); proximal soft_threshold(g, 1e-3) }`; adapters only"""

    body: tuple[TrainingStatement, ...]


Statement = (
    AttachStatement
    | ShapeStatement
    | RequireStatement
    | BindStatement
    | LoopStatement
    | ControlStatement
    | TrainStatement
    | ResultStatement
    | PrefixStatement
)

# Items of a file


class Parameter(SyntaxNode):
    """`rank: int = 8`, or `x` alone: a value of the graph (blocks only)"""

    name: Name
    type: Name | None
    """int, real, bool or text."""
    default: Expr | None


class ImportItem(SyntaxNode):
    """`import "blocks.qa" (brick, mlp as tower)`"""

    path: StringLiteral
    names: tuple[tuple[Name, Name | None], ...] | None
    """(name, alias); None: everything that the file defines."""


class ModelItem(SyntaxNode):
    """`model "configs/tiny-llama.json"`"""

    path: StringLiteral


class LetItem(SyntaxNode):
    """`let bus = 256`"""

    name: Name
    value: Expr


class BlockItem(SyntaxNode):
    """`block mlp(x, hidden: int) { … return e }`"""

    name: Name
    parameters: tuple[Parameter, ...]
    body: tuple[Statement, ...]


class LayerItem(SyntaxNode):
    """`layer brick(angle: real = 0) { ry  cz line }`"""

    name: Name
    parameters: tuple[Parameter, ...]
    body: tuple[CircuitStatement, ...]


class GateItem(SyntaxNode):
    """`gate w = [[1, 0], [0, (0, 1)]]`, `gate cw = controlled(w)`"""

    name: Name
    matrix: Expr


class AdapterItem(SyntaxNode):
    """`adapter qtha(rank: int = 8) on torino { … }`"""

    name: Name
    parameters: tuple[Parameter, ...]
    target: Name | None
    body: tuple[Statement, ...]


class TargetItem(SyntaxNode):
    """`target torino { device: "fake_torino"  shots: 4096 }`"""

    name: Name
    fields: tuple[Field, ...]


Item = (
    ImportItem | ModelItem | LetItem | BlockItem | LayerItem | GateItem | AdapterItem | TargetItem
)


class Comment(SyntaxNode):
    """`# text`, kept for the formatter"""

    text: str


class File(SyntaxNode):
    """`qa 1` and the items"""

    version: int
    items: tuple[Item, ...]
    comments: tuple[Comment, ...] = field(compare=False, repr=False)
    source: Source = field(compare=False, repr=False)
