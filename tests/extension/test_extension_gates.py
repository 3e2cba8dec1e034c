"""A package of its own adds gates and patterns under entry points, and the command line uses them.

What it offers is made of gates of qcompile, so that the same adapter can be written without it.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.extension.fresh import run

SPEC = """qa 1

adapter wave() {
    shape 6 -> 4
    h = linear(x, to: 3)
    q = circuit(3 qubits) {
        encode angle(h, gate: TILT)
        root_iswap on (1, 2)
        givens star
        rx
        tilt
        givens(0.5 * h[0]) on (2, 0)
        root_iswap on (0, 1)
        measure z
    }
    u = unitary(linear(q, to: 4), to: 4) { ry; GIVENS }
    update linear(u, to: out_features)
}
"""
OFFERED = SPEC.replace("TILT", "tilt").replace("GIVENS", "givens on (1, 0)")
ROOT_ISWAP = "rxx(-pi / 4) on {0}; ryy(-pi / 4) on {0}"
TURNED, BACK = "ry(-pi / 4)", "ry(pi / 4)"
WRITTEN_OUT = OFFERED
for there, here in {
    "encode angle(h, gate: tilt)": f"{TURNED}; encode angle(h, gate: rz); {BACK}",
    " tilt\n": f" {TURNED}; rz; {BACK}\n",
    "root_iswap on (1, 2)": ROOT_ISWAP.format("(1, 2)"),
    "root_iswap on (0, 1)": ROOT_ISWAP.format("(0, 1)"),
    "givens star": "cx on (0, 1); cry on (1, 0); cx on (0, 1); "
    "cx on (0, 2); cry on (2, 0); cx on (0, 2)",
    "givens(0.5 * h[0]) on (2, 0)": "cx on (2, 0); cry(0.5 * h[0]) on (0, 2); cx on (2, 0)",
    "givens on (1, 0)": "cx on (1, 0); cry on (0, 1); cx on (1, 0)",
}.items():
    assert there in WRITTEN_OUT
    WRITTEN_OUT = WRITTEN_OUT.replace(there, here)
TRAINS = """
import sys, torch, qcompile
x = torch.linspace(-1, 1, 12).reshape(2, 6)
found = []
for name in sys.argv[1:]:
    adapter = qcompile.load(name).double()
    output = adapter(x.double())
    output.square().sum().backward()
    found.append([output, *(parameter.grad for parameter in adapter.parameters())])
