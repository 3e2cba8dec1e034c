"""Where results go: never over an input, through links, pipes and devices, whole or not at all."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.cli.conftest import SHAPED, Run

TINY_LLAMA = {
    "model_type": "llama",
    "architectures": ["LlamaForCausalLM"],
    "vocab_size": 16,
    "hidden_size": 8,
    "intermediate_size": 8,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
}
ON_MODEL = SHAPED.replace("shape 6 -> 4", 'attach "*.q_proj"').replace(
    "qa 1\n", 'qa 1\n\nimport "lib/one.qa"\nmodel "m/tiny.json"\n'
)


@pytest.fixture
def project(folder: Path) -> Path:
    """A source with an import of an import and a model's configuration."""
    (folder / "a.qa").write_text(ON_MODEL)
    (folder / "lib").mkdir()
    (folder / "lib" / "one.qa").write_text('qa 1\nimport "two.json"\nlet one = 1\n')
    (folder / "lib" / "two.json").write_text("qa 1\nlet two = 2\n")
    (folder / "m").mkdir()
    (folder / "m" / "tiny.json").write_text(json.dumps(TINY_LLAMA))
    (folder / "m" / "config.json").write_text(json.dumps(TINY_LLAMA))
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


INPUTS = {
    "source": "a.qa",
    "import": "lib/one.qa",
    "import of an import": "lib/two.json",
    "model": "m/tiny.json",
    "another way to write it": "lib/../m/tiny.json",
}


@pytest.mark.parametrize("what", ["plan", "spec", "ast"])
@pytest.mark.parametrize("name", INPUTS)
def test_no_input_is_overwritten(project: Path, run: Run, name: str, what: str) -> None:
    before = contents(project)
    outcome = run("a.qa", "--emit", what, "-o", INPUTS[name])
    assert outcome.code == 2 and "QA0015" in outcome.err
    assert contents(project) == before


@pytest.mark.parametrize("link", ["symlink_to", "hardlink_to"])
def test_links_to_inputs_are_inputs(project: Path, run: Run, link: str) -> None:
    getattr(project / "linked.json", link)(project / "m" / "tiny.json")
    outcome = run("a.qa", "--emit", "plan", "-o", "linked.json")
    assert outcome.code == 2 and "QA0015" in outcome.err


@pytest.mark.parametrize("model", ["m", "m/config.json"])
def test_the_model_of_the_command_line_is_an_input(project: Path, run: Run, model: str) -> None:
    for output in ("m/config.json", "m/tiny.json"):
        outcome = run("a.qa", "--model", model, "--emit", "plan", "-o", output)
        assert outcome.code == 2 and "QA0015" in outcome.err


def test_numbered_circuits_do_not_overwrite_inputs(project: Path, run: Run) -> None:
    text = (project / "wave.qa").read_text()
    second = text.removeprefix("qa 1\n").replace("wave", "tide").replace("crz ring", "crx ring")
    (project / "two.qa").write_text(text.replace("qa 1\n", 'qa 1\nimport "c-2.json"\n') + second)
    (project / "c-2.json").write_text("qa 1\n")
    before = contents(project)
    outcome = run("two.qa", "-o", "c.json")
    assert outcome.code == 2 and "QA0015" in outcome.err
    assert contents(project) == before


