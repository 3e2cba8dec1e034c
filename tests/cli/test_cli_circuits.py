"""Circuits as files, from trained adapters and from sources, on the command line."""

from __future__ import annotations

import builtins
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import qcompile
from qcompile.adapter import CompiledAdapter
from qcompile.cli import main
from tests.export.readers import values_of

MODEL = Path(__file__).resolve().parents[2] / "examples/models/tiny-llama/config.json"

SOURCE = f"""qa 1

model "{MODEL}"

target hw {{ device: ring(4) }}
target simulator {{ dtype: float64 }}

adapter wave() on simulator {{
    attach "*.self_attn.q_proj" layers 0..2
    h = linear(x, to: 3)
    q = circuit(3 qubits) {{
        encode angle(h, gate: ry)
        ry
        cx ring
        rx
        measure z
    }}
    update linear(q, to: out_features)
}}
"""
FIRST = "model.layers.0.self_attn.q_proj"

AMPLITUDES = SOURCE.replace("encode angle(h, gate: ry)", "encode amplitude(h)")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`wave.qa`, `wave.pt` with random tensors, `state.pt` with an encoded state, and data."""
    place = tmp_path_factory.mktemp("circuits")
    generator = torch.Generator().manual_seed(3)
    for name, text in (("wave", SOURCE), ("state", AMPLITUDES)):
        (place / f"{name}.qa").write_text(text, "utf-8")
        adapter = qcompile.compile(place / f"{name}.qa")
        with torch.no_grad():
            for parameter in adapter.parameters():
                parameter.copy_(torch.randn(parameter.shape, generator=generator))
        adapter.save(place / f"{name}.pt")
    plain = "qa 1\nadapter low() {\n shape 6 -> 4\n update linear(x, to: 4)\n}\n"
    qcompile.compile(plain).save(place / "plain.pt")
    width = adapter[FIRST].plan.in_features
    x = torch.randn(2, width, generator=generator, dtype=torch.float64)
    np.savez(place / "inputs.npz", x=x.numpy())
    torch.save({"x": x}, place / "inputs.pt")
    np.save(place / "data.npy", np.linspace(-1.0, 1.0, 6).reshape(2, 3))
    np.save(place / "wide.npy", np.zeros((2, 5)))
    np.save(place / "nan.npy", np.full((1, 3), np.nan))
    np.save(place / "objects.npy", np.array([{}], dtype=object), allow_pickle=True)
    np.save(place / "empty.npy", np.zeros((0, 3)))
    np.save(place / "number.npy", np.array(3.0))
    np.save(place / "cube.npy", np.zeros((2, 2, 3)))
    np.save(place / "complex.npy", np.zeros((2, 3), dtype=complex))
    huge = np.lib.format.magic(1, 0)
    text = "{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000, 3), }"
    huge += len(text).to_bytes(2, "little") + text.encode()
    (place / "huge.npy").write_bytes(huge + bytes(24))
    np.savez(place / "other.npz", z=np.zeros((2, 3)))
    (place / "text.npy").write_text("not an array")
    return place


@pytest.fixture
def here(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current folder with links to the files of `folder`."""
    for file in folder.iterdir():
        (tmp_path / file.name).symlink_to(file)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def written(here: Path) -> list[str]:
    return sorted(file.name for file in here.iterdir() if not file.is_symlink())


def manifest_of(path: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path(f"{path}.manifest.json").read_text("utf-8"))
    return found


def values(path: str, data: Any = (), use: int = 0) -> np.ndarray:
    return values_of(Path(path).read_bytes(), manifest_of(path), data=data, use=use)


def circuits(name: str = "wave.pt") -> Any:
    adapter = qcompile.load(name)
    assert isinstance(adapter, CompiledAdapter)
    return adapter.circuits()


