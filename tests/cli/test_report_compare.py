"""`qcompile report` of several files: one line each, controls beside, errors of all files."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any

from qcompile.report.comparison import ComparedFigures
from tests.cli.conftest import Run

KEYS = {item.name for item in fields(ComparedFigures)}


def specs(run: Run, *argv: str) -> list[dict[str, Any]]:
    found = run("report", *argv, "--format", "json")
    assert found.code == 0, found.err
    record = json.loads(found.out)
    assert record["schema_version"] == 1
    assert all(set(spec) == KEYS for spec in record["specs"])
    rows: list[dict[str, Any]] = record["specs"]
    return rows


def test_totals_are_those_of_single_reports(run: Run) -> None:
    rows = specs(run, "wave.qa", "low.qa")
    assert [row["file"] for row in rows] == ["wave.qa", "low.qa"]
    for row in rows:
        single = json.loads(run("report", row["file"], "--format", "json").out)
        same = KEYS & set(single) - {"modules"}
        assert {"parameters", "flops_per_step", "activation_bytes_per_token"} <= same
        assert {key: row[key] for key in same} == {key: single[key] for key in same}
        assert row["lora_parameters"] == single["lora"]["parameters"]
        circuits = [c for module in single["modules"] for c in module["circuits"]]
        assert row["gates"] == max((c["gates"] for c in circuits), default=0)
        assert row["evaluators"] == sorted({c["evaluator"] for c in circuits})
    wave, low = rows
    assert (wave["quantum_parameters"], low["quantum_parameters"]) == (4, 0)
    assert (wave["qubits"], low["qubits"]) == (2, 0)


def test_angles_of_orthogonal_matrices_count(run: Run, folder: Any) -> None:
    text = (folder / "low.qa").read_text().replace("linear(a, to: out", "linear(u, to: out")
    text = text.replace("    update", "    u = unitary(a, to: 4) { ry; cz line; ry }\n    update")
    (folder / "turned.qa").write_text(text)
    (row,) = specs(run, "turned.qa", "low.qa")[:1]
    single = json.loads(run("report", "turned.qa", "--format", "json").out)
    (matrix,) = single["modules"][0]["unitaries"]
    assert row["quantum_parameters"] == matrix["parameters"] == 4
    assert (row["qubits"], row["gates"]) == (2, matrix["gates"]) and row["evaluators"] == []


def test_controls_stand_below_their_adapters(run: Run) -> None:
    rows = specs(run, "wave.qa", "low.qa", "--control", "-D", "n=3")
    assert [(row["file"], row["control"]) for row in rows] == [
        ("wave.qa", False),
        ("wave.qa", True),
        ("low.qa", False),
    ]
    adapter, control, _ = rows
    assert adapter["parameters"] == control["parameters"]
    assert (adapter["quantum_parameters"], control["quantum_parameters"]) == (6, 0)
    assert adapter["lora_parameters"] == control["lora_parameters"]
    assert control["evaluators"] == [] and control["depth"] == 0


def test_text_has_a_line_for_each(run: Run) -> None:
    found = run("report", "wave.qa", "--control")
    assert found.code == 0 and found.err == ""
    head, _, adapter, control, *notes = found.out.splitlines()
    assert head.split()[:2] == ["spec", "parameters"] and head.split()[-1] == "evaluator"
    assert adapter.startswith("wave.qa  ") and adapter.split()[-1] == "fused"
    assert control.startswith("wave.qa (control)")
    assert adapter.split()[1] == control.split()[2]
    assert notes[0] == "LoRA of rank 8 on the same modules"


def test_the_report_of_a_written_control_is_marked(run: Run, folder: Any) -> None:
    text = (folder / "wave.qa").read_text().replace("    h = linear", "    control\n    h = linear")
    (folder / "written.qa").write_text(text)
    flag, written = specs(run, "wave.qa", "written.qa", "--control")[1:3]
    assert written["control"] and {**written, "file": "wave.qa"} == flag


def test_definitions_are_for_the_files_that_have_them(run: Run) -> None:
    wave, low = specs(run, "wave.qa", "low.qa", "-D", "n=3", "-D", "low.rank=1")
    assert (wave["qubits"], low["parameters"], low["lora_rank"]) == (3, 10, 1)
    unknown = run("report", "wave.qa", "low.qa", "-D", "depth=3")
    assert unknown.code == 1 and unknown.err.count("depth") >= 2
    assert run("report", "wave.qa", "low.qa", "-D", "depth").code == 2


def test_errors_of_all_files_are_shown(run: Run) -> None:
    found = run("report", "broken.qa", "wave.qa", "untidy.qa", "broken.qa", "-D", "rank=0")
    assert found.code == 1 and found.out == ""
    assert found.err.count("lienar") == 4, found.err
    missing = run("report", "wave.qa", "nowhere.qa", "broken.qa")
    assert missing.code == 2 and missing.out == ""
    assert "QA0001" in missing.err and "lienar" in missing.err


def test_warnings_are_shown_once(run: Run, folder: Any) -> None:
    text = (folder / "wave.qa").read_text().replace(", init: zero", "")
    (folder / "warm.qa").write_text(text)
    alone = run("report", "warm.qa").err
    assert "warning[" in alone
    assert run("report", "warm.qa", "--control").err == alone


def test_nothing_to_replace(run: Run) -> None:
    found = run("report", "low.qa", "untidy.qa", "--control")
    assert found.code == 2 and found.out == "" and "QA0041" in found.err


def test_control_of_the_other_commands(run: Run) -> None:
    assert run("wave.qa", "--control", "--emit", "spec").out.count("control if true") == 1
    program = run("wave.qa", "--control", "--emit", "program")
    assert "program wave 6 -> 4, add, control" in program.out and program.code == 0
    assert run("low.qa", "--control", "--emit", "spec").code == 2
    assert run("check", "wave.qa", "--control").code == 2
    assert run("wave.qa", "--control", "-o", "c.pt").code == 0
