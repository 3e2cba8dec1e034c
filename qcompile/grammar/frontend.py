"""The front end: source → Spec."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from qcompile.diagnostics.collector import Collector
from qcompile.diagnostics.source import Source
from qcompile.grammar.elaborate import Override, elaborate
from qcompile.grammar.files import read_source
from qcompile.grammar.parser import parse
from qcompile.ir.spec import Spec


def load_spec(
    source: Source,
    overrides: Sequence[Override],
    collector: Collector,
    *,
    read: Callable[[str], Source] = read_source,
) -> Spec | None:
    """Parse and elaborate a source; None if there was an error, which the collector holds.

    Args:
        source: The main file.
        overrides: Values of parameters, as after `-D`.
        collector: Takes all errors and warnings.
        read: Reads an imported file by its path; raises UsageError where it cannot.
    """
    file = parse(source, collector)
    if file is None:
        return None
    return elaborate(file, overrides=overrides, read=read, collector=collector)
