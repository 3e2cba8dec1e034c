"""Absurd programs are refused with a message, before anything is allocated."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.end_to_end.absurd import ACCEPTED, REFUSED

ROOT = Path(__file__).resolve().parents[2]
MEBIBYTE = 2**20
GROWTH = 100 * MEBIBYTE
"""What a case may take beyond the interpreter, the libraries and a small program."""

SMALL = "qa 1\n\nadapter a() {\n    shape 4 -> 4\n    update linear(x, to: 4, init: zero)\n}\n"

# One process of its own for all: its peak is that of no other test, and the libraries load once.
# The limits are guards far above what all of them take: a search or an allocation ends there.
SCRIPT = """
import contextlib, io, json, resource, sys
from pathlib import Path
from qcompile.cli import main

def size(name):
    # Not getrusage: its ru_maxrss starts from the size of the process that forked this one.
    status = dict(line.split(":", 1) for line in open("/proc/self/status"))
    return int(status[name].split()[0]) * 1024

def run(text):
    Path("case.qa").write_text(text)
    before = size("VmHWM")
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(["case.qa", "--emit", "plan", "--message-format", "json"])
    return code, err.getvalue(), size("VmHWM") - before

small, cases = json.loads(sys.stdin.read())
assert run(small)[0] == 0
space = size("VmSize") + (4 << 30)
resource.setrlimit(resource.RLIMIT_AS, (space, space))
resource.setrlimit(resource.RLIMIT_CPU, (120, 120))
print(json.dumps({name: run(text) for name, text in cases.items()}))
"""


@dataclass(frozen=True)
class Outcome:
    """What became of a case; `growth` is that of the peak of resident bytes."""

    code: int
    errors: set[str]
    growth: int


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Outcome]:
    texts = {name: text for name, (_, text) in REFUSED.items()} | ACCEPTED
    assert len(texts) == len(REFUSED) + len(ACCEPTED)
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        cwd=tmp_path_factory.mktemp("absurd"),
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        input=json.dumps([SMALL, texts]),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Outcome] = {}
    for name, (code, messages, growth) in json.loads(done.stdout).items():
        told = [json.loads(line) for line in messages.splitlines()]
        errors = {it["code"]["code"] for it in told if it["level"] == "error"}
        found[name] = Outcome(code, errors, growth)
    return found


@pytest.mark.parametrize("name", REFUSED)
def test_is_refused_before_allocation(outcomes: dict[str, Outcome], name: str) -> None:
    expected, _ = REFUSED[name]
    outcome = outcomes[name]
    assert outcome.code == 1
    assert expected in outcome.errors
    assert outcome.growth < GROWTH


@pytest.mark.parametrize("name", ACCEPTED)
def test_is_planned_without_allocation(outcomes: dict[str, Outcome], name: str) -> None:
    outcome = outcomes[name]
    assert (outcome.code, outcome.errors) == (0, set())
    assert outcome.growth < GROWTH
