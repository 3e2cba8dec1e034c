"""Every command, program and adapter in the README and in docs/ runs, and prints what it says.

`console` blocks are commands with what they print, on both streams together; a line `…` stands for
any lines. `python` blocks of a page run one after the other. A `<!-- needs NAME -->` before a block
leaves it out where that package is not installed.
"""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM, dynamic_module_utils

from qcompile.cli import main

ROOT = Path(__file__).parents[2]
PAGES = (
    "README.md",
    "docs/training.md",
    "docs/controls.md",
    "docs/hardware.md",
    "docs/export.md",
    "docs/serving.md",
)


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    language: str
    text: str
    needs: str | None


def blocks(page: str) -> Iterator[Block]:
    text = (ROOT / page).read_text("utf-8")
    pattern = r"(?:^<!-- needs (\w+) -->\n)?^```([^\n]*)\n(.*?)^```$"
    for needs, language, inside in re.findall(pattern, text, re.M | re.S):
        yield Block(language, inside, needs or None)


def adapter_of(page: str) -> str:
    """The one complete file that a page shows."""
    (text,) = [block.text for block in blocks(page) if block.language == "qa"]
    return text


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current folder like the project's, with the files that the pages show."""
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    (tmp_path / "adapter.qa").write_text(adapter_of("README.md"), "utf-8")
    (tmp_path / "wave.qa").write_text(adapter_of("docs/hardware.md"), "utf-8")
    monkeypatch.chdir(tmp_path)
    for variable in ("NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE", "TERM"):
        monkeypatch.delenv(variable, raising=False)
    return tmp_path


def misspell(path: Path) -> None:
    """The two mistakes that the README shows."""
    text = path.read_text("utf-8")
    text = text.replace("linear(a,", "linaer(a,").replace("bond: bond)", "bnod: bond)", 1)
    path.write_text(text, "utf-8")


def matches(shown: str, printed: str) -> bool:
    """Whether `printed` is `shown`, where a line `…` is any lines."""
    pattern = "".join(
        "(?:.*\n)*" if line == "…\n" else re.escape(line) for line in shown.splitlines(True)
    )
    return re.fullmatch(pattern, printed) is not None


