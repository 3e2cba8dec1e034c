"""`qcompile convert`, and outputs by suffix."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest
import torch

import qcompile
from qcompile.artifact.read import read_artifact
from qcompile.cli import main

ROOT = Path(__file__).resolve().parents[2]
MPO = str(ROOT / "examples" / "mpo.qa")
QTHA = str(ROOT / "examples" / "qtha.qa")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An MPO with random tensors."""
    folder = tmp_path_factory.mktemp("convert")
    adapter = qcompile.compile(MPO, parameters={"bond": 2})
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in adapter.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator))
    adapter.save(folder / "adapter.pt")
    return folder


def test_every_kind_converts_to_every_other_and_loses_nothing(trained: Path) -> None:
    first = f"{trained}/adapter.pt"
    chain = [first, f"{trained}/a.safetensors", f"{trained}/folder/", f"{trained}/back.pt"]
    for source, output in itertools.pairwise(chain):
        assert main(["convert", source, output, "-q"]) == 0
    assert Path(chain[-1]).read_bytes() == Path(first).read_bytes()
    assert main(["convert", chain[2], f"{trained}/b.safetensors", "-q"]) == 0
    assert (trained / "b.safetensors").read_bytes() == (trained / "a.safetensors").read_bytes()
    state = qcompile.load(chain[1]).state_dict()
    assert all(torch.equal(state[k], v) for k, v in qcompile.load(first).state_dict().items())


def test_tensors_that_are_no_numbers_survive_every_kind(trained: Path) -> None:
    adapter = qcompile.load(trained / "adapter.pt")
    with torch.no_grad():
        next(adapter.parameters()).fill_(torch.nan)
    for name in ("nan.pt", "nan.safetensors", "nan/"):
        adapter.save(f"{trained}/{name}")
        again = qcompile.load(f"{trained}/{name}").state_dict()
        for key, value in adapter.state_dict().items():
            assert torch.equal(again[key].view(torch.int32), value.view(torch.int32))


def test_compile_writes_what_the_suffix_says(tmp_path: Path) -> None:
    for name in ("a.pt", "a.safetensors", "a/"):
        assert main([MPO, "-o", f"{tmp_path}/{name}", "-q"]) == 0
        adapter = qcompile.load(f"{tmp_path}/{name}")
        adapter.save(tmp_path / "again.pt")
        assert (tmp_path / "again.pt").read_bytes() == (tmp_path / "a.pt").read_bytes()
    assert json.loads((tmp_path / "a" / "adapter_config.json").read_text())["spec"]


