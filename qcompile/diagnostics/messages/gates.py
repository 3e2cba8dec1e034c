"""QA224x: gates that a file gives by their matrices."""

from __future__ import annotations

from qcompile.diagnostics.message import Message, message


@message(
    "QA2241",
    "the matrix of gate `{name}` is {found}",
    label="expected 2 rows of 2, or 4 rows of 4",
    help="the basis states are 0, 1 of one qubit, and 00, 01, 10, 11 of two, the first qubit first",
)
class GateMatrixShape(Message):
    """A gate of one qubit is a table of 2 × 2 numbers, of two qubits one of 4 × 4: a list of rows.
    A complex number is a pair, (real, imaginary).

    Erroneous:  gate w = [1, 0, 0, (0, 1)]
    Corrected:  gate w = [[1, 0], [0, (0, 1)]]
    """

    name: str
    found: str


@message("QA2242", "the matrix of gate `{name}` is not unitary", label="{away}")
class GateNotUnitary(Message):
    """Gates keep lengths: the rows of their matrix have length 1 and are orthogonal. A matrix that
    is within 10⁻⁶ of a unitary one, as the root of the summed squares of the differences, stands
    for it, so that seven digits of each number suffice. `sqrt(0.5)` is exact.

    Erroneous:  gate w = [[1, 1], [1, -1]]
    Corrected:  gate w = [[sqrt(0.5), sqrt(0.5)], [sqrt(0.5), -sqrt(0.5)]]
    """

    name: str
    away: str
    """How far it is from the nearest one."""


@message(
    "QA2243",
    "`controlled` takes a gate of one qubit without angles",
    label="one gate, by its name",
    help="it may be one of the language, or one that is defined above",
)
class NotControllable(Message):
    """`gate cw = controlled(w)` acts as w on the second qubit of a pair where the first one is |1⟩.

    Erroneous:  gate cw = controlled(rx)
    Corrected:  gate csx = controlled(sx)
    """


@message("QA2244", "gate `{name}` takes no {clause}", label="it is a fixed matrix")
class GateTakesWires(Message):
    """A gate that is given by a matrix has no angles.

    Erroneous:  gate w = [[0, 1], [1, 0]]
                layer twice() { w(0.5); w }
    Corrected:  gate w = [[0, 1], [1, 0]]
                layer twice() { w; w on even }
    """

    name: str
    clause: str
