"""Frozen tensors: no gradient, no place in files, the same when read back."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

import qcompile
from qcompile.artifact.layout import frozen_parameters, trainable_parameters
from qcompile.cli import main

SOURCE = """qa 1

adapter a() {
    attach "*_proj"
    h = linear(x, to: 3, frozen: true, share: "down")
    g = vector(3, init: constant(0.5))
    own = cayley(h * g, block: 3, init: normal, frozen: true)
    update linear(own, to: out_features, init: zero)
}
"""
SUFFIXES = ("pt", "safetensors")


class Model(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.q_proj = nn.Linear(6, 4)
        self.v_proj = nn.Linear(6, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat((self.q_proj(x), self.v_proj(x)), -1)


@pytest.fixture(scope="module")
def adapter() -> qcompile.CompiledAdapter:
    return qcompile.compile(SOURCE, model=Model())


def trained(adapter: qcompile.CompiledAdapter) -> qcompile.CompiledAdapter:
    with torch.no_grad():
        for parameter in adapter.parameters():
            if parameter.requires_grad:
                parameter.add_(0.25)
    return adapter


def test_counted_apart(adapter: qcompile.CompiledAdapter) -> None:
    planned = adapter.manifest.planned
    assert trainable_parameters(planned) == 2 * 3 + 3 * 4 + 3 * 5
    assert frozen_parameters(planned) == 3 * 6 + 2 * 3
    assert "33 parameters" in repr(adapter)


def test_training_leaves_them_alone() -> None:
    model = Model()
    adapter = qcompile.compile(SOURCE, model=model)
    qcompile.attach(model, adapter)
    # As peft's tuners, and loops that turn everything on.
    model.requires_grad_(True)
    part = adapter["q_proj"]
    part.requires_grad_(True)
    before = {name: parameter.detach().clone() for name, parameter in adapter.named_parameters()}
    frozen = {name for name in before if name.endswith(("h.weight", "own.skew"))}
    trainable = [parameter for parameter in adapter.parameters() if parameter.requires_grad]
    for _ in range(2):
        loss = model(torch.ones(2, 6)).square().sum()
        loss.backward()
        with torch.no_grad():
            for parameter in trainable:
                if parameter.grad is not None:
                    parameter.sub_(0.1 * parameter.grad)
    changed = {n for n, p in adapter.named_parameters() if not torch.equal(p, before[n])}
    assert changed == before.keys() - frozen
    assert part.get_parameter("h.weight") is adapter["v_proj"].get_parameter("h.weight")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_files_leave_them_out(suffix: str, tmp_path: Path) -> None:
    adapter = trained(qcompile.compile(SOURCE, model=Model()))
    path = tmp_path / f"a.{suffix}"
    adapter.save(path)
    if suffix == "pt":
        held = set(torch.load(path, weights_only=True)["state"])
        assert held == {f"{m}_proj.a.{t}" for m in "qv" for t in ("g", "update.weight")}
    again = qcompile.load(path)
    for (name, one), (_, other) in zip(
        adapter.named_parameters(), again.named_parameters(), strict=True
    ):
        assert torch.equal(one, other), name
        assert one.requires_grad == other.requires_grad, name
    first = again["q_proj"].get_parameter("h.weight")
    assert first is again["v_proj"].get_parameter("h.weight")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_files_hold_those_that_are_not_as_drawn(suffix: str, tmp_path: Path) -> None:
    adapter = qcompile.compile(SOURCE, model=Model())
    with torch.no_grad():
        adapter["q_proj"].get_parameter("h.weight").mul_(2.0)
    half = qcompile.compile(SOURCE, model=Model()).to(torch.bfloat16)
    for number, given in enumerate((adapter, half)):
        path = tmp_path / f"{number}.{suffix}"
        given.save(path)
        for (name, one), (_, other) in zip(
            given.named_parameters(), qcompile.load(path).named_parameters(), strict=True
        ):
            assert one.dtype == other.dtype and torch.equal(one, other), name


def test_between_kinds_of_files(tmp_path: Path) -> None:
    adapter = trained(qcompile.compile(SOURCE, model=Model()))
    start, folder, end = tmp_path / "a.pt", f"{tmp_path}/folder/", tmp_path / "b.safetensors"
    adapter.save(start)
    for source, output in ((start, folder), (folder, end)):
        assert main(["convert", str(source), str(output), "-q"]) == 0
    found = dict(qcompile.load(end).named_parameters())
    for name, parameter in adapter.named_parameters():
        assert torch.equal(parameter, found[name]), name
    assert (tmp_path / "b.safetensors").stat().st_size > 0


def test_nothing_trainable_is_said(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    source = tmp_path / "a.qa"
    source.write_text(
        "qa 1\nadapter a() {\n    shape 4 -> 4\n"
        "    update linear(x, to: 4, init: zero, frozen: true)\n}\n"
    )
    assert main(["check", str(source)]) == 0
    assert "QA2160" in capsys.readouterr().err