@pytest.mark.parametrize("page", PAGES)
def test_commands_print_what_the_page_shows(
    page: str, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ran = 0
    for block in blocks(page):
        if block.language != "console":
            continue
        command, _, shown = block.text.partition("\n")
        program, *arguments = shlex.split(command.removeprefix("$ "))
        assert command.startswith("$ ") and program == "qcompile"
        if arguments[0] == "check":
            misspell(project / arguments[1])
        capsys.readouterr()
        code = main(arguments)
        seen = capsys.readouterr()
        assert code == (1 if "error[" in shown else 0), seen.err
        printed = seen.out or seen.err
        assert matches(shown, printed), f"{command}\n{printed}"
        ran += 1
    assert ran >= 1


def test_matches_tells_differences() -> None:
    assert matches("a\n…\nb\n", "a\nc\nd\nb\n") and matches("a\n…\n", "a\n")
    assert not matches("a\nb\n", "a\nc\n") and not matches("a.c\n", "abc\n")
    assert not matches("a\n…\nb\n", "a\nc\n")


@pytest.mark.parametrize(
    "page",
    ["README.md", "docs/training.md", "docs/controls.md", "docs/export.md", "docs/serving.md"],
)
@pytest.mark.filterwarnings("ignore:'pin_memory':UserWarning")
@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated")
@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning:qiskit_aer")
def test_programs_run(page: str, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The Trainer asks for accelerators; what is shown must run without one.
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    # Where transformers copies the code of models that bring some.
    monkeypatch.setattr(dynamic_module_utils, "HF_MODULES_CACHE", str(project / "modules"))
    monkeypatch.setattr(sys, "path", [*sys.path])
    torch.manual_seed(0)
    names: dict[str, Any] = {}
    if page == "README.md":
        config = AutoConfig.from_pretrained("examples/models/tiny-llama")
        names["model"] = AutoModelForCausalLM.from_config(config)
    else:
        for block in blocks(page):
            if block.language == "console":
                assert main(shlex.split(block.text.splitlines()[0])[2:]) == 0
    programs = [block for block in blocks(page) if block.language == "python"]
    assert programs
    for block in programs:
        if block.needs is None or find_spec(block.needs) is not None:
            exec(compile(block.text, page, "exec"), names)


def test_every_block_is_of_a_kind_that_is_tested() -> None:
    kinds = {block.language for page in PAGES for block in blocks(page)}
    assert kinds == {"qa", "qa items", "console", "json", "python", "sh"}


def test_devices_of_the_pages_are_read(tmp_path: Path) -> None:
    from qcompile.backends.devices.files import read_device_file

    shown = [b.text for page in PAGES for b in blocks(page) if b.language == "json"]
    assert shown
    for number, text in enumerate(shown):
        path = tmp_path / f"{number}.json"
        path.write_text(text, "utf-8")
        assert read_device_file(str(path), path.name).edges


@pytest.mark.parametrize("page", PAGES)
def test_shell_blocks_name_what_is_there(page: str) -> None:
    targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text("utf-8"), re.M)
    for block in blocks(page):
        if block.language == "sh":
            program, *arguments = shlex.split(block.text)
            match program:
                case "make":
                    assert set(arguments) <= set(targets)
                case "pip":
                    assert arguments[:2] == ["install", "-c"] and (ROOT / arguments[2]).is_file()
                case _:
                    pytest.fail(f"{page}: {block.text}")


@pytest.mark.parametrize("page", ["docs/hardware.md"])
def test_items_elaborate(page: str, project: Path) -> None:
    shell = "qa 1\n{}\nadapter a() {{ shape 4 -> 4\n update linear(x, to: 4, init: zero) }}\n"
    found = [block.text for block in blocks(page) if block.language == "qa items"]
    assert found
    for text in found:
        (project / "items.qa").write_text(shell.format(text), "utf-8")
        assert main(["check", "items.qa"]) == 0


def test_commands_of_the_table_are_commands(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    rows = re.findall(r"^\| `qcompile (.*?)` \|", text, re.M)
    assert len(rows) >= 6
    np.save("x.npy", np.zeros((2, 128), "float32"))
    for row in rows:
        arguments = shlex.split(row)
        if arguments[0] not in ("check", "convert", "explain", "fmt", "run", "targets"):
            arguments += ["--model", "examples/models/tiny-llama"]
        assert main(arguments) == 0, row
    capsys.readouterr()


@pytest.mark.parametrize(
    "page", [*PAGES, "docs/language.md", "docs/architecture.md", "docs/scaling.md"]
)
def test_links_lead_somewhere(page: str) -> None:
    text = (ROOT / page).read_text("utf-8")
    for link in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text):
        if "://" not in link:
            assert ((ROOT / page).parent / link).exists(), link


def test_devices_are_refused_and_taken_as_said(project: Path) -> None:
    from qcompile.backends.devices import list_devices, load_device
    from qcompile.diagnostics import CompileError
    from qcompile.ir.target import NamedDevice

    text = (ROOT / "docs/hardware.md").read_text("utf-8")
    table = text.partition("### Native gates\n")[2].partition("\n#")[0]
    rows = re.findall(r"^\| (.*?) \| .*(`fake_\w+`.*) \|$", table, re.M)
    assert len(rows) == 4
    for gates, names in rows:
        for name in re.findall(r"`(fake_\w+)`", names):
            native = set(load_device(NamedDevice(name=name)).native)
            assert set(gates.split(", ")) & native or ("u1" in gates and "phase" in native), name
    assert "`fake_kyoto` is the only one of the package's 68" in " ".join(text.split())
    assert len([name for name in list_devices() if name.startswith("fake_")]) == 68
    with pytest.raises(CompileError, match="QA4204"):
        load_device(NamedDevice(name="fake_kyoto"))


def test_keys_of_comparisons_are_on_the_page() -> None:
    from dataclasses import fields

    from qcompile.report.comparison import ComparedFigures

    text = (ROOT / "docs/controls.md").read_text("utf-8").partition("| key | meaning |")[2]
    listed = [
        key
        for row in re.findall(r"^\| (`.*?) \|", text, re.M)
        for key in re.findall(r"`(\w+)`", row)
    ]
    assert listed == [item.name for item in fields(ComparedFigures)]


def test_report_says_what_the_page_says(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A tenth more arithmetic than LoRA at rank 4, 2.8 times as much at rank 8."""
    import json

    for rank, low, high in ((4, 1.05, 1.12), (8, 2.7, 2.9)):
        model = ["--model", "examples/models/qwen2-7b", "-D", f"rank={rank}", "--format", "json"]
        assert main(["report", "examples/qtha.qa", *model]) == 0
        report = json.loads(capsys.readouterr().out)
        ratio = report["forward_flops_per_token"] / report["lora"]["forward_flops_per_token"]
        assert low < ratio < high
