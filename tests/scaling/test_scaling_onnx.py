"""Files for ONNX, read and run by onnxruntime."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import qcompile
from qcompile.adapter.compiled import CompiledAdapter
from qcompile.cli import main
from qcompile.diagnostics import AdapterError

onnxruntime = pytest.importorskip("onnxruntime")

CIRCUIT = """qa 1

adapter hybrid() {
    attach "{up,down}"
    h = linear(x, to: 3)
    q = circuit(3 qubits) {
        encode angle(h, gate: ry)
        crz ring
        ry
        measure z
    }
    update linear(q * tanh(h), to: out_features, init: normal)
}
"""
READING = """qa 1

adapter gate() {
    shape 6 -> 4
    update y * linear(x, to: out_features, init: normal)
}
"""


class Pair(torch.nn.Module):
    """Two maps of different sizes."""

    def __init__(self) -> None:
        super().__init__()
        self.up, self.down = torch.nn.Linear(6, 8), torch.nn.Linear(8, 5)


def session(path: Path) -> Any:
    return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])


def rows(*sizes: int) -> torch.Tensor:
    return torch.randn(*sizes, generator=torch.Generator().manual_seed(sum(sizes)))


@pytest.fixture(scope="module")
def hybrid() -> CompiledAdapter:
    return qcompile.compile(CIRCUIT, model=Pair())


def test_all_parts_are_one_model_for_any_batch_and_sequence(
    hybrid: CompiledAdapter, tmp_path: Path
) -> None:
    path = tmp_path / "all.onnx"
    hybrid.save(path)
    model = session(path)
    assert [(value.name, value.shape) for value in model.get_inputs()] == [
        ("up.hybrid.x", ["batch_0", "sequence_0", 6]),
        ("down.hybrid.x", ["batch_1", "sequence_1", 8]),
    ]
    assert [(value.name, value.shape) for value in model.get_outputs()] == [
        ("up.hybrid.update", ["batch_0", "sequence_0", 8]),
        ("down.hybrid.update", ["batch_1", "sequence_1", 5]),
    ]
    up, down = rows(2, 5, 6), rows(1, 3, 8)
    found = model.run(None, {"up.hybrid.x": up.numpy(), "down.hybrid.x": down.numpy()})
    for values, module, x in zip(found, ("up", "down"), (up, down), strict=True):
        expected = hybrid[module](x).detach().numpy()
        np.testing.assert_allclose(values, expected, rtol=0, atol=2e-6)


def test_one_module_has_short_names(hybrid: CompiledAdapter, tmp_path: Path) -> None:
    hybrid.save(tmp_path / "adapter.pt")
    path = tmp_path / "up.onnx"
    assert main(["convert", str(tmp_path / "adapter.pt"), str(path), "--module", "up"]) == 0
    model = session(path)
    x = rows(3, 1, 6)
    (found,) = model.run(["update"], {"x": x.numpy()})
    np.testing.assert_allclose(found, hybrid["up"](x).detach().numpy(), rtol=0, atol=2e-6)
    assert str(Path(qcompile.__file__).parent).encode() not in path.read_bytes()


def test_the_output_of_the_module_is_an_input(tmp_path: Path) -> None:
    adapter = qcompile.compile(READING)
    adapter.save(tmp_path / "gate.onnx")
    x, y = rows(2, 3, 6), rows(2, 3, 4)
    (found,) = session(tmp_path / "gate.onnx").run(None, {"x": x.numpy(), "y": y.numpy()})
    np.testing.assert_allclose(found, adapter(x, y).detach().numpy(), rtol=0, atol=2e-6)


def test_nothing_leads_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "gate.onnx").write_bytes(b"\0")
    assert main(["convert", str(tmp_path / "gate.onnx"), str(tmp_path / "gate.pt")]) == 1
    assert "QA5021" in capsys.readouterr().err


def test_remarks_of_the_exporter_are_not_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as that torchvision, which nothing here needs, is not installed."""
    export, log = torch.onnx.export, logging.getLogger("torch.onnx.remarks")
    shown: list[str] = []

    def note(record: logging.LogRecord) -> bool:
        shown.append(record.getMessage())
        return False

    log.addFilter(note)

    def talkative(*arguments: Any, **options: Any) -> Any:
        log.warning("torchvision is not installed")
        return export(*arguments, **options)

    monkeypatch.setattr(torch.onnx, "export", talkative)
    qcompile.compile(READING).save(tmp_path / "gate.onnx")
    assert not shown
    log.warning("shown again")
    assert shown == ["shown again"]


def test_without_the_package_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(AdapterError) as caught:
        qcompile.compile(READING).save(tmp_path / "gate.onnx")
    assert [message.code for message in caught.value.diagnostics] == ["QA4223"]
    assert "qcompile[onnx]" in str(caught.value)
    assert not list(tmp_path.iterdir())
