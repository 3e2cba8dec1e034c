"""QA9xxx: what the compiler says about itself."""

from __future__ import annotations

from qcompile.diagnostics.message import Message, message


@message(
    "QA9001",
    "internal error: {kind}: {detail}",
    help=(
        "this is a fault of qcompile, not of your file;"
        " please report it with the command, the file and the output of `qcompile -v --version`"
    ),
)
class InternalError(Message):
    """The compiler met a state that it believed impossible. Nothing is wrong with what you wrote,
    or if something is, it should have been said by another message.

    Nothing was written: the output file is as it was before.

    Please report it with the command line, the source file and the versions that
    `qcompile -v --version` prints. Set QCOMPILE_TRACEBACK=1 and run the command again
    to get the Python traceback for the report. A different `-O` level often avoids the fault
    meanwhile; `-O0` runs the fewest passes.

    Erroneous:  qcompile adapter.qa -o adapter.pt
    Corrected:  qcompile adapter.qa -o adapter.pt -O0      (until the fault is fixed)
    """

    kind: str
    detail: str
    where: str = ""

    def notes(self) -> tuple[str, ...]:
        return (f"raised at {self.where}",) if self.where else ()


@message(
    "QA9002",
    "{count} further diagnostics are not shown",
    severity="warning",
    help="correct the first ones and compile again",
)
class NotShown(Message):
    """A phase reports all its findings at once, but no more than a hundred errors and a hundred
    warnings. Beyond that most are consequences of the first few.

    Erroneous:  a file in which every line has a mistake, or that is no .qa file at all
    Corrected:  correct the first errors, in the order of the text, and compile again
    """

    count: int
