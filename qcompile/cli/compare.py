"""Reports of several files, and of their controls, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from qcompile.cli.arguments import Arguments
from qcompile.cli.options import run_driver
from qcompile.cli.sources import read
from qcompile.cli.terminal import Terminal
from qcompile.diagnostics.collector import Collector
from qcompile.diagnostics.errors import QCompileError, UsageError
from qcompile.diagnostics.messages.usage import NoControl
from qcompile.diagnostics.source import Source
from qcompile.driver.control import has_circuits
from qcompile.driver.options import read_definitions
from qcompile.driver.phases import Compilation
from qcompile.grammar.parser import parse
from qcompile.grammar.syntax import AdapterItem
from qcompile.report.comparison import ComparedFigures, compared, comparison_json
from qcompile.report.comparison_table import comparison_text
from qcompile.report.figures import Figures, figures


def compare(arguments: Arguments, terminal: Terminal) -> int:
    """Print one line for each file, and one for its control; exit 1 if any has errors.

    A `-D` is for those files that have such a parameter. Files without circuits have no control.

    Raises:
        UsageError: QA0018, QA0019; QA0041 where `--control` finds no circuit in any file.
    """
    read_definitions(arguments.definitions)
    code = 0
    rows: list[ComparedFigures] = []
    plain: list[str] = []
    with terminal.progress():
        sources: list[tuple[str, Source]] = []
        for path in arguments.inputs:
            try:
                sources.append((path, read(path)))
            except QCompileError as error:
                code = max(code, error.exit_code)
                terminal.diagnostics(error.diagnostics)
        definitions = _definitions(arguments.definitions, [source for _, source in sources])
        for (path, source), own in zip(sources, definitions, strict=True):
            given = replace(arguments, definitions=own, control=False)
            try:
                compilation = run_driver(given, source, terminal)
                rows.append(_row(path, compilation))
                if arguments.control and any(map(has_circuits, compilation.spec.adapters)):
                    control = run_driver(
                        replace(given, control=True), source, terminal, compilation.warnings
                    )
                    rows.append(_row(path, control))
                else:
                    plain.extend(adapter.name for adapter in compilation.spec.adapters)
            except QCompileError as error:
                code = max(code, error.exit_code)
                terminal.diagnostics(error.diagnostics)
    if code:
        return code
    if arguments.control and not any(row.control for row in rows):
        raise UsageError(NoControl(adapters=tuple(plain)))
    text = (
        comparison_json(rows)
        if arguments.format == "json"
        else comparison_text(rows, tokens=arguments.tokens)
    )
    terminal.out(text)
    return 0


def figures_of(compilation: Compilation) -> Figures:
    """The figures of one compilation."""
    return figures(
        compilation.planned,
        pipeline=compilation.manifest.pipeline,
        tokens=compilation.manifest.tokens,
        base_parameters=None if compilation.model is None else compilation.model.parameters,
        devices=compilation.manifest.devices,
    )


def _row(path: str, compilation: Compilation) -> ComparedFigures:
    return compared(path, figures_of(compilation), compilation.planned)


def _definitions(given: Sequence[str], sources: Sequence[Source]) -> list[tuple[str, ...]]:
    """For each source the definitions that it takes; all of them get what none takes."""
    names = [_parameters(source) for source in sources]
    overrides = [(text, read_definitions((text,))[0]) for text in given]
    found = []
    for own in names:
        taken = []
        for text, override in overrides:
            wanted = (override.adapter, override.name)
            if wanted in own or not any(wanted in other for other in names):
                taken.append(text)
        found.append(tuple(taken))
    return found


def _parameters(source: Source) -> set[tuple[str | None, str]]:
    """What `-D` may name in a source; nothing where it cannot be read, which is reported later."""
    found: set[tuple[str | None, str]] = set()
    file = parse(source, Collector())
    for item in file.items if file is not None else ():
        if isinstance(item, AdapterItem):
            for parameter in item.parameters:
                found |= {(None, parameter.name.text), (item.name.text, parameter.name.text)}
    return found
