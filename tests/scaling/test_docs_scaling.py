"""docs/scaling.md and the example that it launches: every line runs and does what the page says."""

from __future__ import annotations

import re
import runpy
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist

import qcompile
from qcompile.cli import main
from tests.scaling.launch import TIMEOUT, torchrun

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "scaling.md").read_text("utf-8")
SCRIPT = "examples/train_distributed.py"


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.M | re.S)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current folder like the project's, with the adapter that the page compiles."""
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    (command,) = blocks("console")
    program, *arguments = shlex.split(command.partition("\n")[0].removeprefix("$ "))
    assert program == "qcompile"
    assert main(arguments) == 0
    return tmp_path


def example(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    """The script in this process."""
    monkeypatch.setattr(sys, "argv", [SCRIPT, *arguments])
    runpy.run_path(SCRIPT, run_name="__main__")


@pytest.mark.slow
@pytest.mark.timeout(2 * TIMEOUT)
def test_launch_lines_train_the_same_adapter(
    project: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    losses, states = [], []
    for line in blocks("sh"):
        program, *arguments = shlex.split(line)
        if program == "python":
            assert arguments[0] == SCRIPT
            example(monkeypatch, *arguments[1:])
            printed = capfd.readouterr().out
        else:
            assert program == "torchrun"
            assert arguments[:2] == ["--nproc-per-node=2", SCRIPT]
            printed = torchrun(*arguments[1:], where=project)
        losses.append(re.findall(r"step \d of 4: loss (\S+)", printed))
        states.append(qcompile.load(arguments[-1]).state_dict())
    assert len(states) == 3
    start = qcompile.load("lora.pt").state_dict()
    for printed_losses, state in zip(losses, states, strict=True):
        assert len(printed_losses) == 4
        assert [float(x) for x in printed_losses] == pytest.approx(
            [float(x) for x in losses[0]], abs=2e-3
        )
        for name, value in states[0].items():
            torch.testing.assert_close(state[name], value, rtol=1e-3, atol=1e-4)
    assert any(not torch.equal(states[0][name], value) for name, value in start.items())


def test_the_example_resumes_bit_for_bit(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (ROOT / "examples" / "lora.qa").read_text("utf-8")
    text = text.replace("linear(x,", "linear(dropout(x, 0.2),")
    qcompile.compile(text, model="examples/models/tiny-llama").save("dropout.pt")
    small = ["--adapter", "dropout.pt", "--batch", "2", "--context", "16"]
    example(monkeypatch, *small, "--steps", "4", "--output", "straight.pt")
    example(monkeypatch, *small, "--steps", "2", "--output", "parts.pt")
    assert Path("parts.pt").read_bytes() != Path("straight.pt").read_bytes()
    example(monkeypatch, *small, "--steps", "4", "--output", "parts.pt", "--resume")
    assert Path("parts.pt").read_bytes() == Path("straight.pt").read_bytes()


def test_the_example_refuses_what_it_cannot_do(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SystemExit, match="QA5001"):
        example(monkeypatch, "--adapter", "nowhere.pt")


def test_programs_of_the_page_run(project: Path) -> None:
    """In a group of one process, in which every collective operation works."""
    store = torch._C._distributed_c10d.HashStore()
    dist.init_process_group("gloo", store=store, rank=0, world_size=1)
    try:
        names: dict[str, Any] = {}
        programs = blocks("python")
        assert len(programs) >= 5
        for text in programs:
            exec(compile(text, "docs/scaling.md", "exec"), names)
    finally:
        dist.destroy_process_group()
    trained = qcompile.load("trained.pt").state_dict()
    assert trained.keys() == qcompile.load("lora.pt").state_dict().keys()
    assert Path("run.pt").exists()


def test_compilation_starts_no_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even where the search for paths is longest: a rank would start one each."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a pool was started")

    for pool in (
        "concurrent.futures.ProcessPoolExecutor.__init__",
        "concurrent.futures.ThreadPoolExecutor.__init__",
        "multiprocessing.process.BaseProcess.start",
    ):
        monkeypatch.setattr(pool, refuse)
    body = "shape 4096 -> 4096\n update mpo(x, to: 4096, sites: 12, bond: 4)"
    adapter = qcompile.compile(f"qa 1\nadapter wide() {{\n {body}\n}}\n", optimisation=3)
    assert adapter(torch.zeros(1, 4096)).shape == (1, 4096)


def test_figures_of_the_page_are_those_of_the_report(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = "examples/models/qwen2-7b"
    assert main(["report", "examples/qtha.qa", "--model", model]) == 0
    count = re.search(r"qtha.qa` on Qwen2-7B ([\d,]+) numbers, 2.8 MB", PAGE)
    assert count is not None
    assert f"{count[1]} trainable parameters" in capsys.readouterr().out
    assert round(4 * int(count[1].replace(",", "")) / 1e6, 1) == 2.8