def test_calibrations_are_inputs(project: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    place = project / "backends" / "lab"
    place.mkdir(parents=True)
    (place / "conf_lab.json").write_text("{}")
    monkeypatch.setattr(
        "qcompile.backends.devices.calibration._folder", lambda: project / "backends"
    )
    outcome = run("low.qa", "--emit", "plan", "-o", "backends/lab/conf_lab.json")
    assert outcome.code == 2 and "QA0015" in outcome.err


def test_an_adapter_is_not_converted_over_itself(folder: Path, run: Run) -> None:
    assert run("low.qa", "-o", "adapter/").code == 0
    before = contents(folder)
    (folder / "same").symlink_to("adapter")
    for output in ("adapter/", "./adapter/", "same/", "adapter/adapter_model.safetensors"):
        outcome = run("convert", "adapter/", output)
        assert outcome.code == 2 and "QA0015" in outcome.err, output
    outcome = run("convert", "adapter/adapter_model.safetensors", "adapter/")
    assert outcome.code == 2 and "QA0015" in outcome.err
    assert contents(folder) == before


def test_other_files_are_overwritten_as_ever(project: Path, run: Run) -> None:
    (project / "plan.txt").write_text("old")
    assert run("a.qa", "--emit", "plan", "-o", "plan.txt").code == 0
    assert "q_proj" in (project / "plan.txt").read_text()
    assert run("a.qa", "--emit", "plan", "-o", "/dev/null").code == 0


@pytest.mark.parametrize("text", ["qa 1", "qa 1\n# nothing\n", "qa 1\nlet rank = 2\n"])
@pytest.mark.parametrize("verb", [(), ("report",)])
def test_a_file_without_adapters_is_not_compiled(
    folder: Path, run: Run, text: str, verb: tuple[str, ...]
) -> None:
    (folder / "lib.qa").write_text(text)
    outcome = run(*verb, "lib.qa")
    assert outcome.code == 1 and "QA0023" in outcome.err
    assert not (folder / "lib.pt").exists()
    assert run("check", "lib.qa").code == 0
    assert run("lib.qa", "--emit", "spec").code == 0


def test_links_that_lead_nowhere(folder: Path, run: Run) -> None:
    (folder / "loop.pt").symlink_to("pool.pt")
    (folder / "pool.pt").symlink_to("loop.pt")
    outcome = run("low.qa", "-o", "loop.pt")
    assert outcome.code == 2 and "QA0014" in outcome.err and "symbolic links" in outcome.err
    assert (folder / "loop.pt").is_symlink() and (folder / "pool.pt").is_symlink()
    (folder / "far.pt").symlink_to("there/far.pt")
    outcome = run("low.qa", "-o", "far.pt")
    assert outcome.code == 2 and "QA0013" in outcome.err
    assert f"folder `{folder}/there`" in outcome.err
    (folder / "there").mkdir()
    assert run("low.qa", "-o", "far.pt").code == 0
    assert (folder / "there" / "far.pt").is_file() and (folder / "far.pt").is_symlink()


@pytest.mark.parametrize("output", ["/dev/stdout", "/proc/self/fd/1", "/dev/fd/1", "-"])
@pytest.mark.parametrize("sink", ["pipe", "file"])
def test_the_standard_output_by_its_names(folder: Path, output: str, sink: str) -> None:
    root = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-m", "qcompile", "low.qa", "--emit", "spec", "-o", output]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    if sink == "pipe":
        done = subprocess.run(command, env=environment, capture_output=True, check=True)
        found = done.stdout
    else:
        path = folder / "log.txt"
        path.write_text("before\n")
        with path.open("ab") as log:
            done = subprocess.run(
                command, env=environment, stdout=log, stderr=subprocess.PIPE, check=True
            )
        found = path.read_bytes()
        assert found.startswith(b"before\n")
    assert b"adapter low" in found and done.stderr == b""


def test_a_named_pipe_is_written_to(folder: Path, run: Run) -> None:
    os.mkfifo(folder / "pipe.safetensors")
    found = []
    reader = threading.Thread(
        target=lambda: found.append((folder / "pipe.safetensors").read_bytes())
    )
    reader.start()
    assert run("low.qa", "-o", "pipe.safetensors").code == 0
    reader.join()
    assert run("low.qa", "-o", "plain.safetensors").code == 0
    assert found == [(folder / "plain.safetensors").read_bytes()]


@pytest.mark.parametrize(
    ("suffix", "limit"), [(".pt", 1), (".safetensors", 1), (".pt2", 1), (".dot", 0), ("/", 1)]
)
def test_a_small_limit_on_files_leaves_nothing(folder: Path, suffix: str, limit: int) -> None:
    root = Path(__file__).resolve().parents[2]
    line = f"ulimit -f {limit}; {sys.executable} -m qcompile low.qa -o out{suffix}"
    done = subprocess.run(
        ["bash", "-c", line],
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2 and "QA0014" in done.stderr and "File too large" in done.stderr
    left = [path.name for path in folder.iterdir() if path.suffix != ".qa"]
    assert left == []
