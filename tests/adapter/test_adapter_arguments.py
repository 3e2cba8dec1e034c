"""What a function does not take is a message with a code, and nothing has changed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import qcompile
from qcompile.adapter.lora import lora_of
from qcompile.adapter.training import after_step, check_finite, regulariser
from tests.adapter.models import compiled, low_rank

SHAPED = """qa 1

adapter a() {
    shape 6 -> 4
    update linear(x, to: out_features)
}
"""

PLACED = SHAPED.replace("shape 6 -> 4", 'attach "*"')

FOREIGN: dict[str, Any] = {
    "None": None,
    "number": 3,
    "bytes": b"w.pt",
    "list": [],
    "class": nn.Linear,
    "tensor": torch.zeros(2),
    "null character": "a\0.pt",
}
"""No function below takes any of these."""


def model() -> nn.Module:
    return nn.Sequential(nn.Linear(6, 4))


def adapter() -> qcompile.CompiledAdapter:
    return compiled(model(), ("0",), low_rank)


def with_disabled(value: Any) -> None:
    with qcompile.disabled(value):
        pass


CALLS: dict[str, Callable[[Any], object]] = {
    "attach adapter": lambda v: qcompile.attach(model(), v),
    "attach model": lambda v: qcompile.attach(v, adapter()),
    "attached": qcompile.attached,
    "detach": qcompile.detach,
    "disabled": with_disabled,
    "merge": qcompile.merge,
    "load": qcompile.load,
    "prune": qcompile.prune,
    "lora_of": lambda v: lora_of(v, 2),
    "lora save": lambda v: lora_of(adapter(), 2).save(v),
    "save": lambda v: adapter().save(v),
    "part": lambda v: adapter()[v],
    "compile": qcompile.compile,
    "compile model": lambda v: qcompile.compile(PLACED, model=3 if v is None else v),  # type: ignore[arg-type]
    "compile parameters": lambda v: qcompile.compile(SHAPED, parameters={"x": v}),
    "compile names": lambda v: qcompile.compile(SHAPED, parameters={str: v}),  # type: ignore[dict-item]
    "compile seed": lambda v: qcompile.compile(SHAPED, seed=-3 if isinstance(v, int) else v),
    "compile tokens": lambda v: qcompile.compile(SHAPED, tokens=2.5 if isinstance(v, int) else v),  # type: ignore[arg-type]
    "regulariser": regulariser,
    "check_finite": check_finite,
    "after_step": after_step,
    "strength": lambda v: after_step(adapter(), -1.0 if isinstance(v, int) else v),
}


@pytest.mark.parametrize("value", FOREIGN)
@pytest.mark.parametrize("call", CALLS)
def test_foreign_arguments_are_refused(call: str, value: str) -> None:
    with pytest.raises(qcompile.QCompileError):
        CALLS[call](FOREIGN[value])


@pytest.mark.parametrize("value", FOREIGN)
def test_functions_for_peft_refuse_them_as_well(value: str, tmp_path: Path) -> None:
    from qcompile.peft import load, to_lora

    found = FOREIGN[value]
    for call in (
        lambda: load(found, tmp_path),
        lambda: load(model(), tmp_path / "none" if isinstance(found, str) else found),
        lambda: to_lora(found, 2),
    ):
        with pytest.raises(qcompile.QCompileError, match=r"QA6013|QA5001"):
            call()


@pytest.mark.parametrize(
    "call", ["attach model", "attached", "detach", "disabled", "merge", "compile model"]
)
def test_an_adapter_is_no_model(call: str) -> None:
    with pytest.raises(qcompile.QCompileError, match="not a `CompiledAdapter`") as caught:
        CALLS[call](adapter())
    assert caught.value.diagnostics[0].code == "QA6013"


def test_swapped_arguments_are_named() -> None:
    with pytest.raises(qcompile.QCompileError, match="the model comes first"):
        qcompile.attach(adapter(), model())  # type: ignore[arg-type]
    with pytest.raises(qcompile.QCompileError, match="load the model first"):
        qcompile.attach("base", "w.pt")  # type: ignore[type-var]


def test_a_source_is_to_be_compiled_first(tmp_path: Path) -> None:
    path = tmp_path / "x.qa"
    path.write_text(SHAPED)
    for call in (qcompile.load, CALLS["attach adapter"]):
        with pytest.raises(qcompile.QCompileError, match="compile it first") as caught:
            call(path)
        assert caught.value.diagnostics[0].code == "QA6015"


def test_a_model_inside_peft_is_told_its_own_methods() -> None:
    inside = model()
    inside.peft_config = {}  # type: ignore[assignment]
    with pytest.raises(qcompile.QCompileError, match="merge_and_unload"):
        qcompile.merge(inside)


def test_integers_of_other_libraries_are_integers() -> None:
    found = qcompile.compile(SHAPED, seed=np.int64(3), tokens=torch.tensor(8))  # type: ignore[arg-type]
    assert found.manifest.planned.seed == 3 and found.manifest.tokens == 8


def test_progress_is_a_function() -> None:
    attached = qcompile.attach(model(), adapter())
    with pytest.raises(qcompile.QCompileError, match="QA6013"):
        qcompile.merge(attached, progress=3)  # type: ignore[arg-type]
    assert len(qcompile.attached(attached)) == 1


NOT_REAL = [torch.int64, torch.int32, torch.uint8, torch.bool, torch.complex64]


@pytest.mark.parametrize("dtype", NOT_REAL)
def test_inputs_are_real_floating_point_numbers(dtype: torch.dtype) -> None:
    part = qcompile.compile(SHAPED)
    x = torch.ones(2, 6).to(dtype)
    with pytest.raises(qcompile.QCompileError, match="real floating-point") as caught:
        part(x)
    assert caught.value.diagnostics[0].code == "QA6014"
    reading = qcompile.compile(SHAPED.replace("linear(x", "linear(y"))
    with pytest.raises(qcompile.QCompileError, match="real floating-point"):
        reading(torch.ones(2, 6), torch.ones(2, 4).to(dtype))
    with pytest.raises(qcompile.QCompileError, match="not `list`"):
        part([1.0] * 6)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_every_floating_point_dtype_is_taken(dtype: torch.dtype) -> None:
    assert qcompile.compile(SHAPED)(torch.ones(2, 6, dtype=dtype)).dtype == dtype


def test_one_fault_of_many_modules_is_one_message() -> None:
    many = nn.Sequential(*(nn.Linear(6, 4) for _ in range(60)))
    names = tuple(str(number) for number in range(60))
    found = compiled(many, names, low_rank)
    with pytest.raises(qcompile.QCompileError) as caught:
        qcompile.attach(nn.Sequential(), found)
    (problem,) = caught.value.diagnostics
    assert problem.code == "QA6001" and "`0`" in problem.title
    assert problem.notes == ("the same holds for 59 more modules: `1`, `2`, `3`, …",)
