"""QA80xx: what other packages add to the language and the compiler."""

from __future__ import annotations

from qcompile.diagnostics.message import Message, message


@message(
    "QA8001",
    "`{name}` of entry point {entry} cannot be used: {reason}",
    label="named here",
)
class ExtensionFailed(Message):
    """An entry point of a group such as `qcompile.gates` names a row of the table that it extends,
    or a callable without arguments that returns one. It could not be imported, raised an exception,
    or its row is not well formed. docs/architecture.md says what each group takes.

    Erroneous:  zzx = "labtools.gates:ZZX"       where ZZX is a dict
    Corrected:  zzx = "labtools.gates:ZZX"       where ZZX is a qcompile.ir.gates.GateKind
    """

    name: str
    group: str
    entry: str
    reason: str


@message(
    "QA8002",
    "entry point {entry} of `{group}` takes the name `{name}` of {other}",
    label="met when this name was looked up",
    help="uninstall one of the packages, or rename the entry point in its pyproject.toml",
)
class ExtensionClash(Message):
    """A name means one thing. An entry point of a group such as `qcompile.gates` has the name of
    what qcompile itself has, or that of an entry point of another package. Which of them is meant
    cannot be told, so neither is used.

    Erroneous:  rx = "labtools.gates:RX"
    Corrected:  lab_rx = "labtools.gates:RX"
    """

    name: str
    group: str
    entry: str
    other: str


@message(
    "QA8003",
    "`{path}` needs the {what} `{name}`, which no installed package offers",
    help="install the package that was there when the adapter was compiled",
)
class ExtensionMissing(Message):
    """An adapter was compiled where another package offered a gate, an executor or the like under
    an entry point. What it does is not in the file, which holds no code. The adapter can be loaded
    where that package is installed.

    Erroneous:  qcompile.load("adapter.pt")      without the package that offers its executor
    Corrected:  pip install labtools, then qcompile.load("adapter.pt")
    """

    path: str
    what: str
    name: str