def test_modules_share_a_file_with_parameters_and_keep_their_angles(here: Path) -> None:
    data = np.load("data.npy")
    assert main(["convert", "wave.pt", "c.qpy", "-q"]) == 0
    assert written(here) == ["c.qpy", "c.qpy.manifest.json"]
    found = circuits()
    uses = manifest_of("c.qpy")["uses"]
    assert [use["module"] for use in uses] == [c.module for c in found] and len(uses) == 2
    for number, circuit in enumerate(found):
        assert uses[number]["angles"]["tensor"] == circuit.tensor
        np.testing.assert_allclose(
            values("c.qpy", data[0], number), circuit.values(data[0])[0], atol=1e-9
        )


def test_bound_circuits_are_told_apart(here: Path) -> None:
    data = np.load("data.npy")
    found = circuits()
    assert main(["convert", "wave.pt", "c.qasm", "--bind", "angles", "-q"]) == 0
    assert main(["convert", "wave.pt", "d.qasm2", "--bind", "data.npy", "-q"]) == 0
    names = [f"c-{k}.qasm" for k in (1, 2)] + [f"d-{k}.qasm2" for k in (1, 2, 3, 4)]
    assert written(here) == sorted([*names, *(f"{name}.manifest.json" for name in names)])
    for number, circuit in enumerate(found):
        expected = circuit.values(data)
        np.testing.assert_allclose(values(f"c-{number + 1}.qasm", data[1]), expected[1], atol=1e-9)
        for row in (0, 1):
            name = f"d-{2 * number + row + 1}.qasm2"
            np.testing.assert_allclose(values(name), expected[row], atol=1e-9)
            manifest = manifest_of(name)
            assert manifest["bound"] == {
                "angles": True,
                "data": {"row": row, "values": [*data[row]]},
            }
            assert manifest["uses"][0]["module"] == circuit.module


@pytest.mark.parametrize("file", ["inputs.npz", "inputs.pt"])
def test_inputs_of_a_module_are_turned_into_data(here: Path, file: str) -> None:
    x = torch.from_numpy(np.load("inputs.npz")["x"])
    command = ["convert", "wave.pt", "c.qir", "--bind", file, "--module", FIRST, "-q"]
    assert main(command) == 0
    (circuit,) = [c for c in circuits() if c.module == FIRST]
    for row, expected in enumerate(circuit.values(circuit.data(x))):
        np.testing.assert_allclose(values(f"c-{row + 1}.qir"), expected, atol=1e-9)


@pytest.mark.parametrize("target", ["hw", "fake_jakarta"])
def test_circuits_are_brought_to_a_device(here: Path, target: str) -> None:
    data = np.load("data.npy")
    command = ["convert", "wave.pt", "c.qasm", "--target", target, "--module", FIRST, "-q"]
    assert main(command) == 0
    manifest = manifest_of("c.qasm")
    (circuit,) = [c for c in circuits() if c.module == FIRST]
    np.testing.assert_allclose(values("c.qasm", data[0]), circuit.values(data[0])[0], atol=1e-9)
    device = {"hw": "ring(4)"}.get(target, target)
    assert manifest["device"]["name"] == device and "$" in Path("c.qasm").read_text()
    assert (manifest["device"]["calibrated"] is None) == (target == "hw")
    predicted = manifest["predicted"]
    assert predicted["two_qubit_gates"] >= 2
    if target == "hw":
        assert predicted["success"] is predicted["errors"] is None
    else:
        assert 0 < predicted["success"] < 1 and len(predicted["errors"]) == 3
        assert all(0 < error < 1 for error in predicted["errors"])


def test_bound_circuits_are_approximated_where_that_is_asked_for(here: Path) -> None:
    command = ["convert", "wave.pt", "--bind", "data.npy", "--target", "fake_manila", "-q"]
    assert main([*command, "c.qasm2"]) == 0
    assert main([*command, "d.qasm2", "--approximate"]) == 0
    for name in (path.name for path in here.glob("d-*.qasm2")):
        found, exact = manifest_of(name), manifest_of(name.replace("d-", "c-"))
        deviation = found.pop("approximation")["deviation"]
        assert "approximation" not in exact and found.keys() == exact.keys()
        pairs = [manifest["predicted"]["two_qubit_gates"] for manifest in (found, exact)]
        assert pairs[0] <= pairs[1]
        there = values(name.replace("d-", "c-"))
        np.testing.assert_allclose(values(name), there, atol=deviation + 1e-9)


