"""Try the properties of the tests on fresh random input, round after round, until the time is up.

    python tests/fuzz.py --minutes 10

Every round has a seed of its own. The first round with a failure ends the search: its falsifying
examples are printed, and the command that finds them again.
"""

from __future__ import annotations

import argparse
import json
import secrets
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, help="of the first round; by default a random one")
    parser.add_argument("tests", nargs="*", default=["tests"], help="files, folders or tests")
    options = parser.parse_args()
    end = time.time() + 60 * options.minutes
    seed = secrets.randbits(32) if options.seed is None else options.seed
    whole = 0
    while time.time() < end:
        say(f"fuzz: round {whole + 1}, seed {seed}")
        code, failed = play(options.tests, seed, options.workers, end)
        if code != 0:
            for test in failed:
                say(f"fuzz: to see it again: {shown(test, seed)}")
            return code
        whole += time.time() < end
        seed = secrets.randbits(32)
    say(f"fuzz: nothing found in {whole} whole rounds and the part of one")
    return 0


def play(tests: list[str], seed: int, workers: int, end: float) -> tuple[int, list[str]]:
    """Run all properties once; the exit code of pytest, and the tests that failed."""
    with tempfile.TemporaryDirectory() as cache:
        command = [sys.executable, "-m", "pytest", *tests, "-m", "hypothesis", "-q", "-rfE"]
        command += [f"--numprocesses={workers}", "--dist=worksteal", f"--until={end}"]
        command += [f"--hypothesis-seed={seed}", "--hypothesis-profile=fuzz"]
        command += ["-o", f"cache_dir={cache}"]
        code = subprocess.run(command, cwd=ROOT, check=False).returncode
        failed = Path(cache, "v", "cache", "lastfailed")
        return code, sorted(json.loads(failed.read_text("utf-8"))) if failed.exists() else []


def shown(test: str, seed: int) -> str:
    python = Path(sys.executable)
    start = python.relative_to(ROOT) if python.is_relative_to(ROOT) else python
    return f"{start} -m pytest '{test}' --hypothesis-profile=fuzz --hypothesis-seed={seed}"


def say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
