"""A folder with small sources, and the command line run inside the process."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from qcompile.cli import main

SHAPED = """qa 1

adapter low(rank: int = 2, alpha: real = 1.0) {
    shape 6 -> 4
    a = linear(x, to: rank)
    update alpha * linear(a, to: out_features, init: zero)
}
"""

CIRCUIT = """qa 1

adapter wave(n: int = 2) {
    shape 6 -> 4
    h = linear(x, to: n)
    q = circuit(n qubits) {
        encode angle(h, gate: ry)
        crz ring
        ry
        measure z
    }
    update linear(q, to: out_features, init: zero)
}
"""

BROKEN = """qa 1

adapter low(rank: int = 2) {
    shape 6 -> 4
    a = lienar(x, to: rank)
    update linear(b, to: out_features)
}
"""

UNTIDY = "qa 1\nadapter low( rank:int=2 ){ shape 6->4\n update linear(x,to:4) }\n"


@dataclass
class Outcome:
    """What a run of the command line left behind."""

    code: int
    out: str
    err: str


Run = Callable[..., Outcome]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder of the test, with sources in it."""
    for name, text in (
        ("low.qa", SHAPED),
        ("wave.qa", CIRCUIT),
        ("broken.qa", BROKEN),
        ("untidy.qa", UNTIDY),
    ):
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    for variable in ("NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE", "TERM", "QCOMPILE_TRACEBACK"):
        monkeypatch.delenv(variable, raising=False)
    return tmp_path


@pytest.fixture
def run(folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """`main`, with a text on the standard input."""

    def run_main(*argv: str, stdin: str | bytes = b"") -> Outcome:
        data = stdin.encode() if isinstance(stdin, str) else stdin
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
        capsys.readouterr()
        code = main(argv)
        seen = capsys.readouterr()
        return Outcome(code, seen.out, seen.err)

    return run_main