def test_an_encoded_state_is_bound_and_routed(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = np.load("data.npy")
    (first, second) = circuits("state.pt")
    command = ["convert", "state.pt", "c.qasm2", "--bind", "data.npy", "--target", "hw", "-q"]
    assert main(command) == 0
    assert capsys.readouterr().err == ""
    for number, circuit in enumerate((first, second)):
        for row, expected in enumerate(circuit.values(data)):
            name = f"c-{2 * number + row + 1}.qasm2"
            np.testing.assert_allclose(values(name), expected, atol=1e-9)
            assert manifest_of(name)["device"]["name"] == "ring(4)"
    assert main(["convert", "state.pt", "s.json", "--target", "hw", "-q"]) == 0
    assert "QA4206" in capsys.readouterr().err
    assert manifest_of("s.json")["initial_state"] == {"offset": 0, "width": 3}


def test_a_folder_names_its_circuits(here: Path) -> None:
    assert main(["convert", "wave.pt", "c.qpy/", "-q"]) == 0
    manifest = json.loads((here / "c.qpy/manifest.json").read_text("utf-8"))
    assert (manifest["format"], manifest["version"]) == ("qcompile.circuits", 1)
    files = [entry["file"]["name"] for entry in manifest["circuits"]]
    assert files == [f"{circuit.module}.wave.q.qpy" for circuit in circuits()]
    assert sorted(p.name for p in (here / "c.qpy").iterdir()) == sorted([*files, "manifest.json"])
    data = np.load("data.npy")
    for entry, circuit in zip(manifest["circuits"], circuits(), strict=True):
        contents = (here / "c.qpy" / entry["file"]["name"]).read_bytes()
        found = values_of(contents, entry, data=data[0])
        np.testing.assert_allclose(found, circuit.values(data[0])[0], atol=1e-9)


def test_a_source_writes_the_same_as_its_adapter(here: Path) -> None:
    assert main(["wave.qa", "-o", "fresh.pt", "-q"]) == 0
    assert main(["convert", "fresh.pt", "a.json", "-q"]) == 0
    assert main(["wave.qa", "-o", "b.json", "-q"]) == 0
    assert Path("a.json").read_bytes() == Path("b.json").read_bytes()
    named = [manifest_of(name) | {"file": None} for name in ("a.json", "b.json")]
    # adapter.pt holds the angles in float32.
    for manifest in named:
        for use in manifest["uses"]:
            use["angles"]["values"] = np.float32(use["angles"]["values"]).tolist()
    assert named[0] == named[1]
    assert main(["wave.qa", "-o", "c.qasm2", "--bind=data.npy", "--module", FIRST, "-q"]) == 0
    assert {name for name in written(here) if "qasm2" in name and "manifest" not in name} == {
        "c-1.qasm2",
        "c-2.qasm2",
    }


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["convert", "plain.pt", "c.qasm"], "QA0022"),
        (["convert", "wave.pt", "c.qasm2"], "QA4220"),
        (["convert", "wave.pt", "c.qir", "--bind", "angles"], "QA4220"),
        (["convert", "state.pt", "c.qpy"], "QA4208"),
        (["convert", "wave.pt", "c.qir", "--bind", "data.npy", "--approximate"], "QA4270"),
        (["convert", "wave.pt", "c.qasm", "--approximate"], "QA0052"),
        (["convert", "wave.pt", "c.qasm", "--bind", "wide.npy"], "QA4221"),
        (["convert", "wave.pt", "c.qasm", "--bind", "nan.npy"], "QA4221"),
        (["convert", "wave.pt", "c.qasm", "--bind", "objects.npy"], "QA4221"),
        (["convert", "wave.pt", "c.qasm", "--bind", "text.npy"], "QA4221"),
        (["convert", "wave.pt", "c.qasm", "--bind", "empty.npy"], "QA4221"),
        (["convert", "wave.pt", "c.qasm", "--bind", "number.npy"], "QA4221"),
        (["convert", "wave.pt", "c.qasm", "--bind", "cube.npy"], "QA4221"),
        (["convert", "wave.pt", "c.qasm", "--bind", "complex.npy"], "QA4221"),
        (["convert", "wave.pt", "c.qasm", "--bind", "huge.npy"], "QA4221"),
        (["convert", "wave.pt", "c.qasm", "--bind", "other.npz"], "QA4221"),
        (["convert", "wave.pt", "c.qasm", "--bind", "wave.pt"], "QA4221"),
        (["convert", "wave.pt", "c.qasm", "--bind", "missing.npy"], "QA0002"),
        (["convert", "wave.pt", "c.qasm", "--target", "nowhere"], "QA0021"),
        (["convert", "wave.pt", "c.qasm", "--target", "simulator"], "QA4226"),
        (["convert", "wave.pt", "c.qasm", "--target", "fake_armonk"], "QA42"),
        (["convert", "wave.pt", "c.qasm", "--module", "model.other"], "QA6007"),
        (["convert", "wave.pt", "nowhere/c.qasm"], "QA0013"),
        (["convert", "wave.pt", "wave.pt/c.qasm"], "QA0013"),
        (["convert", "wave.pt", "c.cirq"], "QA0012"),
        (["wave.qa", "-o", "c.pt", "--bind", "angles"], "QA0052"),
        (["wave.qa", "-o", "c.pt", "--module", FIRST], "QA0052"),
        (["wave.qa", "--bind", "angles"], "QA0052"),
        (["wave.qa", "-o", "c.qir"], "QA4220"),
    ],
)
def test_what_cannot_be_written_leaves_nothing(
    arguments: list[str], code: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) in (1, 2)
    assert code in capsys.readouterr().err
    assert written(here) == []


