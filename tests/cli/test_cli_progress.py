"""Long work says on a terminal what it does; short work, pipes and --quiet do not."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from qcompile.cli import progress
from qcompile.cli.progress import ProgressLine
from qcompile.cli.terminal import Terminal

ROOT = Path(__file__).resolve().parents[2]


class Screen(io.StringIO):
    """A terminal in memory."""

    def isatty(self) -> bool:
        return True


def on_screen(monkeypatch: pytest.MonkeyPatch, patience: float) -> Screen:
    """Not a fixture: pytest sets the standard error anew once the test itself begins."""
    found = Screen()
    monkeypatch.setattr(sys, "stderr", found)
    monkeypatch.setattr(progress, "PATIENCE", patience)
    return found


def shown(text: str) -> str:
    """What is on the last line in the end."""
    line: list[str] = []
    for part in text.rpartition("\n")[2].split("\r"):
        line[: len(part)] = part
    return "".join(line).rstrip()


def test_a_long_step_is_shown_while_it_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = on_screen(monkeypatch, 0.05)
    with Terminal().progress() as say:
        say("first")
        assert screen.getvalue() == ""
        say("second")
        end = time.monotonic() + 30
        while not screen.getvalue() and time.monotonic() < end:
            time.sleep(0.01)
        assert shown(screen.getvalue()) == "qcompile: second …"
        say("3")
        assert shown(screen.getvalue()) == "qcompile: 3 …"
    assert shown(screen.getvalue()) == ""
    assert not any(isinstance(t, threading.Timer) and t.is_alive() for t in threading.enumerate())


def test_short_work_shows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = on_screen(monkeypatch, 3600.0)
    with Terminal().progress() as say:
        say("first")
    assert screen.getvalue() == ""


@pytest.mark.parametrize(
    "terminal", [Terminal(quiet=True), Terminal(message_format="json")], ids=["quiet", "json"]
)
def test_some_do_not_want_it(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    screen = on_screen(monkeypatch, 0.0)
    with terminal.progress() as say:
        say("first")
    assert screen.getvalue() == ""


def test_messages_do_not_stand_behind_the_line(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = on_screen(monkeypatch, 0.0)
    terminal = Terminal()
    with terminal.progress() as say, terminal.progress() as inner:
        say("first")
        inner("second")
        terminal.note("a note")
        last = screen.getvalue().rstrip("\n").rpartition("\n")[2]
        assert shown(last) == "qcompile: a note"
        inner("third")
        assert shown(screen.getvalue()) == "qcompile: third …"
    assert shown(screen.getvalue()) == ""


def test_a_line_that_is_stopped_stays_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = on_screen(monkeypatch, 0.0)
    line = ProgressLine()
    line.say("before the start")
    line.start()
    line.stop()
    line.say("after the end")
    line.stop()
    assert screen.getvalue() == ""


SCRIPT = """
import sys
from qcompile.cli import main, progress
progress.PATIENCE = 0.0
sys.exit(main(sys.argv[1:]))
"""
COMMANDS = {
    "report": (["report", "wave.qa", "low.qa"], ("plan wave 6 → 4 (1 of 1)", "plan low 6 → 4")),
    "compile": (["wave.qa", "-o", "new.pt"], ("lower", "start the tensors", "write new.pt")),
    "convert": (["convert", "low.pt", "low.safetensors"], ("read low.pt", "write low.safetensors")),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_on_a_pseudo_terminal(command: str, folder: Path) -> None:
    import pty

    import qcompile

    qcompile.compile(folder / "low.qa").save(folder / "low.pt")
    argv, expected = COMMANDS[command]
    for terminal in (True, False):
        own, theirs = pty.openpty()
        try:
            done = subprocess.run(
                [sys.executable, "-c", SCRIPT, *argv],
                env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"},
                stdout=subprocess.PIPE,
                stderr=theirs if terminal else subprocess.PIPE,
                check=False,
            )
            seen = os.read(own, 65536) if terminal else done.stderr
        finally:
            os.close(own)
            os.close(theirs)
        text = seen.decode()
        assert done.returncode == 0, text
        assert all((part in text) == terminal for part in expected), text
        assert "…" not in done.stdout.decode().replace("─", "")
