"""`qcompile check FILE…`: the phases that need no model, and so neither torch nor transformers."""

from __future__ import annotations

import json

from qcompile.cli.arguments import Arguments
from qcompile.cli.sources import read
from qcompile.cli.terminal import Terminal
from qcompile.diagnostics.collector import Collector
from qcompile.diagnostics.diagnostic import Diagnostic
from qcompile.diagnostics.errors import QCompileError
from qcompile.driver.options import read_definitions
from qcompile.grammar.frontend import load_spec
from qcompile.ir.spec import Spec


def run(arguments: Arguments, terminal: Terminal) -> int:
    """Print the findings for every file; exit 1 if there is an error among them."""
    code = 0
    results = []
    for path in arguments.inputs:
        found: tuple[Diagnostic, ...]
        failed = 0
        try:
            found = _check(path, arguments)
        except QCompileError as error:
            found, failed = error.diagnostics, error.exit_code
        if arguments.warnings_are_errors:
            found = tuple(diagnostic.as_error() for diagnostic in found)
        errors = sum(diagnostic.severity == "error" for diagnostic in found)
        warnings = len(found) - errors
        if failed or errors:
            code = max(code, failed or 1)
        terminal.diagnostics(found)
        results.append({"file": path, "errors": errors, "warnings": warnings})
        if arguments.format == "text" and not errors:
            suffix = f" ({warnings} warning{'s' if warnings != 1 else ''})" if warnings else ""
            terminal.note(f"{path}: no errors{suffix}")
    if arguments.format == "json":
        terminal.out(json.dumps({"schema_version": 1, "files": results}) + "\n")
    return code


def _check(path: str, arguments: Arguments) -> tuple[Diagnostic, ...]:
    collector = Collector()
    spec = load_spec(read(path), read_definitions(arguments.definitions), collector)
    if spec is not None and not collector.has_errors:
        _lower(spec, collector)
    return collector.diagnostics


def _lower(spec: Spec, collector: Collector) -> None:
    """Adapters for a `shape` need no model, so their sizes are checked as well."""
    if spec.adapters and all(adapter.shape is not None for adapter in spec.adapters):
        if not any(target.device is not None for target in spec.targets):
            from qcompile.passes.lowering import lower

            lower(spec, model=None, devices={}, collector=collector)
