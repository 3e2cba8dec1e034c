"""The files that a compilation reads, known before it starts."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path

from qcompile.backends.devices import calibration_files
from qcompile.diagnostics.collector import Collector
from qcompile.diagnostics.errors import UsageError
from qcompile.diagnostics.source import Source
from qcompile.driver.options import Options
from qcompile.grammar.elaborate.imports import MAX_FILES, resolve
from qcompile.grammar.files import read_source
from qcompile.grammar.parser import parse
from qcompile.grammar.syntax import (
    AdapterItem,
    BlockItem,
    Call,
    ImportItem,
    LetItem,
    ModelItem,
    StringLiteral,
    TargetItem,
)
from qcompile.ir.target import NamedDevice
from qcompile.models.config import config_file


def inputs_of(source: Source, options: Options) -> tuple[Path, ...]:
    """Every file that is read, or that the sources name: imports, configurations, devices.

    What cannot be read or parsed is passed over; the compilation itself reports it.
    """
    found: dict[str, None] = {source.name: None}
    if options.model is not None:
        found[str(config_file(options.model))] = None
    named = NamedDevice.called(options.target).file if isinstance(options.target, str) else None
    if named is not None:
        found[named] = None
    sources = [source]
    while sources:
        here = sources.pop()
        file = parse(here, Collector())
        for item in file.items if file is not None else ():
            if isinstance(item, TargetItem | LetItem):
                found |= dict.fromkeys(_device_files(here, item))
            elif isinstance(item, AdapterItem | BlockItem):
                found |= dict.fromkeys(resolve(here, path) for path in _start_files(item))
            elif isinstance(item, ModelItem):
                found[str(config_file(resolve(here, item.path.value)))] = None
            elif isinstance(item, ImportItem):
                path = resolve(here, item.path.value)
                if path not in found and len(found) <= 2 * MAX_FILES:
                    found[path] = None
                    sources.extend(_readable(path))
    return (*map(Path, found), *calibration_files())


def _device_files(here: Source, item: TargetItem | LetItem) -> Iterator[str]:
    values = (item.value,) if isinstance(item, LetItem) else (f.value for f in item.fields)
    for value in values:
        if isinstance(value, StringLiteral):
            file = NamedDevice.called(value.value, os.path.dirname(here.name)).file
            yield from () if file is None else (file,)


def _start_files(part: object) -> Iterator[str]:
    """The paths of `init: file("path", …)`, in an item or a part of one."""
    if isinstance(part, tuple):
        for inner in part:
            yield from _start_files(inner)
        return
    if not is_dataclass(part):
        return
    if isinstance(part, Call) and part.function.text == "file":
        first = part.arguments[0].value if part.arguments else None
        if isinstance(first, StringLiteral):
            yield first.value
    for inner in fields(part):
        yield from _start_files(getattr(part, inner.name))


def _readable(path: str) -> list[Source]:
    try:
        return [read_source(path)]
    except UsageError:
        return []
