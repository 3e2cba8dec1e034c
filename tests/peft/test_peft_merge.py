"""Inside peft, too, a merge takes effect in every module or in none."""

from __future__ import annotations

import pytest
import torch
from peft import get_peft_model
from torch import nn

import qcompile
from qcompile.peft import QCompileConfig, QCompileLayer

SPEC = """qa 1

adapter low() {
    attach "*"
    update linear(linear(x, to: 2), to: out_features)
}
"""

X = torch.linspace(-1, 1, 12).reshape(2, 6)


class Layers(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.last = nn.Linear(6, 6), nn.Linear(6, 6)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.last(self.first(x))
        return found


def refused(layers: nn.Module, reason: str, scale: float = 1.0) -> None:
    x = X.to(next(layers.parameters()).dtype)
    model = get_peft_model(layers, QCompileConfig(spec=SPEC))
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "qcompile_core" in name and ".last." in name:
                parameter.mul_(scale)
    expected = model(x)
    for merge in (model.merge_adapter, model.merge_and_unload):
        with pytest.raises(qcompile.QCompileError, match=reason) as caught:
            merge()
        assert caught.value.diagnostics[0].code == "QA6006"
        found = [layer for layer in model.modules() if isinstance(layer, QCompileLayer)]
        assert len(found) == 2 and not any(layer.merged for layer in found)
        assert torch.equal(model(x).isnan(), expected.isnan())
        assert torch.equal(model(x).nan_to_num(), expected.nan_to_num())


def test_a_parametrized_weight_is_refused() -> None:
    layers = Layers()
    nn.utils.parametrizations.weight_norm(layers.last)
    refused(layers, "weight is computed from")


def test_an_adapter_with_nan_is_refused() -> None:
    refused(Layers(), "NaN or infinite", float("nan"))


def test_a_result_beyond_the_dtype_is_refused() -> None:
    refused(Layers().half(), "not be finite in float16", 1e4)


@pytest.mark.filterwarnings("ignore:Already following adapters were merged:UserWarning")
def test_what_was_merged_before_a_failure_stays_merged() -> None:
    model = get_peft_model(Layers(), QCompileConfig(spec=SPEC))
    model.add_adapter("more", QCompileConfig(spec=SPEC.replace("low", "high")))
    model.merge_adapter(["default"])
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if ".more." in name and ".last." in name:
                parameter.mul_(1e30)
    with pytest.raises(qcompile.QCompileError, match="not be finite in float32"):
        model.merge_adapter(["more"])
    for layer in model.modules():
        if isinstance(layer, QCompileLayer):
            assert layer.merged_adapters == ["default"]
    after = model.state_dict()
    assert all(torch.equal(after[n], before[n]) for n in before if ".more." not in n)
