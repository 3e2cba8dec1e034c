"""Runs tests on a fused kernel with sanitizers: `python tests/executors/sanitize.py`.

Arguments are those of pytest; without any the property tests of the kernel are run. The library is
built anew where its sources are newer. An error ends the run with the sanitizer's report.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
KERNEL = ROOT / "qcompile" / "executors" / "fused" / "kernel"
SANITIZERS = ("address", "undefined")
PROPERTIES = "tests/executors/test_fused_kernel.py"
LIBRARY = "SANITIZED_KERNEL"
"""Variable with the path, for `sanitized_plugin`."""


def compiler() -> str | None:
    return shutil.which(os.environ.get("CXX", "g++"))


RUNTIMES = {"address": "libasan.so", "undefined": "libubsan.so", "exceptions": "libstdc++.so"}
"""Libraries that have to be loaded before Python's own: sanitizers look for exceptions at once."""


def runtime(name: str) -> Path | None:
    """A library of the compiler, where it has one."""
    named = compiler()
    if named is None or sys.platform != "linux":
        return None
    asked = [named, f"-print-file-name={RUNTIMES[name]}"]
    found = subprocess.run(asked, capture_output=True, text=True, check=False)
    path = Path(found.stdout.strip())
    return path if found.returncode == 0 and path.is_absolute() and path.exists() else None


def build(path: Path, sanitizers: tuple[str, ...], optimise: str = "-O1") -> None:
    """Compile the kernel without an instruction set of its own.

    Raises:
        subprocess.CalledProcessError: It does not compile.
    """
    sources = [*KERNEL.glob("*.cpp"), *KERNEL.glob("*.hpp")]
    if path.exists() and all(s.stat().st_mtime < path.stat().st_mtime for s in sources):
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    named = compiler()
    assert named is not None
    flags = ["-std=c++20", optimise, "-g1", "-fopenmp-simd", "-pthread", "-shared", "-fPIC"]
    flags += [f"-fsanitize={','.join(sanitizers)}", "-fno-sanitize-recover=all"]
    subprocess.run([named, *flags, str(KERNEL / "base.cpp"), "-o", str(path)], check=True)


def run(
    library: Path, sanitizers: tuple[str, ...], arguments: list[str]
) -> subprocess.CompletedProcess[str]:
    """pytest in a process whose circuits run in that library."""
    loaded = [str(runtime(name)) for name in (*sanitizers, "exceptions")]
    variables = {
        **os.environ,
        LIBRARY: str(library),
        "LD_PRELOAD": ":".join(loaded),
        # Python keeps what it has until it ends.
        "ASAN_OPTIONS": "detect_leaks=0",
        "PYTHONPATH": os.pathsep.join((str(ROOT), str(Path(__file__).parent))),
    }
    asked = [sys.executable, "-m", "pytest", "-p", "sanitized_plugin"]
    asked += ["-q", "-p", "no:cacheprovider", *arguments]
    return subprocess.run(
        asked, cwd=ROOT, env=variables, text=True, check=False, stdout=subprocess.PIPE, stderr=None
    )


def main() -> int:
    missing = [sanitizer for sanitizer in SANITIZERS if runtime(sanitizer) is None]
    if missing:
        sys.stderr.write(f"no compiler with sanitizers: {', '.join(missing)}\n")
        return 1
    library = ROOT / "build" / "sanitize" / "kernel.so"
    build(library, SANITIZERS)
    done = run(library, SANITIZERS, sys.argv[1:] or [PROPERTIES])
    sys.stdout.write(done.stdout)
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
