"""check, fmt, report, explain, version, help: outcome and streams."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import qcompile
from qcompile.cli.option_table import VERBS
from qcompile.diagnostics.catalog import all_messages
from tests.cli.conftest import BROKEN, CIRCUIT, SHAPED, UNTIDY, Run


def test_check_says_what_is_fine_and_what_is_not(run: Run) -> None:
    found = run("check", "low.qa", "broken.qa", "none.qa", "wave.qa")
    assert found.code == 2 and found.out == ""
    assert "low.qa: no errors" in found.err and "wave.qa: no errors" in found.err
    assert found.err.count("broken.qa:") == 2 and "QA0001" in found.err
    assert run("check", "low.qa", "broken.qa").code == 1
    assert run("check", "low.qa", "-q").err == ""


def test_check_as_json(run: Run) -> None:
    found = run("check", "--format", "json", "low.qa", "broken.qa")
    record = json.loads(found.out)
    assert found.code == 1 and record["schema_version"] == 1
    assert record["files"] == [
        {"file": "low.qa", "errors": 0, "warnings": 0},
        {"file": "broken.qa", "errors": 2, "warnings": 0},
    ]


def test_check_lowers_what_needs_no_model(run: Run, folder: Path) -> None:
    text = CIRCUIT.replace("circuit(n qubits)", "circuit(in_features - 4 qubits)")
    text = text.replace("angle(h, gate: ry)", "amplitude(x)")
    (folder / "none.qa").write_text(text)
    found = run("check", "none.qa")
    assert found.code == 1 and "error[QA3" in found.err


def test_check_takes_definitions_and_the_standard_input(run: Run) -> None:
    assert run("check", "-", stdin=SHAPED).code == 0
    assert run("check", "low.qa", "-D", "rank=3").code == 0
    assert run("check", "low.qa", "-D", "rnak=3").code == 1
    assert run("check", "low.qa", "-D", "rank").code == 2
    assert "<stdin>:5" in run("check", "-", stdin=BROKEN).err


def test_check_takes_warnings_for_errors_where_asked(run: Run, folder: Path) -> None:
    (folder / "warns.qa").write_text(
        SHAPED.replace("    a = ", "    b = linear(x, to: 2)\n    a = ")
    )
    found = run("check", "warns.qa")
    assert found.code == 0 and "warning[QA2011]" in found.err
    strict = run("check", "warns.qa", "-W", "error", "--format", "json")
    assert strict.code == 1 and "error[QA2011]" in strict.err and "warning[" not in strict.err
    assert json.loads(strict.out)["files"] == [{"file": "warns.qa", "errors": 1, "warnings": 0}]


def test_fmt_rewrites_in_place_and_once(run: Run, folder: Path) -> None:
    assert (run("fmt", "--check", "untidy.qa").code, (folder / "untidy.qa").read_text()) == (
        1,
        UNTIDY,
    )
    found = run("fmt", "untidy.qa", "low.qa")
    assert (found.code, found.out) == (0, "")
    tidy = (folder / "untidy.qa").read_text()
    assert tidy != UNTIDY and "adapter low(rank: int = 2) {" in tidy
    assert (folder / "low.qa").read_text() == SHAPED
    assert run("fmt", "--check", "untidy.qa", "low.qa").code == 0


def test_fmt_prints_what_comes_from_the_standard_input(run: Run) -> None:
    found = run("fmt", "-", stdin=UNTIDY)
    assert found.code == 0 and found.err == "" and found.out.startswith("qa 1\n")
    assert run("fmt", "-", stdin=found.out).out == found.out
    assert run("fmt", "--check", "-", stdin=UNTIDY).code == 1
    assert run("fmt", "--check", "-", stdin=UNTIDY).out == ""


def test_fmt_leaves_broken_files_alone_and_does_the_others(run: Run, folder: Path) -> None:
    (folder / "bad.qa").write_text("qa 1\nadapter (\n")
    found = run("fmt", "bad.qa", "untidy.qa")
    assert found.code == 1 and "error[QA1" in found.err
    assert (folder / "bad.qa").read_text() == "qa 1\nadapter (\n"
    assert (folder / "untidy.qa").read_text() != UNTIDY
    assert run("fmt", "none.qa").code == 2
    assert run("fmt", "-", stdin=b"\xff").code == 2


def test_report_is_text_or_json(run: Run, folder: Path) -> None:
    text = run("report", "wave.qa")
    assert text.code == 0 and text.err == "" and not (folder / "wave.pt").exists()
    assert "24 trainable parameters" in text.out and "2 qubits" in text.out
    record = json.loads(run("report", "wave.qa", "--format", "json").out)
    (module,) = record["modules"]
    (circuit,) = module["circuits"]
    # 6·2 + 2·4 for the matrices, 2 · 2 for the crz ring and its ry layer.
    assert record["schema_version"] == 1 and record["parameters"] == module["parameters"] == 24
    assert circuit["qubits"] == 2 and circuit["parameters"] == 4 and circuit["outputs"] == 2
    assert circuit["evaluator"] == "fused" and circuit["depth"] >= 3
    assert module["lora"]["parameters"] == 8 * (6 + 4)
    assert module["forward_flops_per_token"] > 0 and module["activation_bytes_per_token"] > 0
    assert run("report", "broken.qa").code == 1


def test_report_compares_at_the_rank_of_the_adapter(run: Run) -> None:
    record = json.loads(run("report", "low.qa", "-D", "rank=3", "--format", "json").out)
    assert record["lora"] == {
        "rank": 3,
        "parameters": 30,
        "forward_flops_per_token": 60.0,
        "backward_flops_per_token": 120.0,
        "activation_bytes_per_token": 4 * (6 + 3),
    }
    # So small a matrix is multiplied out once a step: 2·6·3·4, then 2·6·4 for a token.
    assert record["parameters"] == 30
    assert (record["flops_per_step"], record["forward_flops_per_token"]) == (144.0, 48.0)
    assert record["backward_flops_per_token"] == 96.0


def test_explain_prints_pages(run: Run) -> None:
    found = run("explain", "QA0001", "qa0002")
    assert found.code == 0 and "QA0001" in found.out and "QA0002" in found.out
    listing = run("explain").out.splitlines()
    assert len(listing) == len(all_messages()) and listing[0].startswith("QA0001")
    unknown = run("explain", "QA0001", "QA0099", "what")
    assert unknown.code == 2 and unknown.out == "" and unknown.err.count("QA0020") >= 2


def test_version(run: Run) -> None:
    assert run("--version").out == f"qcompile {qcompile.__version__}\n"
    lines = run("-v", "--version").out.splitlines()
    assert lines[1] == "adapter.pt format 1" and any(line.startswith("torch ") for line in lines)
    assert lines[2].startswith(("fused kernel built for ", "fused kernel not built, "))


@pytest.mark.parametrize("verb", VERBS)
def test_help_goes_to_the_standard_output(run: Run, verb: str) -> None:
    found = run(verb, "--help")
    assert found.code == 0 and found.err == "" and found.out.startswith("usage: qcompile ")


def test_listings(run: Run) -> None:
    assert "fold-constants" in run("--list-passes").out
    assert "fake_torino\n" in run("--list-targets").out


def test_nothing_given_is_an_error_with_help(run: Run) -> None:
    found = run()
    assert found.code == 2 and "QA0005" in found.err


def test_file_named_like_a_command(run: Run, folder: Path) -> None:
    (folder / "check").write_text(CIRCUIT)
    assert run("./check", "-o", "c.pt").code == 0
