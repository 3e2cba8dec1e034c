"""The installed command as a process: streams, signals, and the same bytes everywhere."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import CIRCUIT

ROOT = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, "-W", "error", "-m", "qcompile"]


def environment(**changes: str) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if k not in {"NO_COLOR", "FORCE_COLOR", "TERM"}}
    return {**kept, "PYTHONPATH": str(ROOT), **changes}


@pytest.mark.parametrize("source", ["wave.qa", "examples"])
def test_same_bytes_in_every_process(folder: Path, source: str) -> None:
    digests = set()
    for seed in ("0", "1", "4711"):
        place = folder / f"run{seed}"
        (place / "deep").mkdir(parents=True)
        path = str(folder / source)
        if source == "examples":
            path = str(ROOT / "examples" / "lora.qa")
        output = place / "deep" / f"adapter{seed}.pt"
        subprocess.run(
            [*COMMAND, path, "-o", str(output), "-q"],
            cwd=place,
            env=environment(PYTHONHASHSEED=seed),
            check=True,
        )
        digests.add(hashlib.sha256(output.read_bytes()).hexdigest())
    assert len(digests) == 1


def test_file_opens_where_qcompile_is_not_installed(folder: Path) -> None:
    subprocess.run([*COMMAND, "wave.qa", "-q"], env=environment(), check=True)
    script = (
        "import json, sys\n"
        "sys.modules['qcompile'] = None\n"
        "import torch\n"
        "found = torch.load('wave.pt', weights_only=True)\n"
        "assert found['format'] == 'qcompile.adapter' and found['version'] == 1\n"
        "manifest = json.loads(found['manifest'])\n"
        "assert manifest['sources'][0]['name'] == 'wave.qa'\n"
        "print(sorted(found['state']))\n"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-W", "error", "-c", script],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "wave.h.weight" in done.stdout and "wave.q.angles" in done.stdout


def test_interrupt_ends_with_130_and_writes_nothing(folder: Path) -> None:
    script = (
        "import os, signal, sys, time\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "import qcompile.cli.options as options\n"
        "from qcompile.cli import main\n"
        "def interrupted(*_, **__):\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "    time.sleep(60)  # another thread may take the signal first\n"
        "options.compile_source = interrupted\n"
        "sys.exit(main(['wave.qa']))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment(), capture_output=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, b"", b"")
    assert not (folder / "wave.pt").exists()


def test_closed_pipe_is_no_error(folder: Path) -> None:
    # More than a pipe holds, so that the writer meets the closed end.
    line = " ".join([*COMMAND, "explain"])
    done = subprocess.run(
        ["bash", "-c", f"{line} | head -n 1; echo ${{PIPESTATUS[0]}}"],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    first, code = done.stdout.splitlines()
    assert first.startswith("QA0001") and code == "0" and done.stderr == ""


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("explain >&-", 0),
        ("explain QA0000 2>&-", 2),
        ("check wave.qa >&- 2>&-", 0),
        ("explain > /dev/full", 2),
        ("check none.qa 2> /dev/full", 2),
        ("check - <&-", 2),
        ("check - < /dev/zero", 2),
    ],
)
def test_unusable_streams(folder: Path, line: str, code: int) -> None:
    command = " ".join([*COMMAND, line])
    done = subprocess.run(
        ["bash", "-c", command], env=environment(), capture_output=True, check=False
    )
    assert done.returncode == code
    assert b"Traceback" not in done.stderr and b"Exception ignored" not in done.stderr


def test_narrow_encodings_are_survived(folder: Path) -> None:
    (folder / "größe.qa").write_text(CIRCUIT.replace("linear(x", "lineär(x"))
    done = subprocess.run(
        [*COMMAND, "report", "wave.qa"],
        env=environment(PYTHONIOENCODING="ascii"),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0 and b"\\u2192" in done.stdout
    done = subprocess.run(
        [*COMMAND, "check", "größe.qa"],
        env=environment(PYTHONIOENCODING="ascii"),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 1 and b"Traceback" not in done.stderr


def test_terminal_decides_on_colour(folder: Path) -> None:
    import pty

    def coloured(**changes: str) -> bool:
        own, theirs = pty.openpty()
        try:
            subprocess.run(
                [*COMMAND, "check", "broken.qa"],
                env=environment(**changes),
                stderr=theirs,
                check=False,
            )
            return b"\x1b[" in os.read(own, 65536)
        finally:
            os.close(own)
            os.close(theirs)

    assert coloured(TERM="xterm")
    assert not coloured(TERM="dumb")
    assert not coloured(TERM="xterm", NO_COLOR="1")
    assert coloured(TERM="dumb", FORCE_COLOR="1")
