"""Names of adapters that are not there, or are given twice; unloading what is merged."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from peft import get_peft_model
from torch import nn

from qcompile.diagnostics import QCompileError
from qcompile.peft import QCompileConfig
from tests.peft.models import base, logits
from tests.peft.specs import LORA

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated")


def two() -> Any:
    """A model with the adapters `default`, which is active, and `second`; both matter."""
    model = get_peft_model(base("llama"), QCompileConfig(spec=LORA))
    model.add_adapter("second", QCompileConfig(spec=LORA, seed=1))
    with torch.no_grad():
        for number, (name, parameter) in enumerate(model.named_parameters()):
            if ".qcompile_core." in name:
                drawn = torch.Generator().manual_seed(number)
                parameter.add_(0.3 * torch.randn(parameter.shape, generator=drawn))
    return model.eval()


USES: dict[str, Callable[[Any], object]] = {
    "tuner": lambda model: model.base_model.set_adapter(["default", "secnod"]),
    "merge": lambda model: model.merge_adapter(["secnod"]),
    "unload": lambda model: model.merge_and_unload(adapter_names=["default", "secnod"]),
}


@pytest.mark.parametrize("use", USES)
def test_a_name_that_no_adapter_has_is_refused(use: str) -> None:
    model = two()
    before = logits(model)
    with pytest.raises(QCompileError, match="QA6219") as caught:
        USES[use](model)
    assert "did you mean `second`?" in str(caught.value)
    assert torch.equal(logits(model), before)
    assert model.base_model.active_adapters == ["default"]


def test_an_adapter_named_twice_acts_once() -> None:
    model = two()
    before = logits(model)
    model.base_model.set_adapter(["default", "default"])
    assert torch.equal(logits(model), before)
    model.set_adapter("default")
    model.merge_adapter(["default", "default"])
    torch.testing.assert_close(logits(model), before, rtol=1e-4, atol=1e-4)
    model.unmerge_adapter()
    assert torch.equal(logits(model), before)


def test_unload_gives_the_base_back_after_a_merge() -> None:
    model = two()
    model.merge_adapter()
    unloaded: nn.Module = model.unload()
    assert torch.equal(logits(unloaded), logits(base("llama")))
