"""A short form of `make sanitize`: spoilt programs and small batches under an address sanitizer."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.executors.sanitize import PROPERTIES, build, run, runtime

ADDRESS = ("address",)
CHOSEN = "out_of_bounds or few_tokens or not_contiguous or each_gate"


@pytest.mark.slow
@pytest.mark.skipif(runtime("address") is None, reason="no compiler with an address sanitizer")
def test_no_access_leaves_what_belongs_to_the_kernel(tmp_path: Path) -> None:
    library = tmp_path / "kernel.so"
    build(library, ADDRESS, "-O0")
    done = run(library, ADDRESS, [PROPERTIES, "-k", CHOSEN])
    assert done.returncode == 0, done.stdout[-4000:]
    assert " passed" in done.stdout and "skipped" not in done.stdout
