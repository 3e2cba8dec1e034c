"""QA2xxx: imports and the `model` line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from qcompile.diagnostics.diagnostic import Label
from qcompile.diagnostics.message import Message, did_you_mean
from qcompile.diagnostics.source import Span


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportNotReadable(Message):
    """An imported file that cannot be read."""

    code: ClassVar[str] = "QA2031"
    title: ClassVar[str] = "cannot import `{path}`: {reason}"
    label: ClassVar[str] = "imported here"
    explanation: ClassVar[str] = """
    The path is relative to the folder of the file that imports. The file must exist and be
    UTF-8 text of at most a mebibyte.

    Erroneous:  import "blokcs.qa"
    Corrected:  import "blocks.qa"
    """

    path: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportCycle(Message):
    """Files that import each other in a circle."""

    code: ClassVar[str] = "QA2032"
    title: ClassVar[str] = "import cycle: {cycle}"
    label: ClassVar[str] = "this import closes the circle"
    help: ClassVar[str | None] = "move what both files need to a third file"
    explanation: ClassVar[str] = """
    A file cannot import itself, directly or through others.

    Erroneous:  import "b.qa"            # in a.qa, while b.qa imports "a.qa"
    Corrected:  import "common.qa"       # in both
    """

    cycle: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportUnknown(Message):
    """An imported name that the file does not define."""

    code: ClassVar[str] = "QA2033"
    title: ClassVar[str] = "`{path}` defines no `{name}`"
    label: ClassVar[str] = "not found there"
    explanation: ClassVar[str] = """
    Only what a file defines itself can be imported from it, not what it has imported.

    Erroneous:  import "blocks.qa" (mpl)
    Corrected:  import "blocks.qa" (mlp)
    """

    name: str
    path: str
    candidates: tuple[str, ...] = ()

    def helps(self) -> tuple[str, ...]:
        return did_you_mean(self.candidates)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedAdapter(Message):
    """An adapter imported by name."""

    code: ClassVar[str] = "QA2034"
    title: ClassVar[str] = "`{name}` is an adapter, which cannot be imported"
    label: ClassVar[str] = "an adapter"
    help: ClassVar[str | None] = "compile `{path}` itself, or move what is shared into a block"
    explanation: ClassVar[str] = """
    Only the adapters of the main file are compiled. Imports are for constants, blocks, layers
    and targets.

    Erroneous:  import "qtha.qa" (qtha)
    Corrected:  import "blocks.qa" (tower)
    """

    name: str
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TooManyImports(Message):
    """More files than the limit, or too long a chain."""

    code: ClassVar[str] = "QA2035"
    title: ClassVar[str] = "more than {limit} imported files"
    label: ClassVar[str] = "this one is too many"
    explanation: ClassVar[str] = """
    An adapter is made of a few files. The limit stops runaway chains of imports.

    Erroneous:  import "part65.qa"
    Corrected:  import "parts.qa"
    """

    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SeveralModels(Message):
    """Two `model` lines."""

    code: ClassVar[str] = "QA2036"
    title: ClassVar[str] = "the file names its model twice"
    label: ClassVar[str] = "named again"
    help: ClassVar[str | None] = (
        "keep one line; `--model` chooses another model at the command line"
    )
    explanation: ClassVar[str] = """
    One compilation is for one model.

    Erroneous:  model "models/tiny-llama"
                model "models/qwen2-7b"
    Corrected:  model "models/qwen2-7b"
    """

    first: Span | None = None

    def secondary(self) -> tuple[Label, ...]:
        return () if self.first is None else (Label(self.first, "first named here"),)


@dataclass(frozen=True, slots=True, kw_only=True)
class EmptyPath(Message):
    """An empty path."""

    code: ClassVar[str] = "QA2037"
    title: ClassVar[str] = "this path is empty"
    label: ClassVar[str] = "name a file"
    explanation: ClassVar[str] = """
    `import` and `model` need a path, relative to the folder of the file or absolute.

    Erroneous:  model ""
    Corrected:  model "models/tiny-llama/config.json"
    """
