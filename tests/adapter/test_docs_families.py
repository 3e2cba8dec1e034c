"""The page on families: its Python runs as it stands, and it names every example."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "families.md").read_text("utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```$", PAGE, re.M | re.S)


def test_code_runs_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    for block in BLOCKS:
        exec(block, names)
    assert len(BLOCKS) == 4
    assert (tmp_path / "sora_pruned.pt").is_file()
    assert len(names["ranks"]) == 8 and 0 < sum(names["ranks"]) < 64


def test_quotations_are_those_of_the_examples() -> None:
    quoted = re.findall(r"^```qa\n(.*?)^```$", PAGE, re.M | re.S)
    for quotation, name in zip(quoted, ("quantum_peft.qa", "sora.qa"), strict=True):
        example = (ROOT / "examples" / name).read_text("utf-8")
        assert all(line.strip() in example for line in quotation.splitlines())


def test_every_relative_is_listed() -> None:
    for path in (ROOT / "examples" / "relatives").glob("*.qa"):
        assert path.stem == "parts" or f"{path.name}`" in PAGE
