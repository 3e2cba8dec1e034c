"""Compiling: what is written, what is printed where, and with which exit code."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import pytest
import torch

import qcompile
from qcompile.diagnostics.errors import QCompileError
from tests.cli.conftest import CIRCUIT, SHAPED, Run

TINY = str(Path(__file__).resolve().parents[2] / "examples" / "models" / "tiny-llama")


def test_default_output_is_the_stem_in_the_current_folder(run: Run, folder: Path) -> None:
    (folder / "deep").mkdir()
    (folder / "deep" / "other.qa").write_text(SHAPED)
    found = run("deep/other.qa")
    assert (found.code, found.out) == (0, "")
    assert found.err == "qcompile: wrote other.pt: 20 trainable parameters\n"
    assert qcompile.load("other.pt")(torch.zeros(3, 6)).shape == (3, 4)


def test_standard_input_is_named_and_written(run: Run, folder: Path) -> None:
    assert run("-", stdin=SHAPED).code == 0
    assert (folder / "stdin.pt").exists()
    found = run("-", "-o", "x.pt", stdin=SHAPED.replace("rank)", "rnak)"))
    assert found.code == 1 and "<stdin>:5:" in found.err and not (folder / "x.pt").exists()


def test_definitions_change_parameters(run: Run) -> None:
    assert run("low.qa", "-D", "rank=3", "-D", "low.alpha=0.5", "-o", "a.pt", "-q").err == ""
    adapter = qcompile.load("a.pt")
    assert dict(adapter.manifest.planned.plans[0].parameters)["rank"] == 3
    assert adapter.manifest.definitions == ("rank=3", "low.alpha=0.5")


@pytest.mark.parametrize(
    ("definition", "code", "exit_code"),
    [
        ("rank", "QA0018", 2),
        ("=3", "QA0018", 2),
        ("a b=3", "QA0018", 2),
        ("rnak=4", "QA2", 1),
        ("lwo.rank=4", "QA2", 1),
        ("rank=four", "QA2", 1),
        ("rank=1.5", "QA2", 1),
        ("rank=99999999999999999999999999", "QA2", 1),
        ("rank=", "QA2", 1),
        ("rank=0", "QA", 1),
        ("rank=1000000000", "QA", 1),
    ],
)
def test_bad_definitions_are_located(
    run: Run, folder: Path, definition: str, code: str, exit_code: int
) -> None:
    found = run("low.qa", "-D", definition)
    assert found.code == exit_code and f"error[{code}" in found.err and found.out == ""
    assert not (folder / "low.pt").exists()


def test_definition_given_twice(run: Run) -> None:
    found = run("low.qa", "-D", "rank=2", "-D", "rank=3")
    assert found.code == 2 and "QA0019" in found.err


EMITTED = {
    "ast": "AdapterItem",
    "spec": "adapter wave",
    "program": "program wave 6 -> 4",
    "plan": "plan wave 6 -> 4",
    "circuit": "circuit 2 qubits",
    "qasm": "OPENQASM 3.0;",
    "qasm2": "OPENQASM 2.0;",
    "tket": '"commands"',
    "dot": "digraph",
}


@pytest.mark.parametrize("name", EMITTED)
def test_every_level_is_printed(run: Run, folder: Path, name: str) -> None:
    found = run("wave.qa", "--emit", name)
    assert found.code == 0 and found.err == "" and EMITTED[name] in found.out
    assert found.out.endswith("\n") and not (folder / "wave.pt").exists()
    assert run("wave.qa", "--emit", name, "-o", "-").out == found.out
    written = run("wave.qa", "--emit", name, "-o", "there.txt")
    assert written.out == "" and (folder / "there.txt").read_text() == found.out


def test_several_levels_in_the_order_asked_for(run: Run) -> None:
    found = run("wave.qa", "--emit=plan,ast", "--emit", "spec")
    places = [found.out.index(EMITTED[name]) for name in ("plan", "ast", "spec")]
    assert places == sorted(places)


def test_levels_can_be_printed_beside_the_adapter(run: Run, folder: Path) -> None:
    found = run("wave.qa", "--emit", "plan", "-o", "w.pt")
    assert "plan wave" in found.out and (folder / "w.pt").exists()


@pytest.mark.parametrize(
    ("suffix", "start"),
    [(".qasm", "OPENQASM 3.0;"), (".json", "{"), (".dot", "digraph"), (".txt", "seed 0")],
)
def test_suffix_decides_what_is_written(run: Run, folder: Path, suffix: str, start: str) -> None:
    found = run("wave.qa", "-o", f"out{suffix}")
    assert (found.code, found.out) == (0, "")
    assert (folder / f"out{suffix}").read_text().startswith(start)


def test_several_circuits_go_to_a_file_each(run: Run, folder: Path) -> None:
    circuit = "circuit(2 qubits) {{ encode angle(h); {gate}; measure z }}"
    (folder / "two.qa").write_text(
        "qa 1\nadapter two() {\nshape 6 -> 4\nh = linear(x, to: 2)\n"
        f"a = {circuit.format(gate='ry')}\nb = {circuit.format(gate='rx')}\n"
        "update linear(a + b, to: out_features, init: zero)\n}\n"
    )
    assert run("two.qa", "-o", "out.qasm").code == 0
    assert not (folder / "out.qasm").exists()
    texts = [(folder / f"out-{number}.qasm").read_text() for number in (1, 2)]
    assert all(text.count("OPENQASM 3.0;") == 1 for text in texts) and texts[0] != texts[1]


def test_no_circuit_is_no_file(run: Run, folder: Path) -> None:
    found = run("low.qa", "-o", "out.qasm")
    assert found.code == 2 and "QA0022" in found.err and not (folder / "out.qasm").exists()


@pytest.mark.parametrize(
    ("output", "code"),
    [
        ("a.bin", "QA0012"),
        ("a", "QA0012"),
        ("", "QA0012"),
        ("no/a.pt", "QA0013"),
        ("folder.pt", "QA0014"),
        ("low.qa", "QA0012"),
        ("linked.pt", "QA0015"),
        ("-", "QA0016"),
        ("a\0b.pt", "QA0014"),
    ],
)
def test_impossible_outputs(run: Run, folder: Path, output: str, code: str) -> None:
    (folder / "folder.pt").mkdir()
    (folder / "linked.pt").symlink_to("low.qa")
    found = run("low.qa", "-o", output)
    assert found.code == 2 and f"error[{code}]" in found.err and found.out == ""
    assert (folder / "low.qa").read_text() == SHAPED


@pytest.mark.parametrize("path", ["none.qa", ".", "a\0b", "\udcff.qa", "/dev/full/x", ""])
def test_unreadable_sources(run: Run, path: str) -> None:
    found = run(path)
    assert found.code == 2 and "error[QA000" in found.err


def test_nearest_file_is_offered(run: Run) -> None:
    assert "did you mean `low.qa`" in run("lwo.qa").err


def test_broken_source_writes_nothing(run: Run, folder: Path) -> None:
    (folder / "broken.pt").write_bytes(b"old")
    found = run("broken.qa")
    assert (found.code, found.out) == (1, "")
    assert found.err.count("error[") == 2 and "did you mean `linear`" in found.err
    assert (folder / "broken.pt").read_bytes() == b"old"


def test_full_disk_leaves_the_old_file(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "low.pt").write_bytes(b"old")

    def full(_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    found = run("low.qa")
    assert found.code == 2 and "No space left" in found.err
    assert (folder / "low.pt").read_bytes() == b"old"
    assert not [entry for entry in folder.iterdir() if entry.name.startswith(".")]


def test_warnings_do_not_stop_unless_asked(run: Run, folder: Path) -> None:
    model = ("--model", TINY)
    (folder / "wide.qa").write_text(
        'qa 1\nadapter wide(rank: int = 1) {\n    attach "*.layers.0.self_attn.q_proj"\n'
        "    update mpo(x, to: out_features, sites: 2, bond: 20, init: zero)\n}\n"
    )
    found = run("wide.qa", *model)
    assert found.code == 0 and "warning[QA3116]" in found.err and (folder / "wide.pt").exists()
    (folder / "wide.pt").unlink()
    strict = run("wide.qa", *model, "-W", "error")
    assert strict.code == 1 and not (folder / "wide.pt").exists()


def test_passes_are_traced_on_the_standard_error(run: Run) -> None:
    found = run("wave.qa", "--print-after", "all", "--time-passes", "--verify", "-o", "w.pt")
    assert found.code == 0 and found.out == ""
    assert "# after fold-constants" in found.err and "# after find-paths" in found.err
    assert "ms  lower" in found.err and "ms    cancel" in found.err
    one = run("wave.qa", "--print-after", "cancel", "-o", "w.pt").err
    assert one.count("# after") == 1
    unknown = run("wave.qa", "--print-after", "cancle", "-o", "w.pt")
    assert unknown.code == 2 and "did you mean `cancel`" in unknown.err


@pytest.mark.parametrize("level", ["-O0", "-O1", "-O2", "-O3"])
def test_every_level_means_the_same(run: Run, level: str) -> None:
    assert run("wave.qa", level, "--verify", "-o", "w.pt").code == 0
    adapter, reference = qcompile.load("w.pt"), qcompile.compile("wave.qa", optimisation=0)
    with torch.no_grad():
        for own, other in zip(adapter.parameters(), reference.parameters(), strict=True):
            own.copy_(torch.linspace(-1, 1, own.numel()).reshape(own.shape))
            other.copy_(own)
    x = torch.linspace(-2, 2, 30).reshape(5, 6)
    assert torch.allclose(adapter(x), reference(x), atol=1e-5)


def test_pipeline_is_recorded_and_read_back(run: Run) -> None:
    assert run("wave.qa", "--passes", "cancel,find-paths{repeats=0}", "-o", "w.pt").code == 0
    recorded = qcompile.load("w.pt").manifest.pipeline
    assert recorded == "cancel,find-paths{repeats=0}"
    assert run("wave.qa", "--passes", "", "-o", "w.pt").code == 0
    for wrong in ("cancle", "cancel{", "find-paths{repeats=x}", "find-paths,cancel", "{", "a=b"):
        found = run("wave.qa", "--passes", wrong)
        assert found.code in {1, 2} and "error[QA400" in found.err, wrong


def test_memory_limit_refuses_and_warns(run: Run) -> None:
    refused = run("wave.qa", "--memory-limit", "1B")
    assert refused.code == 1 and "QA4008" in refused.err


def test_targets(run: Run) -> None:
    unknown = run("wave.qa", "--target", "fake_torono")
    assert unknown.code == 2 and "did you mean `fake_torino`" in unknown.err
    routed = run("wave.qa", "--target", "fake_torino", "--emit", "qasm")
    assert routed.code == 0 and "$" in routed.out


def test_target_of_the_command_line_gives_its_couplings(run: Run, folder: Path) -> None:
    text = CIRCUIT.replace("crz ring", "cz native")
    (folder / "native.qa").write_text(text)
    assert "QA3210" in run("native.qa").err
    assert run("native.qa", "--target", "fake_torino", "--emit", "circuit").code == 0
    (folder / "named.qa").write_text(text + "target mine { device: line(2) }\n")
    assert run("named.qa", "--target", "mine", "--emit", "circuit").code == 0


def test_model_is_overridden_and_refused(run: Run, folder: Path) -> None:
    text = SHAPED.replace("shape 6 -> 4", 'attach "*.self_attn.q_proj"')
    (folder / "m.qa").write_text(text)
    assert run("m.qa").code == 1
    found = run("m.qa", "--model", TINY)
    assert found.code == 0 and "modules" in found.err
    assert "QA7001" in run("m.qa", "--model", "nowhere").err
    (folder / "config.json").write_text('{"model_type": "llama", "num_hidden_layers": 1000000000}')
    assert "QA7004" in run("m.qa", "--model", ".").err


def test_message_formats(run: Run) -> None:
    short = run("broken.qa", "--message-format", "short").err.splitlines()
    assert all(line.startswith("broken.qa:") for line in short)
    lines = run("broken.qa", "--message-format=json").err.splitlines()
    records = [json.loads(line) for line in lines]
    assert len(records) == 2 and all(record["code"]["code"][:3] == "QA2" for record in records)
    usage = run("--bogus", "--message-format", "json").err
    assert all(isinstance(json.loads(line), dict) for line in usage.splitlines())


def test_colour_follows_options_then_the_environment(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def coloured(*options: str) -> bool:
        return "\x1b[" in run("broken.qa", *options).err

    assert not coloured()
    assert coloured("--color", "always")
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert coloured() and not coloured("--color", "never")
    monkeypatch.setenv("NO_COLOR", "1")
    assert not coloured() and coloured("--color=always")
    monkeypatch.setenv("NO_COLOR", "")
    assert coloured()
    monkeypatch.delenv("FORCE_COLOR")
    assert not coloured()
    monkeypatch.setenv("CLICOLOR_FORCE", "1")
    assert coloured()
    monkeypatch.setenv("TERM", "dumb")
    assert coloured()


def test_fault_of_the_compiler_is_reported_as_such(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("impossible state")

    monkeypatch.setattr("qcompile.cli.options.compile_source", fail)
    found = run("low.qa")
    assert found.code == 70 and "QA9001" in found.err and "impossible state" in found.err
    assert "Traceback" not in found.err
    monkeypatch.setenv("QCOMPILE_TRACEBACK", "1")
    assert "Traceback" in run("low.qa").err
    monkeypatch.setattr("qcompile.cli.options.compile_source", lambda *_, **__: 1 / 0)
    assert run("low.qa").code == 70

    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("qcompile.cli.options.compile_source", interrupt)
    assert run("low.qa").code == 130
    assert not (folder / "low.pt").exists()


def test_diagnostics_reach_the_caller_of_the_library() -> None:
    with pytest.raises(QCompileError, match="lienar") as caught:
        qcompile.compile("qa 1\nadapter a() {\n shape 2 -> 2\n update lienar(x, to: 2)\n}\n")
    assert caught.value.diagnostics[0].primary is not None


def test_warnings_as_errors_are_shown_as_errors(run: Run, folder: Path) -> None:
    (folder / "warns.qa").write_text(
        "qa 1\nadapter warns() {\nshape 6 -> 4\nunused = linear(x, to: 2)\n"
        "update linear(x, to: out_features, init: zero)\n}\n"
    )
    assert run("warns.qa", "-o", "w.pt").code == 0
    found = run("warns.qa", "-o", "v.pt", "-W", "error")
    assert found.code == 1 and "error[" in found.err and "warning[" not in found.err
    assert not (folder / "v.pt").exists()
