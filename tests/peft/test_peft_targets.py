"""Every entry of a choice of modules chooses something, or is named."""

from __future__ import annotations

from typing import Any

import pytest
from peft import get_peft_model

from qcompile.diagnostics import QCompileError
from qcompile.peft import QCompileConfig
from tests.peft.models import base
from tests.peft.specs import LORA

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated")


@pytest.mark.parametrize(
    ("choice", "named"),
    [
        (
            {"target_modules": ["q_proj", "nope"]},
            ["'nope' of target_modules", "of the model end in"],
        ),
        ({"target_modules": ["q_prj", "v_prj"]}, ["'q_prj'", "'v_prj'", "did you mean `q_proj`"]),
        (
            {"target_modules": ["q_proj", "lm_head"], "layers_to_transform": [0]},
            ["'lm_head' of target_modules", "linear maps of these layers end in down_proj"],
        ),
        ({"layers_to_transform": [0, 99]}, ["99 of layers_to_transform"]),
        ({"layers_to_transform": 99}, ["99 of layers_to_transform"]),
        (
            {"target_modules": ["q_proj", "x"], "layers_to_transform": [0, 7]},
            ["'x' of target_modules", "7 of layers_to_transform"],
        ),
        (
            {"target_modules": ["q_proj", "v_proj"], "exclude_modules": ["o_prjo"]},
            ["'o_prjo' of exclude_modules"],
        ),
    ],
)
def test_what_chooses_nothing_is_named(choice: dict[str, Any], named: list[str]) -> None:
    model = base("llama")
    with pytest.raises(QCompileError, match="QA6201") as caught:
        get_peft_model(model, QCompileConfig(spec=LORA, **choice))
    for text in named:
        assert text in str(caught.value)
    assert not any("qcompile" in name for name, _ in model.named_modules())


@pytest.mark.parametrize(
    "choice",
    [
        {"target_modules": ["q_proj", "self_attn.v_proj", "model.layers.0.mlp.up_proj"]},
        {"target_modules": ["q_proj"], "layers_to_transform": [0, 2]},
        {"target_modules": r".*\.q_proj", "exclude_modules": ["v_proj"]},
        {"target_modules": ["lm_head", "q_proj"]},
    ],
)
def test_what_chooses_something_is_taken(choice: dict[str, Any]) -> None:
    get_peft_model(base("llama"), QCompileConfig(spec=LORA, **choice))
