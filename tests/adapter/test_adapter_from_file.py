"""Tensors that start from a file."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

import qcompile
from qcompile.cli import main
from qcompile.diagnostics.errors import CompileError
from qcompile.driver.inputs import inputs_of
from qcompile.driver.options import Options
from qcompile.grammar.files import read_source

SPEC = """qa 1

block expert(v, name: text, to: int) {
    return linear(v, to: to, init: file("start.safetensors", name), frozen: true)
}

adapter a(rank: int = 2) {
    shape 3 -> 4
    a = linear(x, to: rank, init: file("start.safetensors", "a"))
    v = vector(rank, init: file("v.npy"), frozen: true)
    b = expert(a * v, name: "b", to: out_features)
    update b + linear(a, to: out_features, init: zero)
}
"""
A = torch.arange(6.0).reshape(2, 3)
B = torch.arange(8.0).reshape(4, 2) / 7


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    save_file({"b": B.double(), "a": A.bfloat16()}, tmp_path / "start.safetensors")
    np.save(tmp_path / "v.npy", np.array([1.5, -2.5], dtype=np.float16))
    (tmp_path / "spec.qa").write_text(SPEC)
    return tmp_path / "spec.qa"


def test_values_come_from_files_and_stay(spec: Path, tmp_path: Path) -> None:
    adapter = qcompile.compile(spec)
    x = torch.randn(5, 3, generator=torch.Generator().manual_seed(0))
    wanted = (x @ A.T * torch.tensor([1.5, -2.5])) @ B.T
    torch.testing.assert_close(adapter(x), wanted, rtol=1e-5, atol=1e-5)
    assert {n for n, p in adapter.named_parameters() if p.requires_grad} == {
        "a.a.weight",
        "a.update.linear1.weight",
    }
    for name in ("adapter.pt", "adapter.safetensors"):
        adapter.save(tmp_path / name)
    for name in ("start.safetensors", "v.npy"):
        (tmp_path / name).unlink()
    for name in ("adapter.pt", "adapter.safetensors"):
        torch.testing.assert_close(qcompile.load(tmp_path / name)(x), adapter(x))


def test_builds_are_the_same_wherever_the_folder_is(spec: Path, tmp_path: Path) -> None:
    other = tmp_path / "elsewhere"
    other.mkdir()
    for name in ("start.safetensors", "v.npy", "spec.qa"):
        (other / name).write_bytes((tmp_path / name).read_bytes())
    written = []
    for path in (spec, other / "spec.qa"):
        output = path.with_suffix(".pt")
        assert main(["-q", str(path), "-o", str(output)]) == 0
        written.append(output.read_bytes())
    assert written[0] == written[1]
    assert str(tmp_path).encode() not in written[0]
    # Other numbers, another plan.
    plan = qcompile.compile(spec).manifest.digests
    save_file({"b": B.double() + 1, "a": A.bfloat16()}, tmp_path / "start.safetensors")
    assert qcompile.compile(spec).manifest.digests != plan


def test_files_are_inputs(spec: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = {path.name for path in inputs_of(read_source(str(spec)), Options())}
    assert {"spec.qa", "start.safetensors", "v.npy"} <= found
    assert main([str(spec), "-o", str(tmp_path / "start.safetensors")]) == 2
    assert "QA0015" in capsys.readouterr().err


def raw(header: object, data: bytes = b"") -> bytes:
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


def entry(shape: list[int], start: int, end: int, dtype: str = "F32") -> dict[str, object]:
    return {"a": {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}}


HOSTILE: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "damaged"),
    "pickle": (b"\x80\x04cos\nsystem\nq\x00.", "damaged"),
    "a header without end": ((2**60).to_bytes(8, "little") + b"{}", "damaged"),
    "a header that is no object": (raw([1, 2]), "damaged"),
    "nested": (raw(0)[:8] + b"[" * 100_000, "damaged"),
    "offsets that are none": (raw(entry([2, 3], 8, 2)), "damaged"),
    "negative offsets": (raw(entry([2, 3], -24, 0)), "damaged"),
    "cut off": (raw(entry([2, 3], 0, 24), b"\0" * 20), "cut off"),
    "far too large": (raw(entry([2**20, 2**20], 0, 2**42)), "more than"),
    "negative": (raw(entry([-2, -3], 0, 24), b"\0" * 24), "damaged"),
    "integers": (raw(entry([2, 3], 0, 48, "I64"), b"\0" * 48), "I64"),
    "another name": (raw({"c": entry([2, 3], 0, 24)["a"]}, b"\0" * 24), "has no tensor `a`"),
    "code in a header of numpy": (
        b"\x93NUMPY\x01\x00"
        + (40).to_bytes(2, "little")
        + b"__import__('os').system('touch hacked')\n",
        "damaged",
    ),
    "objects of numpy": (
        b"\x93NUMPY\x01\x00"
        + (60).to_bytes(2, "little")
        + b"{'descr': '|O', 'fortran_order': False, 'shape': (2, 3)}   \n",
        "|O",
    ),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_files_are_refused(case: str, spec: Path, tmp_path: Path) -> None:
    contents, reason = HOSTILE[case]
    (tmp_path / "start.safetensors").write_bytes(contents)
    text = (
        SPEC.replace('"start.safetensors", "a"', '"start.safetensors"') if "numpy" in case else SPEC
    )
    spec.write_text(text)
    with pytest.raises(CompileError, match="QA2140") as raised:
        qcompile.compile(spec)
    assert reason in str(raised.value)
    assert not Path("hacked").exists()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda text: text.replace("start.safetensors", "nowhere"), "QA2140.*No such file"),
        (lambda text: text.replace('name: "b"', 'name: "a"'), "QA3139.*2 x 3.*4 x 2"),
        (lambda text: text.replace('file("v.npy")', 'file("v.npy", "v")'), "QA2140.*one tensor"),
        (lambda text: text.replace('file("v.npy")', "file(rank)"), "QA2140.*in quotes"),
        (lambda text: text.replace('file("v.npy")', "file()"), "QA2132"),
        (
            lambda text: text.replace(
                "update b",
                'm = mpo(x, to: 4, sites: 2, bond: 2, init: file("v.npy"))\n    update m + b',
            ),
            "QA2139",
        ),
    ],
)
def test_what_cannot_start_so_is_refused(
    change: Callable[[str], str], code: str, spec: Path
) -> None:
    spec.write_text(change(SPEC))
    with pytest.raises(CompileError) as raised:
        qcompile.compile(spec)
    first, _, words = code.partition(".*")
    shown = " ".join(str(raised.value).split())
    assert first in shown
    assert all(word in shown for word in words.split(".*"))
