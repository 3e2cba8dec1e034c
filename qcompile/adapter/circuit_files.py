"""Circuits of an adapter as files, each with its manifest beside it, or as a folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from qcompile.adapter.circuits import AdapterCircuit
from qcompile.backends.export.manifest import FOLDER_FORMAT, MANIFEST, VERSION, manifest_text
from qcompile.diagnostics.errors import CompileError
from qcompile.diagnostics.messages.export import TooManyCircuits

MOST_FILES = 10_000
"""Circuits of one command."""

FOLDER_MANIFEST = "manifest.json"
"""Of all circuits in a folder."""


def files_of_circuits(
    circuits: Sequence[AdapterCircuit], path: str | Path
) -> dict[str | Path, bytes]:
    """The contents of every file, circuits and manifests, by its path.

    Modules with the same circuit and angles of their own share a file, where angles are parameters.

    Raises:
        CompileError: QA4208, QA4220, QA4223, QA4224.
        UsageError: QA0012.
    """
    groups = _together(circuits)
    files: dict[str | Path, bytes] = {}
    for name, group in zip(_numbered(path, len(groups)), groups, strict=True):
        files[name], manifest = group[0].written(name, group)
        files[name + MANIFEST] = manifest_text(manifest)
    return files


def folder_of_circuits(circuits: Sequence[AdapterCircuit], path: str | Path) -> dict[str, bytes]:
    """The contents of a folder, by name: a file for each circuit, and `manifest.json` for all.

    Files are called `<module>.<adapter>.<circuit>`, with the number of the row where data are
    bound. The folder's own suffix says what they are, as in `circuits.qpy/`.

    Raises:
        CompileError: QA4208, QA4220, QA4223, QA4224.
        UsageError: QA0012.
    """
    _refuse_too_many(len(circuits))
    files: dict[str, bytes] = {}
    manifests = []
    for circuit in circuits:
        name = _name_in_folder(circuit, Path(path).suffix)
        files[name], manifest = circuit.written(name)
        manifests.append(manifest)
    whole = {"format": FOLDER_FORMAT, "version": VERSION, "circuits": manifests}
    return files | {FOLDER_MANIFEST: manifest_text(whole)}


def _together(circuits: Sequence[AdapterCircuit]) -> list[tuple[AdapterCircuit, ...]]:
    groups: dict[Any, list[AdapterCircuit]] = {}
    for number, circuit in enumerate(circuits):
        own = number if circuit.angles_bound or circuit.row is not None else -1
        groups.setdefault((circuit.circuit, circuit.place.kind, own), []).append(circuit)
    _refuse_too_many(len(groups))
    return [tuple(group) for group in groups.values()]


def _numbered(path: str | Path, count: int) -> list[str]:
    """`path` itself for one file, else `name-1.suffix`, `name-2.suffix`, …"""
    if count == 1:
        return [str(path)]
    file = Path(path)
    return [str(file.with_name(f"{file.stem}-{k}{file.suffix}")) for k in range(1, count + 1)]


def _name_in_folder(circuit: AdapterCircuit, suffix: str) -> str:
    names = [circuit.module, circuit.adapter, circuit.name]
    if circuit.row is not None:
        names.append(f"row-{circuit.row.row}")
    return ".".join(name for name in names if name) + suffix


def _refuse_too_many(count: int) -> None:
    if count > MOST_FILES:
        raise CompileError(TooManyCircuits(count=count, limit=MOST_FILES))
