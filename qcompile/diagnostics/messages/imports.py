"""QA2xxx: imports and the `model` line."""

from __future__ import annotations

from qcompile.diagnostics.message import Message, message
from qcompile.diagnostics.source import Span


@message("QA2031", "cannot import `{path}`: {reason}", label="imported here")
class ImportNotReadable(Message):
    """The path is relative to the folder of the file that imports. The file must exist and be
    UTF-8 text of at most a mebibyte.

    Erroneous:  import "blokcs.qa"
    Corrected:  import "blocks.qa"
    """

    path: str
    reason: str


@message(
    "QA2032",
    "import cycle: {cycle}",
    label="this import closes the circle",
    help="move what both files need to a third file",
)
class ImportCycle(Message):
    """A file cannot import itself, directly or through others.

    Erroneous:  import "b.qa"            # in a.qa, while b.qa imports "a.qa"
    Corrected:  import "common.qa"       # in both
    """

    cycle: str


@message("QA2033", "`{path}` defines no `{name}`", label="not found there")
class ImportUnknown(Message):
    """Only what a file defines itself can be imported from it, not what it has imported.

    Erroneous:  import "blocks.qa" (mpl)
    Corrected:  import "blocks.qa" (mlp)
    """

    name: str
    path: str
    candidates: tuple[str, ...] = ()


@message(
    "QA2034",
    "`{name}` is an adapter, which cannot be imported",
    label="an adapter",
    help="compile `{path}` itself, or move what is shared into a block",
)
class ImportedAdapter(Message):
    """Only the adapters of the main file are compiled. Imports are for constants, blocks, layers
    and targets.

    Erroneous:  import "qtha.qa" (qtha)
    Corrected:  import "blocks.qa" (tower)
    """

    name: str
    path: str


@message("QA2035", "more than {limit} imported files", label="this one is too many")
class TooManyImports(Message):
    """An adapter is made of a few files. The limit stops runaway chains of imports.

    Erroneous:  import "part65.qa"
    Corrected:  import "parts.qa"
    """

    limit: int


@message(
    "QA2036",
    "the file names its model twice",
    label="named again",
    help="keep one line; `--model` chooses another model at the command line",
    first_label="first named here",
)
class SeveralModels(Message):
    """One compilation is for one model.

    Erroneous:  model "models/tiny-llama"
                model "models/qwen2-7b"
    Corrected:  model "models/qwen2-7b"
    """

    first: Span | None = None


@message("QA2037", "this path is empty", label="name a file")
class EmptyPath(Message):
    """`import` and `model` need a path, relative to the folder of the file or absolute.

    Erroneous:  model ""
    Corrected:  model "models/tiny-llama/config.json"
    """
