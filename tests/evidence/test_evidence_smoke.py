"""The whole comparison, small, from the command line to the page."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from evidence.__main__ import main

ROOT = Path(__file__).parents[2]
VERBS = ("copy", "list", "remove", "print", "open", "mount", "describe", "wait for")
THINGS = ("files", "a socket", "the kernel", "a library", "users", "the clock", "a device")


def write_pages(folder: Path) -> None:
    """Man pages of fourteen packages in six sections."""
    for package in range(14):
        for section in "123578":
            for number, thing in enumerate(THINGS[:3]):
                verb = VERBS[(package + int(section)) % len(VERBS)]
                path = folder / f"package{package}" / f"man{section}" / f"p{number}.{section}"
                path.parent.mkdir(parents=True, exist_ok=True)
                text = f"p{package}s{section} \\- {verb} {thing} {number}"
                path.write_text(f".TH X {section}\n.SH NAME\n{text}\n")


@pytest.mark.slow
def test_smoke_preset_from_end_to_end(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    write_pages(tmp_path / "pages")
    folder = tmp_path / "out"
    arguments = ["--preset", "smoke", "--processes", "1", "--device", "cpu"]
    places = ["--folder", str(folder), "--pages", str(tmp_path / "pages")]
    ran = subprocess.run(
        [sys.executable, "-m", "evidence", "run", *arguments, *places],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"},
    )
    assert ran.returncode == 0, ran.stderr
    assert "not complete" not in ran.stdout and "encoder random" in ran.stdout

    lines = [json.loads(line) for line in (folder / "results.jsonl").read_text().splitlines()]
    assert len({line["key"] for line in lines}) == len(lines), "nothing is run twice"
    record = json.loads((folder / "smoke.json").read_text())
    tables = {
        task["task"]: {(row["name"], row["budget"]) for row in task["rows"]}
        for task in record["tasks"]
    }
    adapters = {("lora", "steps"), ("qtha", "steps")}
    references = {(name, "steps") for name in ("majority", "bayes", "head", "full")}
    assert tables["man_section"] == adapters | references
    matched = {("lora", "parameters"), ("qtha", "parameters")}
    assert tables["prose"] == adapters | matched | {("frozen", "steps"), ("full", "steps")}
    for task in record["tasks"]:
        for row in task["rows"]:
            assert row["seeds"] == [0]
            if row["rate"] is not None:
                assert row["costs"]["ratio"] > 0 and row["costs"]["saved"] >= 0
                assert len(row["curve"]) == task["steps"]

    assert main(["report", "--results", str(folder / "smoke.json"), "--docs", str(tmp_path)]) == 0
    page = (tmp_path / "evidence.md").read_text()
    assert "| `qtha` |" in page and "too few seeds" in page
    kept = (tmp_path / "evidence" / "results.json").read_text()
    assert kept == (folder / "smoke.json").read_text()
