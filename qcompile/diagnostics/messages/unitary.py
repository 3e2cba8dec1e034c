"""QA231x: circuits as orthogonal matrices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from qcompile.diagnostics.diagnostic import Severity
from qcompile.diagnostics.message import Message


@dataclass(frozen=True, slots=True, kw_only=True)
class GateNotReal(Message):
    """A gate with complex entries where the matrix must be real."""

    code: ClassVar[str] = "QA2311"
    title: ClassVar[str] = "`{gate}` has complex entries, a `unitary` is made of real gates"
    label: ClassVar[str] = "not a real matrix"
    explanation: ClassVar[str] = """
    A `unitary` multiplies a real vector by the matrix of its circuit, and the result must be real.
    So are x, z, h, ry, cx, cz, ch, swap and cry; all others have complex entries, at least for some
    angles.

    Erroneous:  v = unitary(x, to: 4) { rz; cz ring }
    Corrected:  v = unitary(x, to: 4) { ry; cz ring }
    """

    gate: str
    real: tuple[str, ...]

    def helps(self) -> tuple[str, ...]:
        """List the gates that are."""
        return (f"the real gates are {', '.join(self.real)}",)


@dataclass(frozen=True, slots=True, kw_only=True)
class NotInUnitary(Message):
    """An encoding or a measurement in a circuit that has neither."""

    code: ClassVar[str] = "QA2312"
    title: ClassVar[str] = "`{statement}` has no place in a `unitary`"
    label: ClassVar[str] = "only in a circuit"
    help: ClassVar[str | None] = (
        "the value in the parentheses is what the matrix is applied to, and the product is the "
        "result; to encode and measure, write `circuit(n qubits) {{ … }}`"
    )
    explanation: ClassVar[str] = """
    A `unitary` is the matrix of its gates, applied to a value. Nothing is encoded and nothing is
    measured.

    Erroneous:  v = unitary(x, to: 4) { ry; measure z }
    Corrected:  v = unitary(x, to: 4) { ry }
    """

    statement: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DataInUnitary(Message):
    """An angle that depends on data."""

    code: ClassVar[str] = "QA2313"
    title: ClassVar[str] = "the angles of a `unitary` cannot depend on data"
    label: ClassVar[str] = "an element of a value"
    help: ClassVar[str | None] = "use numbers, trainable rotations, or elements of a bank"
    explanation: ClassVar[str] = """
    A `unitary` is one matrix for all tokens, so that it is built once and can be merged into a
    weight. A `circuit` takes data in its angles.

    Erroneous:  v = unitary(x, to: 4) { ry(h[0]) on 0 }
    Corrected:  v = unitary(x, to: 4) { ry on 0 }
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class HalfUnsuited(Message):
    """A half of a pattern that has none."""

    code: ClassVar[str] = "QA2314"
    title: ClassVar[str] = "`{half}` has no meaning for pattern `{pattern}`"
    label: ClassVar[str] = "only for brickwork"
    explanation: ClassVar[str] = """
    A brickwork consists of the even pairs (0, 1), (2, 3), … and then of the odd ones (1, 2),
    (3, 4), …; `even` and `odd` choose one half. The other patterns have no halves.

    Erroneous:  cz ring even
    Corrected:  cz brickwork even
    """

    half: str
    pattern: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedUnitary(Message):
    """A matrix that nothing can train."""

    code: ClassVar[str] = "QA2315"
    severity: ClassVar[Severity] = "warning"
    title: ClassVar[str] = "this `unitary` has no trainable angle"
    label: ClassVar[str] = "all angles are fixed"
    help: ClassVar[str | None] = "write `ry` or `cry` without argument to make it trainable"
    explanation: ClassVar[str] = """
    The matrix is fixed, so training will not change it.

    Erroneous:  v = unitary(x, to: 4) { h; cz ring }
    Corrected:  v = unitary(x, to: 4) { ry; cz ring }
    """