@pytest.mark.parametrize(
    ("output", "taken"),
    [
        ("c.qpy", "c-2.qpy"),
        ("c.qpy", "c-1.qpy.manifest.json"),
        ("c.qpy/", "c.qpy/manifest.json"),
    ],
)
def test_a_file_that_is_read_is_never_written(
    output: str, taken: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not by the name of another file either."""
    (here / taken).parent.mkdir(exist_ok=True)
    (here / taken).hardlink_to(here.joinpath("data.npy").resolve())
    before = (here / "data.npy").read_bytes()
    assert main(["convert", "wave.pt", output, "--bind", "data.npy"]) == 2
    assert "QA0015" in capsys.readouterr().err
    assert (here / "data.npy").read_bytes() == before
    assert sorted(name for name in written(here) if not name.endswith("/")) == [
        taken.partition("/")[0]
    ]


def test_more_files_than_anyone_wants_are_refused(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("qcompile.adapter.circuit_files.MOST_FILES", 3)
    assert main(["convert", "wave.pt", "c.qasm", "--bind", "data.npy"]) == 1
    assert "QA4224" in capsys.readouterr().err and written(here) == []


def test_qir_says_which_extra_it_needs(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = builtins.__import__

    def without(name: str, *arguments: Any) -> Any:
        if name.partition(".")[0] == "pyqir":
            raise ImportError(name)
        return real(name, *arguments)

    monkeypatch.setattr(builtins, "__import__", without)
    assert main(["convert", "wave.pt", "c.qir", "--bind", "data.npy"]) == 1
    printed = capsys.readouterr().err
    assert "QA4223" in printed and "qcompile[qir]" in printed and written(here) == []
