"""Steps under ZeRO are those of plain torch, where DeepSpeed is installed."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

pytest.importorskip("deepspeed")


def test_steps_are_those_of_plain_torch(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    worker = (
        "import runpy, sys, types; tests = types.ModuleType('tests'); "
        "tests.__path__ = ['tests']; sys.modules['tests'] = tests; "
        "runpy.run_path('tests/scaling/zero_worker.py', run_name='__main__')"
    )
    subprocess.run(
        [sys.executable, "-c", worker, str(tmp_path / "found.json")],
        cwd=ROOT,
        env={**os.environ, "MASTER_PORT": port, "PYTHONPATH": str(ROOT)},
        check=True,
        timeout=600,
    )
    found = json.loads((tmp_path / "found.json").read_text("utf-8"))
    assert len(found) == 6
    assert max(found.values()) < 1e-5, found
