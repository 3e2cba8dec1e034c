"""Fresh interpreters, with the package beside this file installed or not."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = Path(__file__).with_name("package")


def run(folder: Path, *arguments: str, installed: bool = True) -> subprocess.CompletedProcess[str]:
    paths = [str(ROOT), *([str(PACKAGE)] if installed else [])]
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
    )
