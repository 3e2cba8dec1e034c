"""`qcompile run`, and `qcompile report --on`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

import qcompile
from qcompile.diagnostics.errors import AdapterError
from tests.cli.conftest import Run

WIDE = """qa 1
adapter wide() {
    shape 10 -> 2
    q = circuit(10 qubits) { encode angle(x, gate: ry); cz line; ry; measure z }
    update linear(q, to: out_features)
}
"""


@pytest.fixture
def adapter(folder: Path) -> Path:
    adapter = qcompile.compile(folder / "wave.qa")
    adapter.save("wave.pt")
    np.save("x.npy", np.random.default_rng(0).normal(size=(3, 6)))
    return folder


@pytest.mark.usefixtures("adapter")
def test_run_writes_what_the_adapter_gives(run: Run) -> None:
    x = torch.from_numpy(np.load("x.npy")).float()
    expected = qcompile.load("wave.pt")(x).detach().numpy()
    for where in ("simulator", "aer"):
        found = run("run", "wave.pt", "--on", where, "--data", "x.npy", "-o", "y.npy")
        assert found.code == 0, found.err
        np.testing.assert_allclose(np.load("y.npy"), expected, atol=1e-5)
    assert "aer: circuits 3, shots 0, jobs 1" in found.err
    options = ("--shots", "64", "--mitigate", "readout", "--ledger", "jobs.jsonl")
    for jobs in (1, 0):
        found = run(
            "run", "wave.pt", "--on", "fake_manila", "--data", "x.npy", "-o", "y.pt", *options
        )
        assert found.code == 0 and f"jobs {jobs}" in found.err
    assert torch.load("y.pt").shape == expected.shape


@pytest.mark.usefixtures("adapter")
def test_run_refuses_before_anything_runs(run: Run) -> None:
    given = {"--on": "aer", "--data": "x.npy", "-o": "y.npy"}

    def code(*more: str, **changed: str) -> str:
        values = given | {name.replace("_", "-"): value for name, value in changed.items()}
        words = [word for name, value in values.items() if value for word in (name, value)]
        found = run("run", "wave.pt", *words, *more)
        assert found.code != 0 and not Path("y.npy").exists()
        return found.err

    assert "QA0008" in code(**{"--data": ""})
    assert "QA0009" in code(**{"--data": "wave.qa"})
    assert "QA0002" in code(**{"--data": "no.npy"})
    assert "QA0012" in code(**{"-o": "y.txt"})
    assert "QA7101" in code(**{"--on": "fake_turin"})
    assert "QA7106" in code("--shots", "100", "--max-shots", "200")
    np.save("x.npy", np.zeros((3, 5)))
    assert "QA6010" in code()


@pytest.mark.usefixtures("adapter")
def test_report_says_what_a_run_takes(run: Run) -> None:
    asked = ("--on", "fake_manila", "--tokens", "5", "--shots", "100")
    for source in ("wave.qa", "wave.pt"):
        record = json.loads(run("report", source, *asked, "--format", "json").out)
        assert record["inference"]["circuits"] == 5 and record["inference"]["shots"] == 500
        assert record["training"]["circuits"] > 2 * 5 and record["training"]["jobs"] == 2
        assert record["inference"]["seconds"] > 0
    text = run("report", "wave.qa", *asked).out
    assert text.startswith(
        "5 tokens on fake_manila (calibrated 2024-05-27T15:27:23-03:00), at most:\n"
        "  inference: circuits 5, jobs 1, shots 500"
    )
    errors = json.loads(run("report", "wave.qa", *asked, "--format", "json").out)["observables"]
    undone = (*asked, "--mitigate", "readout", "--format", "json")
    less = json.loads(run("report", "wave.qa", *undone).out)["observables"]
    assert len(errors) == len(less) > 1
    for error, smaller in zip(errors, less, strict=True):
        assert error["circuit"] == smaller["circuit"] == "q"
        assert 0 < smaller["error"] < error["error"] < 1
        assert f"{error['observable']:<10}  {error['error']:5.2g}" in text
    assert "no jobs" in run("report", "wave.qa", "--on", "simulator").out
    assert run("report", "wave.qa", "--shots", "5").code == 2
    assert run("report", "low.qa", "--on", "aer").code == 1


@pytest.mark.usefixtures("adapter")
def test_a_report_fails_where_more_is_predicted_than_allowed(run: Run) -> None:
    asked = ("report", "wave.pt", "--on", "fake_manila", "--tokens", "5", "--shots", "100")
    within = run(*asked, "--max-shots", "100_000", "--max-jobs", "2")
    assert within.code == 0 and "QA7106" not in within.err
    training = run(*asked, "--max-shots", "500")
    assert training.code == 1 and training.out == within.out
    assert "training takes" in training.err and "inference" not in training.err
    both = run(*asked, "--max-shots", "499", "--max-jobs", "1", "--format", "json")
    assert both.code == 1 and json.loads(both.out)["inference"]["shots"] == 500
    assert "inference takes 500 shots, and 499 are allowed" in both.err
    assert both.err.count("error[QA7106]") == 3
    assert run("report", "wave.pt", "--max-jobs", "5").code == 2


@pytest.mark.usefixtures("adapter")
def test_copies_share_shots_and_are_reported(run: Run) -> None:
    asked = ("report", "wave.pt", "--on", "line(30)", "--tokens", "6", "--shots", "100")
    beside = run(*asked, "--copies", "2")
    assert beside.code == 0 and "copies side by side: up to 2" in beside.out
    record = json.loads(run(*asked, "--copies", "2", "--format", "json").out)["inference"]
    assert (record["circuits"], record["shots"], record["copies"]) == (6, 300, 2)
    assert "copies" not in run(*asked).out
    assert run("report", "wave.pt", "--copies", "2").code == 2
    values = {}
    for copies in ("1", "2"):
        found = run(
            "run",
            "wave.pt",
            "--on",
            "line(30)",
            "--copies",
            copies,
            "--data",
            "x.npy",
            "-o",
            "y.npy",
        )
        assert found.code == 0, found.err
        values[copies] = np.load("y.npy")
    np.testing.assert_allclose(values["1"], values["2"], atol=1e-6)


def test_what_cannot_be_exact_is_refused_before_it_runs(run: Run, folder: Path) -> None:
    (folder / "wide.qa").write_text(WIDE)
    for more, code in (((), 1), (("--shots", "10"), 0)):
        found = run("report", "wide.qa", "--on", "line(10)", "--tokens", "1", *more)
        assert found.code == code, found.err
    with pytest.raises(AdapterError, match="circuits of 10 qubits") as caught:
        qcompile.compile(folder / "wide.qa").on("line(10)")
    assert caught.value.diagnostics[0].code == "QA7117"
    assert "QA7109" in run("report", "wide.qa", "--on", "aer", "--mitigate", "readout").err


@pytest.mark.usefixtures("adapter")
def test_a_device_in_a_file_is_simulated(run: Run, folder: Path) -> None:
    run("targets", "export", "fake_manila", "-o", "lab.json")
    text = (folder / "lab.json").read_text().replace("fake_manila", "lab")
    (folder / "lab.json").write_text(text)
    np.save("x.npy", np.zeros((1, 6)))
    found = {}
    for where in ("lab.json", "fake_manila"):
        done = run("run", "wave.pt", "--on", where, "--data", "x.npy", "-o", "y.npy")
        assert done.code == 0, done.err
        found[where] = np.load("y.npy")
    np.testing.assert_allclose(found["lab.json"], found["fake_manila"])
    assert "on lab.json (calibrated 2024" in run("report", "wave.pt", "--on", "lab.json").out
    assert run("run", "wave.pt", "--on", "none.json", "--data", "x.npy", "-o", "y.npy").code == 1
    same = run("run", "wave.pt", "--on", "y.json", "--data", "x.npy", "-o", "y.json")
    assert same.code == 2 and (folder / "lab.json").read_text() == text


def test_warnings_of_a_run_are_diagnostics(run: Run, folder: Path) -> None:
    text = run("targets", "export", "fake_manila").out.replace('"2024-05-27', '"2020-05-27')
    (folder / "mine.json").write_text(text)
    found = run("report", "wave.qa", "--target", "mine.json", "--on", "fake_manila")
    assert found.code == 0 and found.err.startswith("warning[QA4244]")
    assert "device fake_manila, calibrated 2020-05-27" in (
        run("report", "wave.qa", "--target", "mine.json").out
    )
    record = json.loads(run("report", "wave.qa", "--target", "ring(3)", "--format", "json").out)
    assert record["devices"] == [{"name": "ring(3)", "calibrated": None}]


def test_run_goes_where_the_target_says(run: Run, folder: Path) -> None:
    text = (folder / "wave.qa").read_text()
    target = 'target hw { device: "fake_manila"; run: device; shots: 32; mitigate: readout }\n'
    (folder / "hw.qa").write_text(text.replace("adapter ", target + "adapter ", 1))
    qcompile.compile(folder / "hw.qa", target="hw").save("hw.pt")
    np.save("x.npy", np.zeros((1, 6)))
    found = run("run", "hw.pt", "--data", "x.npy", "-o", "y.npy")
    assert found.code == 0 and "fake_manila: circuits 1, shots 32, jobs 1" in found.err
    adapter = qcompile.load("hw.pt").on()
    assert adapter.service is not None and adapter.service.mitigate
    adapter.on("simulator")
    plain = qcompile.compile(folder / "wave.qa")
    assert plain.on().service is None