def test_plain_lora_reports_what_it_keeps(
    trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from safetensors.torch import load_file

    assert main(["convert", f"{trained}/adapter.pt", f"{trained}/lora/", "--to", "lora"]) == 0
    assert "LoRA of rank 8 for" in capsys.readouterr().err
    config = json.loads((trained / "lora" / "adapter_config.json").read_text())
    assert config["peft_type"] == "LORA" and config["r"] == config["lora_alpha"] == 8

    exact = f"{trained}/exact"
    assert main(["convert", f"{trained}/adapter.pt", exact, "--to=lora", "--rank=1.0", "-q"]) == 0
    tensors = load_file(f"{exact}/adapter_model.safetensors")
    for site, part in qcompile.load(trained / "adapter.pt").parts():
        key = f"base_model.model.{site.module}.lora_"
        product = tensors[f"{key}B.weight"] @ tensors[f"{key}A.weight"]
        expected = part.merge_weight().float()
        torch.testing.assert_close(product, expected, rtol=1e-4, atol=1e-4)


def test_kept_energy_is_that_of_the_truncated_singular_values(trained: Path) -> None:
    from qcompile.adapter.lora import lora_of

    adapter = qcompile.load(trained / "adapter.pt")
    lora = lora_of(adapter, 3)
    for site, part in adapter.parts():
        a, b = lora.factors[site.module]
        delta = part.merge_weight()
        lost = (delta - (b.double() @ a.double())).square().sum() / delta.square().sum()
        assert lora.kept[site.module] == pytest.approx(1 - lost.item(), abs=1e-5)
    assert lora_of(adapter, 0.9).energy >= 0.9
    with pytest.raises(qcompile.QCompileError, match="QA6205"):
        lora_of(adapter, 0)


def test_conversions_that_cannot_be_are_refused(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(*arguments: str) -> str:
        assert main(["convert", *arguments, "--message-format=short"]) in (1, 2)
        return capsys.readouterr().err

    pt = f"{trained}/adapter.pt"
    assert "QA5001" in fails(f"{trained}/adaptor.pt", f"{tmp_path}/x.safetensors")
    assert "error" in fails(pt, f"{tmp_path}/x.h5")
    assert "error" in fails(pt)
    assert "error" in fails(pt, f"{tmp_path}/x.pt", "more")
    assert "error" in fails(pt, f"{tmp_path}/x", "--to", "lora", "--rank", "0")
    assert main([QTHA, "-o", f"{tmp_path}/q.pt", "-q"]) == 0
    assert "QA6006" in fails(f"{tmp_path}/q.pt", f"{tmp_path}/lora", "--to", "lora")
    assert not (tmp_path / "lora").exists()


def test_surrogates_are_written_as_any_adapter(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pt = f"{tmp_path}/q.pt"
    assert main([QTHA, "-D", "rank=2", "-D", "layers=1", "-o", pt, "-q"]) == 0
    expected = qcompile.load(pt)
    sites = [site.module for site in expected.sites]
    torch.save({name: torch.eye(128)[:60] for name in sites}, tmp_path / "x.pt")
    for name in ("s.pt", "s/", "s.pt2"):
        output = f"{tmp_path}/{name}"
        options = ["--to", "surrogate", "--format", "json", "--data", f"{tmp_path}/x.pt"]
        if name.endswith("2"):
            options += ["--module", sites[0]]
        assert main(["convert", pt, output, *options]) == 0
        seen = capsys.readouterr()
        record = json.loads(seen.out)
        assert [circuit["module"] for circuit in record["circuits"]] == sites
        for circuit in record["circuits"]:
            assert circuit["method"] == "exact" and circuit["error"] < 1e-9
            assert circuit["output_error"] < 1e-5 and circuit["rms"] is None
        assert f"without {len(sites)} circuits" in seen.err
    x = torch.randn(2, 3, 128)
    program = torch.export.load(f"{tmp_path}/s.pt2").module()
    torch.testing.assert_close(program(x), expected[sites[0]](x), rtol=1e-4, atol=1e-5)
    again = qcompile.load(f"{tmp_path}/s.pt")
    torch.testing.assert_close(again[sites[0]](x), expected[sites[0]](x), rtol=1e-4, atol=1e-5)

    def fails(*arguments: str) -> str:
        assert main(["convert", *arguments, "--message-format=short"]) in (1, 2)
        return capsys.readouterr().err

    assert "QA0012" in fails(pt, f"{tmp_path}/c.qasm", "--to", "surrogate")
    assert "`--to lora`" in fails(pt, f"{tmp_path}/c.pt", "--to", "surrogate", "--rank", "3")
    assert "or `--to surrogate`" in fails(pt, f"{tmp_path}/c.pt", "--error", "0.1")
    assert "QA7301" in fails(f"{tmp_path}/s.pt", f"{tmp_path}/c.pt", "--to", "surrogate")
    assert not (tmp_path / "c.pt").exists()


WRITTEN = (".pt", ".safetensors", ".pt2", "/")
READ = (".pt", ".safetensors", "/")
CIRCUITS = (".qasm", ".qasm2", ".qpy", ".json", ".qir")
KNOWN = f"the known suffixes are: .pt, .safetensors, .pt2, .onnx, {', '.join(CIRCUITS)}, a folder/"


@pytest.fixture(scope="module")
def kinds(trained: Path) -> Path:
    """The same adapter, for one module, as every kind of file: `part.pt`, … and `part/`."""
    text = "qa 1\nadapter part() {\n shape 6 -> 4\n update mpo(x, to: 4, sites: 2, bond: 2)\n}\n"
    (trained / "part.qa").write_text(text, "utf-8")
    for suffix in WRITTEN:
        assert main([f"{trained}/part.qa", "-o", f"{trained}/part{suffix}", "-q"]) == 0
    return trained


@pytest.mark.parametrize("to", [*WRITTEN, "", ".h5", ".qasm", ".json", ".dot", ".qa", ".PT"])
@pytest.mark.parametrize("source", [*WRITTEN, "", ".h5", ".qasm", ".qa"])
def test_every_pair_of_kinds_converts_or_says_why_not(
    source: str, to: str, kinds: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = f"{tmp_path}/out{to}"
    code = main(["convert", f"{kinds}/part{source}", output, "-q"])
    printed = capsys.readouterr().err
    # The folder is there as `part` as well.
    if source not in (*WRITTEN, ""):
        assert code == 2 and "QA0051" in printed and ".pt, .safetensors, a folder/" in printed
    elif to in CIRCUITS:
        assert code == (1 if source == ".pt2" else 2)
        assert ("QA5021" if source == ".pt2" else "QA0022") in printed
    elif to not in WRITTEN:
        assert code == 2 and "QA0012" in printed and KNOWN in printed
    elif source == ".pt2":
        assert code == 1 and "QA5021" in printed
    else:
        assert code == 0 and printed == ""
    if code:
        assert list(tmp_path.iterdir()) == []
    elif to == ".pt2":
        assert Path(output).read_bytes() == (kinds / "part.pt2").read_bytes()
    else:
        qcompile.load(output).save(tmp_path / "again.pt")
        assert (tmp_path / "again.pt").read_bytes() == (kinds / "part.pt").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["part.pt", "out.pt", "--rank", "4"], "QA0052"),
        (["part.pt", "out.pt", "--to", "adapter", "--rank", "4"], "QA0052"),
        (["part.pt", "out.pt", "--module", "q"], "QA0052"),
        (["part.pt", "out.pt", "--bind", "angles"], "QA0052"),
        (["part.pt", "out.pt2", "--target", "fake_torino"], "QA0052"),
        (["part.pt", "out.qasm", "--bind", "angels"], "QA0009"),
        (["part.pt", "lora/", "--to", "lora", "--module", "q"], "QA0052"),
        (["part.pt", "out.pt2", "--module", "q"], "QA6007"),
        (["part.pt", "out/", "--error", "1e-3"], "QA0052"),
        (["part.pt", "out/", "--base", "tiny"], "QA0052"),
        (["part.pt", "out/", "--data", "x.npy"], "QA0052"),
        (["part.pt", "out/", "--format", "json"], "QA0052"),
        (["part.pt", "out.safetensors", "--model", "c.json"], "QA0052"),
        (["part.pt", "lora/", "--to", "lora", "--model", "c.json"], "QA0052"),
        (["part.pt", "out.pt", "--to", "surrogate", "--model", "c.json"], "QA0052"),
        (["part.pt", "out.qasm", "--model", "c.json"], "QA0052"),
        (["part.pt", "lora/", "--to", "lora", "--error", "1e-3", "--rank", "4"], "QA0011"),
        (["part.pt", "lora/", "--to", "lora", "--error", "-1"], "QA0009"),
        (["part.pt", "lora/", "--to", "lora", "--error", "2"], "QA0009"),
        (["part.pt", "lora/", "--to", "lora", "--data", "x.csv"], "QA0009"),
        (["part.pt", "lora.pt2", "--to", "lora"], "QA0012"),
        (["part.pt", "lora.qasm", "--to", "lora"], "QA0012"),
        (["part.pt", "nowhere/out.pt2"], "QA0013"),
        (["part.pt", "nowhere/out.safetensors"], "QA0013"),
        (["part.pt", "part.pt"], "QA0015"),
        (["part", "part/"], "QA0015"),
    ],
)
def test_what_does_not_go_together_is_refused(
    arguments: list[str],
    code: str,
    kinds: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(kinds)
    before = sorted(kinds.rglob("*"))
    assert main(["convert", *arguments]) in (1, 2)
    assert code in capsys.readouterr().err
    assert sorted(kinds.rglob("*")) == before


def test_python_saves_by_suffix_as_well(kinds: Path, tmp_path: Path) -> None:
    adapter = qcompile.load(kinds / "part.pt")
    adapter.save(tmp_path / "part.pt2")
    assert (tmp_path / "part.pt2").read_bytes() == (kinds / "part.pt2").read_bytes()
    for name in ("part", "part.bin", "part.qasm"):
        with pytest.raises(qcompile.QCompileError, match="QA0012"):
            adapter.save(tmp_path / name)
    with pytest.raises(qcompile.QCompileError, match="QA5021"):
        qcompile.load(tmp_path / "part.pt2")


def test_damaged_safetensors_are_refused(trained: Path, tmp_path: Path) -> None:
    main(["convert", f"{trained}/adapter.pt", f"{tmp_path}/a.safetensors", "-q"])
    data = (tmp_path / "a.safetensors").read_bytes()
    flipped = data[:-1] + bytes([data[-1] ^ 1])
    changed = data.replace(b"tokens", b"tokenz", 1)
    assert changed != data
    for number, bad in enumerate((b"", b"\0" * 8, data[:1000], data[:-3], flipped, changed)):
        path = tmp_path / f"{number}.safetensors"
        path.write_bytes(bad)
        with pytest.raises(qcompile.QCompileError, match="QA500"):
            qcompile.load(path)


@pytest.mark.parametrize(
    "header",
    [
        {},
        {"__metadata__": None},
        {"__metadata__": {}},
        {"__metadata__": {"qcompile": "null"}},
        {"__metadata__": {"qcompile": "[" * 100_000}},
        {"__metadata__": {"format": "pt"}},
    ],
    ids=["nothing", "null", "empty", "null inside", "deep", "another library"],
)
def test_foreign_safetensors_are_named_as_such(header: dict[str, Any], tmp_path: Path) -> None:
    text = json.dumps(header).encode()
    (tmp_path / "a.safetensors").write_bytes(len(text).to_bytes(8, "little") + text)
    with pytest.raises(qcompile.QCompileError, match="QA5005"):
        qcompile.load(tmp_path / "a.safetensors")


def test_the_manifest_is_the_same_in_every_kind(trained: Path) -> None:
    manifest, _ = read_artifact(trained / "adapter.pt")
    for name in ("m.safetensors", "m/"):
        main(["convert", f"{trained}/adapter.pt", f"{trained}/{name}", "-q"])
        assert qcompile.load(f"{trained}/{name}").manifest == manifest
