"""What the compiler says about a file, for the pairs of `.qa` and `.err` files."""

from __future__ import annotations

import argparse
import contextlib
import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from qcompile.diagnostics import Collector, Diagnostic, QCompileError, Source
from qcompile.diagnostics.render_human import render_human
from qcompile.grammar.files import read_source
from qcompile.grammar.parser import parse

GOLDEN = Path(__file__).parents[1] / "golden"


@dataclass(frozen=True, slots=True, kw_only=True)
class PairOptions:
    """The first line of a file may be `# options: -D rank=4 --model config.json`."""

    definitions: tuple[str, ...] = ()
    model: str | None = None
    target: str | None = None
    optimisation: int = 2
    passes: str | None = None
    memory_limit: int = 8 * 2**30
    """Bytes."""
    repeat_last_line: int = 1

    @classmethod
    def of(cls, path: Path) -> PairOptions:
        first = path.read_text(encoding="utf-8", errors="replace").partition("\n")[0]
        if not first.startswith("# options:"):
            return cls()
        parser = argparse.ArgumentParser(exit_on_error=False)
        parser.add_argument("-D", dest="definitions", action="append", default=[])
        parser.add_argument("--model")
        parser.add_argument("--target")
        parser.add_argument("-O", dest="optimisation", type=int, default=2)
        parser.add_argument("--passes")
        parser.add_argument("--memory-limit", type=int, default=8 * 2**30)
        parser.add_argument("--repeat-last-line", type=int, default=1)
        given = parser.parse_args(shlex.split(first.removeprefix("# options:")))
        return cls(
            definitions=tuple(given.definitions),
            model=given.model,
            target=given.target,
            optimisation=given.optimisation,
            passes=given.passes,
            memory_limit=given.memory_limit,
            repeat_last_line=given.repeat_last_line,
        )


def frontend_errors(path: Path, options: PairOptions | None = None) -> str:
    """Return all diagnostics of a file as people see them.

    The folder under `golden` says how far to go: `syntax` parses, `elaborate` elaborates too, every
    other folder compiles. Paths are relative to the folder of the file.
    """
    options = PairOptions.of(path) if options is None else options
    folder = path.relative_to(GOLDEN).parts[0] if path.is_relative_to(GOLDEN) else "elaborate"
    with contextlib.chdir(path.parent):
        try:
            found = _diagnostics(_source(path.name, options.repeat_last_line), folder, options)
        except QCompileError as error:
            found = error.diagnostics
    return _without_versions(render_human(found))


def _without_versions(text: str) -> str:
    """Leave out what depends on installed packages: how many devices there are."""
    return re.sub(r"(supported devices: \w+), .*", r"\1, …", text)


def _source(name: str, repeats: int) -> Source:
    source = read_source(name)
    if repeats == 1:
        return source
    head, _, last = source.text.rstrip("\n").rpartition("\n")
    return Source(name, f"{head}\n" + f"{last}\n" * repeats)


def _diagnostics(source: Source, folder: str, options: PairOptions) -> tuple[Diagnostic, ...]:
    collector = Collector()
    if folder == "syntax":
        parse(source, collector)
        return collector.diagnostics
    if folder == "elaborate":
        from qcompile.grammar.elaborate.overrides import Override
        from qcompile.grammar.frontend import load_spec

        overrides = tuple(Override.parse(text) for text in options.definitions)
        load_spec(source, overrides, collector, read=read_source)
        return collector.diagnostics
    from qcompile.driver.options import Options
    from qcompile.driver.phases import compile_source

    given = Options(
        definitions=options.definitions,
        model=options.model,
        target=options.target,
        optimisation=options.optimisation,
        passes=options.passes,
        memory_limit=options.memory_limit,
    )
    return compile_source(source, given).warnings
