"""QA231x: circuits as orthogonal matrices."""

from __future__ import annotations

from qcompile.diagnostics.message import Message, message


@message(
    "QA2311",
    "`{gate}` has complex entries, a `unitary` is made of real gates",
    label="not a real matrix",
)
class GateNotReal(Message):
    """
    A `unitary` multiplies a real vector by the matrix of its circuit, and the result must be real.
    docs/language.md says which gates are; all others have complex entries, at least for some
    angles.

    Erroneous:  v = unitary(x, to: 4) { rz; cz ring }
    Corrected:  v = unitary(x, to: 4) { ry; cz ring }
    """

    gate: str
    real: tuple[str, ...]

    def helps(self) -> tuple[str, ...]:
        """List the gates that are."""
        return (f"the real gates are {', '.join(self.real)}",)


@message(
    "QA2312",
    "`{statement}` cannot be used in a `unitary`",
    label="only in a circuit",
    help=(
        "the value in the parentheses is what the matrix is applied to, and the product is the "
        "result; to encode and measure, write `circuit(n qubits) {{ … }}`"
    ),
)
class NotInUnitary(Message):
    """A `unitary` is the matrix of its gates, applied to a value. Nothing is encoded and nothing is
    measured.

    Erroneous:  v = unitary(x, to: 4) { ry; measure z }
    Corrected:  v = unitary(x, to: 4) { ry }
    """

    statement: str


@message(
    "QA2313",
    "the angles of a `unitary` cannot depend on data",
    label="an element of a value",
    help="use numbers, trainable rotations, or elements of a bank",
)
class DataInUnitary(Message):
    """A `unitary` is one matrix for all tokens, so that it is built once and can be merged into a
    weight. A `circuit` takes data in its angles.

    Erroneous:  v = unitary(x, to: 4) { ry(h[0]) on 0 }
    Corrected:  v = unitary(x, to: 4) { ry on 0 }
    """


@message("QA2314", "`{half}` has no meaning for pattern `{pattern}`", label="only for brickwork")
class HalfUnsuited(Message):
    """A brickwork consists of the even pairs (0, 1), (2, 3), … and then of the odd ones (1, 2),
    (3, 4), …; `even` and `odd` choose one half. The other patterns have no halves.

    Erroneous:  cz ring even
    Corrected:  cz brickwork even
    """

    half: str
    pattern: str


@message(
    "QA2315",
    "this `unitary` has no trainable angle",
    severity="warning",
    label="all angles are fixed",
    help="write `ry` or `cry` without argument to make it trainable",
)
class FixedUnitary(Message):
    """The matrix is fixed, so training will not change it.

    Erroneous:  v = unitary(x, to: 4) { h; cz ring }
    Corrected:  v = unitary(x, to: 4) { ry; cz ring }
    """
