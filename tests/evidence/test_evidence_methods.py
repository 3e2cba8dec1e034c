"""The table of methods tells the truth, and what is missing is said at the start."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from evidence import available
from evidence.__main__ import main
from evidence.available import Unavailable, choose, why_not
from evidence.methods import ADAPTERS, CONTROLLED, EXAMPLES
from evidence.presets import PRESETS

OF_PEFT = {
    "adalora",
    "boft",
    "c3a",
    "corda",
    "cp",
    "daruan",
    "delora",
    "dora",
    "eva",
    "fourierft",
    "hira",
    "hra",
    "hra_orthogonal",
    "ia3",
    "loha",
    "lily",
    "loca",
    "loftq",
    "lokr",
    "lora_fa",
    "lora_ga",
    "loretta",
    "lorta",
    "metatt",
    "miss",
    "mixture_of_lora",
    "oft",
    "olora",
    "paca",
    "pissa",
    "psoft",
    "quic",
    "randlora",
    "road",
    "rslora",
    "shira",
    "tenslora",
    "tensor_ring",
    "tinylora",
    "tt_lora",
    "tucker",
    "vblora",
    "vera",
    "waveft",
}
"""Relatives of LoRA that others have compared with it; here they are held to peft's own code."""
ABSENT_BY_DESIGN = {
    "noisy_target.qa",
    "noise_aware.qa",
    "relatives/parts.qa",
    "experts/experts_lora.qa",
    "bitfit.qa",
    "houlsby.qa",
    "ln_tuning.qa",
    "parallel_adapter.qa",
    "lora_embedding.qa",
    "trainable_tokens.qa",
    *(f"{name}.qa" for name in OF_PEFT),
}
"""No adapter, or QTHA's circuit under noise, which exact simulation does not compare, or at other
modules than the linear maps that are compared."""


def test_every_example_is_a_method() -> None:
    files = {path.relative_to(EXAMPLES).as_posix() for path in EXAMPLES.rglob("*.qa")}
    compared = {method.file for method in ADAPTERS.values()}
    assert files - compared <= ABSENT_BY_DESIGN


def test_presets_name_methods_that_there_are() -> None:
    for preset in PRESETS.values():
        for task in preset.tasks:
            named = {*(task.methods or ()), *(task.matched or ())}
            assert named <= ADAPTERS.keys(), preset.name
            assert task.methods is None or "lora" in task.methods
            assert task.search_seed in task.seeds
            if preset.name != "smoke":
                assert len(set(task.seeds)) >= 5


def test_controls_are_their_methods_with_a_flag() -> None:
    for name in CONTROLLED:
        control = ADAPTERS[f"{name}-control"]
        assert control.control
        assert replace(control, name=name, control=False, about="") == replace(
            ADAPTERS[name], about=""
        )


def test_a_missing_file_is_an_error_unless_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    gone = {**ADAPTERS, "qtha": replace(ADAPTERS["qtha"], file="gone.qa")}
    monkeypatch.setattr(available, "ADAPTERS", gone)
    with pytest.raises(Unavailable, match=r"method qtha: there is no gone\.qa"):
        choose(None, PRESETS["smoke"])
    assert [method.name for method in choose(["lora"], PRESETS["smoke"])] == ["lora"]
    assert why_not(ADAPTERS["lora"]) is None


def test_an_unknown_name_is_an_error() -> None:
    with pytest.raises(Unavailable, match="no method lorra; there are lora"):
        choose(["lorra"], PRESETS["smoke"])


def test_errors_are_one_message(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pages = str(tmp_path / "none")
    folder = str(tmp_path)
    command = ["run", "--preset", "smoke", "--tasks", "man_section", "--pages", pages]
    assert main([*command, "--folder", folder]) == 2
    assert capsys.readouterr().err == f"evidence: there is no folder {pages}\n"
    assert main(["report", "--docs", folder]) == 2
    assert "results.json" in capsys.readouterr().err


def test_methods_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["methods"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(ADAPTERS)
