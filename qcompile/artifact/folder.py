"""Folders that other libraries write, whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

from qcompile.artifact.atomic import write_together
from qcompile.diagnostics.errors import UsageError
from qcompile.diagnostics.messages.usage import OutputNotWritable


def write_folder_whole(
    path: str | os.PathLike[str], write: Callable[[str], object], keep: Iterable[str] = ()
) -> None:
    """Let `write` fill a folder elsewhere; then all its files are put into `path`, or none is.

    Args:
        path: The folder; what else is in it stays.
        write: Gets the path of an empty folder.
        keep: Names of files that it finds there as they are in `path`, to go on from.

    Raises:
        UsageError: QA0013, QA0014.
    """
    from safetensors import SafetensorError

    with tempfile.TemporaryDirectory(prefix="qcompile-") as name:
        made = Path(name)
        try:
            for file in keep:
                if os.path.isfile(os.path.join(path, file)):
                    shutil.copyfile(os.path.join(path, file), made / file)
            write(name)
            files = {file: file.read_bytes() for file in made.rglob("*") if file.is_file()}
            targets: dict[str | Path, bytes] = {
                Path(path) / file.relative_to(made): data for file, data in files.items()
            }
            new = _make({Path(target).parent for target in targets})
        except (OSError, SafetensorError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise UsageError(OutputNotWritable(path=os.fspath(path), reason=reason)) from None
        try:
            write_together(targets)
        except BaseException:
            for folder in new:
                if folder.is_dir() and not os.listdir(folder):
                    folder.rmdir()
            raise


def _make(folders: Iterable[Path]) -> list[Path]:
    """Make folders with those above them; what is new, the innermost first."""
    wanted = {above for folder in folders for above in (folder, *folder.parents)}
    new = [folder for folder in wanted if not folder.exists()]
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
    return sorted(new, key=lambda folder: len(folder.parts), reverse=True)
