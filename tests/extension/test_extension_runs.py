"""A package of its own adds an executor, a pass and devices, and the command line uses them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from qcompile.ir.executor_names import BUILT_IN
from tests.extension.fresh import run

SPEC = """qa 1

adapter wave(n: int = 3) {
    shape 6 -> 4
    h = linear(x, to: n)
    q = circuit(n qubits) {
        encode angle(h, gate: ry)
        cx ring
        ry
        measure z
    }
    update linear(q, to: out_features)
}

target lab { evaluator: lab }
"""

TRAINS = """
import sys, torch, qcompile
x = torch.linspace(-1, 1, 12).reshape(2, 6)
found = []
for name in sys.argv[1:]:
    adapter = qcompile.load(name)
    output = adapter(x)
    output.square().sum().backward()
    found.append([output, *(parameter.grad for parameter in adapter.parameters())])
for left, right in zip(*found, strict=True):
    assert left.abs().max() > 0
    torch.testing.assert_close(left, right)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With `lab.pt`, compiled for the laboratory, and `own.pt`, compiled for a statevector."""
    folder = tmp_path_factory.mktemp("laboratory")
    (folder / "lab.qa").write_text(SPEC)
    (folder / "own.qa").write_text(SPEC.replace("evaluator: lab", "evaluator: statevector"))
    for name in ("lab", "own"):
        done = run(folder, "-m", "qcompile", "-q", f"{name}.qa")
        assert done.returncode == 0, done.stderr
    return folder


def test_it_computes_and_trains(folder: Path) -> None:
    done = run(folder, "-c", TRAINS, "lab.pt", "own.pt")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "in the laboratory\n"


def test_the_report_shows_it_beside_all_others(folder: Path) -> None:
    done = run(folder, "-m", "qcompile", "report", "--format=json", "lab.qa")
    (module,) = json.loads(done.stdout)["modules"]
    (circuit,) = module["circuits"]
    assert circuit["evaluator"] == "lab"
    weighed = {item["executor"]: item for item in circuit["candidates"]}
    # Without a device's noise `transfer` has nothing to offer.
    assert list(weighed) == [*(name for name in BUILT_IN if name != "transfer"), "lab"]
    assert weighed["lab"]["seconds"] == pytest.approx(2 * weighed["statevector"]["seconds"], 0.01)
    assert all((w["seconds"] is None) == (w["refusal"] is not None) for w in weighed.values())


def test_what_it_refuses_is_an_error_with_its_reason(folder: Path) -> None:
    done = run(folder, "-m", "qcompile", "lab.qa", "-D", "n=4", "-o", "four.pt")
    assert done.returncode != 0 and not (folder / "four.pt").exists()
    assert "QA4007" in done.stderr and "the laboratory has three qubits" in done.stderr
    assert "target lab { evaluator: lab }" in done.stderr


def test_what_cannot_be_imported_is_an_error_where_it_is_named(folder: Path) -> None:
    (folder / "broken.qa").write_text(SPEC.replace("evaluator: lab", "evaluator: broken"))
    done = run(folder, "-m", "qcompile", "broken.qa")
    assert done.returncode != 0 and "Traceback" not in done.stderr
    assert "QA8001" in done.stderr and "qlab_runs:absent" in done.stderr
    assert "target lab { evaluator: broken }" in done.stderr


def test_without_the_package_the_name_is_unknown(folder: Path) -> None:
    done = run(folder, "-m", "qcompile", "check", "lab.qa", installed=False)
    assert done.returncode != 0 and "error[QA2" in done.stderr
    assert run(folder, "-m", "qcompile", "check", "lab.qa").returncode == 0


def test_without_the_package_its_adapters_are_refused(folder: Path) -> None:
    done = run(folder, "-m", "qcompile", "convert", "lab.pt", "lab.safetensors", installed=False)
    assert done.returncode != 0 and "Traceback" not in done.stderr
    assert "QA8003" in done.stderr and "the executor `lab`" in done.stderr
    assert run(folder, "-m", "qcompile", "convert", "lab.pt", "lab.safetensors").returncode == 0


def test_a_pass_of_the_package_runs_with_its_options(folder: Path) -> None:
    counts = []
    for passes in ("", "padded", "padded{pairs=3}"):
        arguments = ("report", "--format=json", "--passes", passes, "own.qa")
        done = run(folder, "-m", "qcompile", *arguments)
        assert done.returncode == 0, done.stderr
        (module,) = json.loads(done.stdout)["modules"]
        counts.append(module["circuits"][0]["gates"])
    assert counts == [counts[0], counts[0] + 2, counts[0] + 6]
    arguments = ("--passes", "padded", "own.qa", "-o", "padded.pt")
    assert run(folder, "-m", "qcompile", "-q", *arguments).returncode == 0
    assert run(folder, "-c", TRAINS, "padded.pt", "own.pt").returncode == 0
    done = run(folder, "-m", "qcompile", "--list-passes")
    assert "\npadded{pairs=1} " in done.stdout and "Append pairs of X gates." in done.stdout
    assert "\nunfinished " in done.stdout and "cannot be used: Lab is derived" in done.stdout


def test_what_is_no_pass_is_refused(folder: Path) -> None:
    done = run(folder, "-m", "qcompile", "--passes", "unfinished", "own.qa")
    assert done.returncode != 0 and "Traceback" not in done.stderr
    assert "QA8001" in done.stderr and "Lab is derived from none of the passes" in done.stderr


@pytest.mark.parametrize(("device", "native"), [("ladder(3)", "cx"), ('"lab-2"', "cz")])
def test_circuits_are_brought_to_its_devices(folder: Path, device: str, native: str) -> None:
    (folder / "device.qa").write_text(SPEC.replace("evaluator: lab", f"device: {device}"))
    done = run(folder, "-m", "qcompile", "--verify", "--emit", "plan", "device.qa")
    assert done.returncode == 0, done.stderr
    (placed,) = (line for line in done.stdout.splitlines() if line.strip().startswith("on "))
    assert placed.strip().startswith(f"on {device.strip(chr(34))}: qubits ")
    routed = done.stdout.partition(placed)[2].partition("compared")[0]
    gates = {line.split()[0].partition("(")[0] for line in routed.splitlines()[2:-1]}
    assert gates - {"measure"} == {"rz", "sx", native}
    (folder / "device.qa").write_text(
        SPEC.replace("evaluator: lab", f"device: {device}").replace("n: int = 3", "n: int = 7")
    )
    done = run(folder, "-m", "qcompile", "device.qa")
    assert "QA4205" in done.stderr and f"device: {device}" in done.stderr


def test_sizes_of_its_families_are_checked(folder: Path) -> None:
    for size, code in (("0", "QA2105"), ("600000", "QA2105"), ("2, 2", "QA2")):
        (folder / "device.qa").write_text(SPEC.replace("evaluator: lab", f"device: ladder({size})"))
        done = run(folder, "-m", "qcompile", "check", "device.qa")
        assert done.returncode != 0 and f"error[{code}" in done.stderr, done.stderr
    done = run(folder, "-m", "qcompile", "check", "device.qa", installed=False)
    assert done.returncode != 0 and "error[QA2" in done.stderr
