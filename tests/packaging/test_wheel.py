"""The wheel holds the package, the whole package and nothing but the package."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

import qcompile

ROOT = Path(__file__).resolve().parents[2]
SIGNPOSTS = ("grammar", "passes", "backends")


def copy_of_the_project(folder: Path) -> Path:
    """Copy what a build reads; a build in place would leave its files in the checkout."""
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder / name)
    ignored = shutil.ignore_patterns("__pycache__", "*.so")
    shutil.copytree(ROOT / "qcompile", folder / "qcompile", ignore=ignored)
    for name in SIGNPOSTS:
        (folder / name).symlink_to(Path("qcompile") / name)
    return folder


def build(project: Path, kind: str) -> Path:
    """Run a hook of the build back end, without network and without a compiler."""
    script = f"from setuptools.build_meta import build_{kind}; build_{kind}('out')"
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=project,
        env={**os.environ, "CC": "no-compiler", "CXX": "no-compiler"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (made,) = (project / "out").iterdir()
    return made


@pytest.mark.parametrize("origin", ["checkout", "sdist"])
def test_wheel_holds_exactly_the_package(origin: str, tmp_path: Path) -> None:
    project = copy_of_the_project(tmp_path)
    expected = {
        path.relative_to(project).as_posix()
        for path in (project / "qcompile").rglob("*")
        if path.is_file()
    }
    if origin == "sdist":
        with tarfile.open(build(project, "sdist")) as archive:
            archive.extractall(tmp_path / "unpacked", filter="data")
        (project,) = (tmp_path / "unpacked").iterdir()
    with zipfile.ZipFile(build(project, "wheel")) as wheel:
        names = {name for name in wheel.namelist() if not name.endswith("/")}
        info = f"qcompile-{qcompile.__version__}.dist-info"
        metadata = wheel.read(f"{info}/METADATA").decode()
        entry_points = wheel.read(f"{info}/entry_points.txt").decode()
    assert {name for name in names if not name.startswith(f"{info}/")} == expected
    assert "qcompile/py.typed" in expected
    assert f"{info}/licenses/LICENSE" in names
    assert f"\nVersion: {qcompile.__version__}\n" in metadata
    assert "qcompile = qcompile.cli:main" in entry_points


@pytest.mark.parametrize("name", SIGNPOSTS)
def test_signposts_lead_into_the_package(name: str) -> None:
    link = ROOT / name
    assert not link.exists() or link.samefile(ROOT / "qcompile" / name)