for other in found[1:]:
    for left, right in zip(found[0], other, strict=True):
        assert left.abs().max() > 0
        torch.testing.assert_close(left, right, rtol=1e-6, atol=1e-8)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With `offered.qa`, its adapter at every level, and `written.pt` without the package."""
    folder = tmp_path_factory.mktemp("extension")
    for name, text in (("offered", OFFERED), ("written", WRITTEN_OUT)):
        (folder / f"{name}.qa").write_text(text)
    for level in "0123":
        done = run(folder, "-m", "qcompile", "-q", f"-O{level}", "offered.qa", "-o", f"{level}.pt")
        assert done.returncode == 0, done.stderr
    networks = OFFERED.replace("wave()", "wave() on lab") + "target lab { evaluator: network }\n"
    (folder / "network.qa").write_text(networks)
    done = run(folder, "-m", "qcompile", "-q", "network.qa")
    assert done.returncode == 0, done.stderr
    done = run(folder, "-m", "qcompile", "-q", "written.qa", installed=False)
    assert done.returncode == 0, done.stderr
    return folder


def test_they_compute_and_train_at_every_level_as_if_written_out(folder: Path) -> None:
    done = run(folder, "-c", TRAINS, "written.pt", "network.pt", *(f"{n}.pt" for n in range(4)))
    assert done.returncode == 0, done.stderr


def test_files_for_other_tools_hold_what_they_are_made_of(folder: Path) -> None:
    from qcompile.backends.export import read_tket_json

    for name in ("offered.qasm", "offered.json"):
        done = run(folder, "-m", "qcompile", "-q", "offered.qa", "-o", name)
        assert done.returncode == 0, done.stderr
        texts = [path.read_text() for path in folder.rglob("*") if path.match(f"*{name[-5:]}*")]
        assert texts and not any(re.search("givens|root_iswap|tilt", text) for text in texts)
    files = (path for path in folder.rglob("*.json") if "manifest" not in path.name)
    (path, *_) = (path for path in files if "qubits" in path.read_text())
    assert read_tket_json(path.read_text())


def test_they_are_routed(folder: Path) -> None:
    text = OFFERED.replace("wave()", "wave() on lab") + "target lab { device: line(3) }\n"
    (folder / "lab.qa").write_text(text)
    done = run(folder, "-m", "qcompile", "-q", "--verify", "lab.qa", "-o", "lab.pt")
    assert done.returncode == 0, done.stderr


def test_the_package_is_recorded(folder: Path) -> None:
    import torch

    versions = [
        dict(json.loads(torch.load(folder / name, weights_only=True)["manifest"])["versions"])
        for name in ("2.pt", "written.pt")
    ]
    assert [found.get("qlab") for found in versions] == ["2.1", None]


def test_without_the_package_its_adapters_are_refused(folder: Path) -> None:
    done = run(folder, "-m", "qcompile", "convert", "2.pt", "2.safetensors", installed=False)
    assert done.returncode != 0 and "Traceback" not in done.stderr
    assert "QA8003" in done.stderr and "the gate `givens`" in done.stderr
    done = run(folder, "-m", "qcompile", "convert", "2.pt", "2.safetensors")
    assert done.returncode == 0, done.stderr


def test_without_the_package_the_names_are_unknown(folder: Path) -> None:
    done = run(folder, "-m", "qcompile", "check", "offered.qa", installed=False)
    assert done.returncode != 0
    for code, name in (("QA2201", "givens"), ("QA2201", "root_iswap"), ("QA2201", "tilt")):
        assert re.search(rf"{code}.*`{name}`", done.stderr), done.stderr


@pytest.mark.parametrize(
    ("statement", "code", "reason"),
    [
        ("cracked ring", "QA8001", "its parts do not make its matrix"),
        ("absent ring", "QA8001", "No module named 'qlab_of_old'"),
        ("cx star step 2", "QA2235", "`step` has no meaning for pattern `star`"),
        ("cx star even", "QA2314", "`even` has no meaning for pattern `star`"),
        ("cx sta", "QA2234", "did you mean `star`?"),
        ("given ring", "QA2201", "did you mean `givens`?"),
    ],
)
def test_faults_are_messages(folder: Path, statement: str, code: str, reason: str) -> None:
    (folder / "fault.qa").write_text(OFFERED.replace("        rx\n", f"        {statement}\n"))
    done = run(folder, "-m", "qcompile", "check", "fault.qa")
    assert done.returncode != 0 and "Traceback" not in done.stderr
    assert code in done.stderr and reason in done.stderr, done.stderr


def test_a_pattern_that_fails_for_some_sizes_is_a_message(folder: Path) -> None:
    text = OFFERED.replace("circuit(3 qubits)", "circuit(7 qubits)").replace("rx\n", "cz astray\n")
    (folder / "astray.qa").write_text(text)
    done = run(folder, "-m", "qcompile", "astray.qa")
    assert done.returncode != 0 and "Traceback" not in done.stderr
    assert "QA8001" in done.stderr and "is no pair of the qubits 0 to 6" in done.stderr


def test_nothing_is_imported_that_no_file_names(folder: Path) -> None:
    done = run(folder, "-m", "qcompile", "check", "written.qa")
    assert done.returncode == 0 and "qlab is imported" not in done.stdout
    done = run(folder, "-m", "qcompile", "check", "offered.qa")
    assert done.returncode == 0 and "qlab is imported" in done.stdout


def test_a_layer_may_have_the_name_of_a_gate_of_another_package(folder: Path) -> None:
    text = WRITTEN_OUT.replace("qa 1\n", "qa 1\n\nlayer givens() {\n    ry\n}\n")
    (folder / "layer.qa").write_text(text.replace("        rx\n", "        givens()\n"))
    done = run(folder, "-m", "qcompile", "check", "layer.qa")
    assert done.returncode == 0, done.stderr
