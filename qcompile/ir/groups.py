"""`groups: n`: an operation on each of n parts of a value that are equally wide, such as heads."""

from __future__ import annotations

from qcompile.diagnostics.messages.sized_tensors import GroupsDoNotDivide
from qcompile.diagnostics.source import Span
from qcompile.ir.scalar import Constant, Scalar
from qcompile.ir.signature import Option
from qcompile.ir.spec_node import Lowering
from qcompile.ir.verification import require

ONE = Constant(value=1)

GROUPS = Option(
    name="groups",
    kind="int",
    low=1,
    default="1",
    meaning="equally wide parts in a row, such as heads, each by itself",
)


def check_groups(groups: int, width: int) -> None:
    """Raises VerificationError unless a value of this width has so many equal parts."""
    require(groups >= 1 and width % groups == 0, "the groups do not divide the operand")


def group_words(name: str, groups: int) -> str:
    """The name of a node in texts, with the groups where there are several."""
    return name if groups == 1 else f"{name} groups {groups}"


def lowered_groups(scalar: Scalar, operand: int, lowering: Lowering, span: Span | None) -> int:
    """The number of parts of the operand; raises `Refused` where they are not equally wide."""
    groups = lowering.integer(scalar, "`groups`", span, low=1)
    width = lowering.width(operand)
    if width % groups:
        lowering.refuse(GroupsDoNotDivide(width=width, groups=groups, span=scalar.span or span))
    return groups
