"""Unusual surroundings: pipes for files, hostile names, signals, a poor environment."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import SHAPED, Run

ROOT = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, "-W", "error", "-m", "qcompile"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("check", "imports.qa"), "QA2031"),
        (("imports.qa", "--emit", "spec"), "QA2031"),
        (("check", "folders.qa"), "QA2031"),
        (("attached.qa",), "QA7002"),
        (("attached.qa", "--model", "/dev/zero"), "QA7002"),
        (("attached.qa", "--model", "pipe.pt"), "QA7002"),
        (("convert", "pipe.pt", "b.pt"), "QA5002"),
        (("convert", "pipe.safetensors", "b.pt"), "QA5002"),
        (("convert", "pipes/", "b.pt"), "QA5002"),
    ],
)
def test_pipes_are_not_waited_for(
    folder: Path, run: Run, words: tuple[str, ...], code: str
) -> None:
    for name in ("pipe.pt", "pipe.safetensors", "pipe.json", "pipe.qa"):
        os.mkfifo(folder / name)
    (folder / "pipes").mkdir()
    os.mkfifo(folder / "pipes" / "adapter_config.json")
    (folder / "imports.qa").write_text('qa 1\nimport "pipe.qa"\n' + SHAPED[5:])
    (folder / "folders.qa").write_text('qa 1\nimport "pipes"\n' + SHAPED[5:])
    attached = SHAPED[5:].replace("shape 6 -> 4", 'attach "*.q_proj"')
    (folder / "attached.qa").write_text('qa 1\nmodel "pipe.json"\n' + attached)
    outcome = run(*words)
    assert outcome.code in (1, 2) and code in outcome.err
    assert not (folder / "b.pt").exists()


def test_a_pipe_of_the_shell_is_compiled(folder: Path) -> None:
    line = f"{' '.join(COMMAND)} <(cat low.qa) --emit spec -o spec.txt"
    done = subprocess.run(["bash", "-c", line], env=ENVIRONMENT, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert b"adapter low" in (folder / "spec.txt").read_bytes()


NAMES = [b"new\nline.qa", b"bell\x07\x1b[31m.qa", b"\xff\xfe.qa", "größe\u202e.qa".encode()]


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_every_file_name_is_printed_on_one_line(folder: Path, name: bytes, encoding: str) -> None:
    for form, words in (
        (b"human", (b"check", name)),
        (b"short", (b"low.qa", b"-o", name)),
        (b"json", (b"convert", name, b"b.pt")),
    ):
        done = subprocess.run(
            [*map(os.fsencode, COMMAND), *words, b"--message-format", form],
            env={**ENVIRONMENT, "PYTHONIOENCODING": encoding, "COLUMNS": "1"},
            capture_output=True,
            check=False,
        )
        lines = done.stderr.decode(encoding).splitlines()
        assert done.returncode == 2 and not done.stdout
        assert b"Traceback" not in done.stderr and b"\x1b" not in done.stderr
        assert lines[0].startswith("{") if form == b"json" else "[QA0" in lines[0]
        assert form == b"human" or len(lines) == 1


SURROUNDINGS = {
    "no home": "env -u HOME {command}",
    "the C locale": "LC_ALL=C PYTHONUTF8=0 PYTHONCOERCECLOCALE=0 {command}",
    "narrow": "COLUMNS=1 LINES=1 {command}",
    "no folder": "mkdir gone; cd gone; rmdir ../gone; {command}",
    "no streams": "{command} <&- >&- 2>&-",
    "full disk": "{command} > /dev/full 2> /dev/full",
}
VERBS = {
    "check {folder}/größe.qa": {0, 2},
    "check {folder}/broken.qa": {1},
    "{folder}/wave.qa --emit program": {0, 2},
    "report {folder}/wave.qa": {0, 2},
    "explain QA0001": {0, 2},
    "--list-targets": {0, 2},
    "targets show fake_torino": {0, 2},
}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("surrounding", SURROUNDINGS)
def test_poor_surroundings_give_no_traceback(folder: Path, surrounding: str) -> None:
    (folder / "größe.qa").write_text(SHAPED.replace("qa 1\n", "qa 1\n# größe → ½\n"))
    for verb, codes in VERBS.items():
        command = f"{' '.join(COMMAND)} {verb.format(folder=folder)}"
        done = subprocess.run(
            ["bash", "-c", SURROUNDINGS[surrounding].format(command=command)],
            env=ENVIRONMENT,
            capture_output=True,
            check=False,
        )
        assert done.returncode in codes, (verb, done.stderr)
        for output in (done.stdout, done.stderr):
            assert b"Traceback" not in output and b"Exception ignored" not in output, verb


def stopped(script: str, number: signal.Signals) -> subprocess.CompletedProcess[bytes]:
    """Run the command line as a process, with a script before it that sends itself a signal."""
    head = (
        "import builtins, os, signal, sys\n"
        # Whoever runs the tests in the background may have had signals ignored.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "for each in (signal.SIGTERM, signal.SIGHUP): signal.signal(each, signal.SIG_DFL)\n"
        f"def stop(*_, **__): os.kill(os.getpid(), {int(number)})\n"
        "sys.argv = ['qcompile', 'low.qa', '-o', 'low.pt']\n"
    )
    tail = "from qcompile.cli import main\nsys.exit(main())\n"
    return subprocess.run(
        [sys.executable, "-c", head + script + tail],
        env=ENVIRONMENT,
        capture_output=True,
        check=False,
    )


IN_IMPORT = (
    "own = builtins.__import__\n"
    "def importing(name, *arguments, **named):\n"
    "    if name == 'torch':\n"
    "        try:\n"
    "            stop()\n"
    "        except BaseException:\n"
    "            raise ImportError('swallowed') from None\n"
    "    return own(name, *arguments, **named)\n"
    "builtins.__import__ = importing\n"
)
IN_SAVE = "own = os.fsync\ndef fsync(handle): own(handle); stop()\nos.fsync = fsync\n"
IN_RENAME = "own = os.replace\ndef replace(*names): stop(); own(*names)\nos.replace = replace\n"


@pytest.mark.parametrize("script", [IN_IMPORT, IN_SAVE, IN_RENAME], ids=["import", "save", "put"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_leave_nothing_and_name_themselves(
    folder: Path, script: str, number: signal.Signals
) -> None:
    done = stopped(script, number)
    assert (done.returncode, done.stdout, done.stderr) == (128 + number, b"", b"")
    assert [path for path in folder.iterdir() if path.suffix != ".qa"] == []


def test_what_is_ignored_at_the_start_stays_ignored(folder: Path) -> None:
    ignoring = "signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
    assert stopped(ignoring + IN_SAVE, signal.SIGHUP).returncode == 0
    assert (folder / "low.pt").exists()


def test_a_killed_writer_is_cleaned_up_after(folder: Path, run: Run) -> None:
    done = stopped(IN_SAVE, signal.SIGKILL)
    assert done.returncode == -signal.SIGKILL
    stale = [path.name for path in folder.iterdir() if path.name.startswith(".qcompile-")]
    assert len(stale) == 1
    (folder / ".qcompile-mine").write_text("of the user")
    assert run("low.qa", "-q").code == 0
    left = sorted(path.name for path in folder.iterdir() if path.suffix != ".qa")
    assert left == [".qcompile-mine", "low.pt"]
