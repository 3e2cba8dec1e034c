"""An operation of another package: found by its entry point, used like one of qcompile's own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
SOURCE = HERE / "householder.qa"


def run(*arguments: str | Path, site: str | None = None) -> subprocess.CompletedProcess[str]:
    """Python with a folder of installed packages before all others."""
    paths = [] if site is None else [str(HERE / site)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([*paths, str(HERE.parents[1])])}
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An adapter that uses the operation, after all that users do with one."""
    folder = tmp_path_factory.mktemp("extension")
    path = folder / "adapter.pt"
    done = run(HERE / "use.py", SOURCE, path, folder / "again.pt", site="site")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "householder update.reflections[3, 6] count 3 %0 -> 6" in done.stdout
    return path


def test_a_saved_adapter_needs_the_package(saved: Path) -> None:
    script = f"import qcompile; qcompile.load({str(saved)!r})"
    done = run("-c", script)
    assert "QA8003" in done.stderr and "operation `householder`" in done.stderr


def test_without_the_package_the_function_is_unknown() -> None:
    done = run("-m", "qcompile", "check", SOURCE)
    assert done.returncode == 1 and "unknown function `householder`" in done.stderr


def test_a_faulty_package_is_a_message_where_the_function_is_called() -> None:
    done = run("-m", "qcompile", "check", SOURCE, site="faulty")
    assert done.returncode == 1 and "QA8001" in done.stderr
    assert "householder.qa:5:" in done.stderr and "lab_ops_that_is_missing" in done.stderr


def test_a_name_of_qcompile_is_not_replaced() -> None:
    done = run("-m", "qcompile", "check", SOURCE, site="clash")
    assert (
        done.returncode == 1 and "QA8002" in done.stderr and "`linear` of qcompile" in done.stderr
    )
