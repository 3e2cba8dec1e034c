"""A file is there whole or not at all, whatever goes wrong while it is written."""

from __future__ import annotations

import errno
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

from qcompile.artifact.atomic import write_atomically
from qcompile.diagnostics.errors import UsageError


def fails(path: str | Path) -> str:
    with pytest.raises(UsageError) as caught:
        write_atomically(path, b"new")
    (found,) = caught.value.diagnostics
    assert found.code in {"QA0013", "QA0014"}
    return found.title


def test_file_is_written_and_replaced(tmp_path: Path) -> None:
    path = tmp_path / "a.pt"
    write_atomically(path, b"old")
    write_atomically(path, b"new")
    assert path.read_bytes() == b"new"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.pt"]


def test_new_file_has_the_usual_permissions(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_atomically(tmp_path / "a.pt", b"")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a.pt").stat().st_mode) == 0o640


def test_old_file_keeps_its_permissions(tmp_path: Path) -> None:
    path = tmp_path / "a.pt"
    path.write_bytes(b"old")
    path.chmod(0o604)
    write_atomically(path, b"new")
    assert stat.S_IMODE(path.stat().st_mode) == 0o604


def test_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    link = tmp_path / "a.pt"
    link.symlink_to(Path("there") / "b.pt")
    for content in (b"first", b"second"):
        write_atomically(link, content)
        assert link.is_symlink() and (tmp_path / "there" / "b.pt").read_bytes() == content
    assert [entry.name for entry in (tmp_path / "there").iterdir()] == ["b.pt"]


def test_longest_name_can_be_written(tmp_path: Path) -> None:
    write_atomically(tmp_path / ("x" * 252 + ".pt"), b"new")


def test_impossible_places_are_named(tmp_path: Path) -> None:
    assert "does not exist" in fails(tmp_path / "no" / "a.pt")
    assert "folder" in fails(tmp_path)
    assert fails("a\0b.pt") and fails("x" * 5000) and fails("")


def test_device_is_written_through(tmp_path: Path) -> None:
    write_atomically("/dev/null", b"new")
    assert "No space" in fails("/dev/full")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write anywhere")
def test_read_only_folder(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        assert "Permission denied" in fails(tmp_path / "a.pt")
    finally:
        tmp_path.chmod(0o700)


def raising(error: BaseException) -> Callable[..., NoReturn]:
    def fail(*_: object) -> NoReturn:
        raise error

    return fail


@pytest.mark.parametrize("call", ["open", "fsync", "fchmod", "replace"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES, errno.EROFS, errno.EIO])
def test_failure_of_the_system_leaves_the_old_file(
    call: str, number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.pt"
    path.write_bytes(b"old")
    with monkeypatch.context() as patched:
        patched.setattr(os, call, raising(OSError(number, os.strerror(number))))
        assert os.strerror(number) in fails(path)
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.pt"]


def test_interruption_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.pt"
    path.write_bytes(b"old")
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", raising(KeyboardInterrupt()))
        with pytest.raises(KeyboardInterrupt):
            write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.pt"]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_killed_writer_leaves_the_old_file(number: signal.Signals, tmp_path: Path) -> None:
    path = tmp_path / "a.pt"
    path.write_bytes(b"old")
    script = (
        "import os, sys\n"
        "from qcompile.artifact.atomic import write_atomically\n"
        f"os.fsync = lambda _: os.kill(os.getpid(), {int(number)})\n"
        "write_atomically(sys.argv[1], b'new')\n"
    )
    done = subprocess.run([sys.executable, "-c", script, str(path)], check=False)
    assert done.returncode == -number
    assert path.read_bytes() == b"old"
