"""`qcompile targets`: devices listed, shown, and written as files that compile again."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from qcompile.backends.devices import load_device
from qcompile.ir.target import NamedDevice
from tests.cli.conftest import Run


def test_the_list_says_which_devices_can_be_used(run: Run) -> None:
    lines = run("targets").out.splitlines()
    assert run("targets", "list").out.splitlines() == lines
    assert " ".join(lines[0].split()) == (
        "device qubits couplings 2q error read-out calibrated gates"
    )
    about = {line.split()[0].rstrip(":"): line for line in lines if line.startswith("fake_")}
    torino = ["133", "139", "0.0041", "0.022", "2025-02-26", "rz", "sx", "x", "cz"]
    assert about["fake_torino"].split()[1:] == torino
    # Columns begin and end at the same place in every line.
    assert len({line.index("rz sx x") for line in lines if "rz sx x" in line}) == 1
    assert lines[-2:] == ["unusable:", about["fake_kyoto"]]
    assert "none of its couplings works" in about["fake_kyoto"]
    records = json.loads(run("targets", "--format", "json").out)
    assert {record["name"] for record in records} == set(about)
    assert [record["name"] for record in records if "unusable" in record] == ["fake_kyoto"]
    (found,) = (record for record in records if record["name"] == "fake_torino")
    assert found["coupling_error"] == pytest.approx(0.0041, rel=0.02)


def test_a_device_in_figures(run: Run) -> None:
    record = json.loads(run("targets", "show", "fake_sherbrooke", "--format", "json").out)
    ecr = next(gate for gate in record["gates"] if gate["name"] == "ecr")
    assert (record["qubits"], record["couplings"], ecr["places"]) == (127, 135, 135)
    assert 0 < ecr["error"]["least"] < ecr["error"]["median"] < ecr["error"]["greatest"] < 1
    shown = run("targets", "show", "fake_sherbrooke").out
    assert shown.startswith("fake_sherbrooke: 127 qubits, 135 couplings, calibrated 20")
    assert f"{ecr['error']['median']:.3g}" in shown


def test_an_exported_device_is_the_same_device(run: Run, folder: Path) -> None:
    found = run("targets", "export", "fake_torino", "-o", "torino.json")
    assert (found.code, found.out) == (0, "") and "wrote torino.json" in found.err
    assert run("targets", "export", "fake_torino").out == (folder / "torino.json").read_text()
    path = str(folder / "torino.json")
    torino = load_device(NamedDevice(name="fake_torino"))
    assert load_device(NamedDevice.called(path)) == torino
    show = ("targets", "show")
    assert run(*show, "torino.json").out == run(*show, "fake_torino").out
    written = [
        run("wave.qa", "--target", name, "--emit", "qasm")
        for name in ("torino.json", "fake_torino")
    ]
    assert [done.code for done in written] == [0, 0]
    assert "// device fake_torino" in written[0].out and written[0].out == written[1].out


def test_a_coupling_map_is_a_device(run: Run) -> None:
    assert run("targets", "show", "grid(2, 3)").out.startswith("grid(2, 3): 6 qubits, 7 couplings")
    assert json.loads(run("targets", "export", "ring(3)").out)["qubits"] == 3
    found = run("wave.qa", "--target", "ring(6)", "--emit", "qasm")
    assert found.code == 0 and "// device ring(6)" in found.out


def test_a_picture_of_a_device(run: Run, folder: Path) -> None:
    found = run("targets", "show", "fake_manila", "-o", "map.svg")
    assert found.out == run("targets", "show", "fake_manila").out
    assert found.code == 0 and "wrote map.svg" in found.err
    assert ET.parse(folder / "map.svg").getroot().tag.endswith("svg")


def test_an_output_is_not_the_device_that_is_read(run: Run, folder: Path) -> None:
    run("targets", "export", "fake_manila", "-o", "manila.json")
    before = (folder / "manila.json").read_bytes()
    found = run("targets", "export", "manila.json", "-o", "manila.json")
    assert found.code == 2 and "QA0015" in found.err
    found = run("wave.qa", "--target", "manila.json", "--emit", "qasm", "-o", "manila.json")
    assert found.code == 2 and (folder / "manila.json").read_bytes() == before


@pytest.mark.parametrize(
    ("words", "code", "exit_code"),
    [
        (("show",), "QA4241", 2),
        (("export", "-o", "x.json"), "QA4241", 2),
        (("shwo", "fake_torino"), "QA0061", 2),
        (("show", "fake_torino", "fake_fez"), "QA0006", 2),
        (("list", "fake_torino"), "QA0006", 2),
        (("list", "-o", "x.json"), "QA0052", 2),
        (("show", "fake_torino", "-o", "x.png"), "QA0012", 2),
        (("show", "fake_torino", "-o", "none/x.svg"), "QA0013", 2),
        (("export", "fake_torino", "--format", "json"), "QA0052", 2),
        (("show", "fake_turin"), "QA4201", 1),
        (("show", "grid(4)"), "QA4242", 1),
        (("show", "none.json"), "QA4240", 1),
        (("export", "fake_kyoto", "-o", "x.json"), "QA4204", 1),
        (("export", "fake_torino", "-o", "none/x.json"), "QA0013", 2),
    ],
)
def test_what_cannot_be_done(
    run: Run, folder: Path, words: tuple[str, ...], code: str, exit_code: int
) -> None:
    found = run("targets", *words)
    assert (found.code, found.out) == (exit_code, ""), found.err
    assert code in found.err and not (folder / "x.json").exists()


def test_a_device_after_target_is_routed_for_as_one_in_a_source(run: Run, folder: Path) -> None:
    text = (folder / "wave.qa").read_text()
    named = text.replace("adapter wave", 'target hw { device: "fake_manila" }\nadapter wave')
    (folder / "named.qa").write_text(named.replace(") {", ") on hw {", 1))
    first = run("named.qa", "--emit", "qasm")
    second = run("wave.qa", "--target", "fake_manila", "--emit", "qasm")
    assert first.code == 0 and first.out == second.out
    # Without error rates there is nothing to warn of where nobody asked for fidelity.
    run("targets", "export", "line(4)", "-o", "line.json")
    assert run("wave.qa", "--target", "line.json", "--emit", "qasm").err == ""
