"""Absurd programs are refused with a message, before anything is allocated."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.end_to_end.absurd import ACCEPTED, REFUSED

ROOT = Path(__file__).resolve().parents[2]
MEBIBYTE = 2**20
RESIDENT = 300 * MEBIBYTE
"""Peak of a whole process, interpreter and libraries included."""

# The limits are guards far above what any of them takes: a search or an allocation ends there.
SCRIPT = """
import resource, sys
resource.setrlimit(resource.RLIMIT_CPU, (30, 30))
resource.setrlimit(resource.RLIMIT_AS, (6 << 30, 6 << 30))
from qcompile.cli import main
code = main(["case.qa", "--emit", "plan", "--message-format", "json"])
# Not getrusage: its ru_maxrss starts from the size of the process that forked this one.
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print(int(status["VmHWM"].split()[0]) * 1024, file=sys.stderr)
sys.exit(code)
"""


def compile_case(folder: Path, text: str) -> tuple[int, set[str], int]:
    """Exit code, codes of the errors, peak resident bytes."""
    (folder / "case.qa").write_text(text)
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    *messages, peak = done.stderr.splitlines()
    found = [json.loads(line) for line in messages]
    return (
        done.returncode,
        {it["code"]["code"] for it in found if it["level"] == "error"},
        int(peak),
    )


@pytest.mark.parametrize("name", REFUSED)
def test_is_refused_before_allocation(tmp_path: Path, name: str) -> None:
    expected, text = REFUSED[name]
    code, errors, peak = compile_case(tmp_path, text)
    assert code == 1
    assert expected in errors
    assert peak < RESIDENT


@pytest.mark.parametrize("name", ACCEPTED)
def test_is_planned_without_allocation(tmp_path: Path, name: str) -> None:
    code, errors, peak = compile_case(tmp_path, ACCEPTED[name])
    assert (code, errors) == (0, set())
    assert peak < RESIDENT
