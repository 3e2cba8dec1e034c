"""Rows of one batch through different adapters; recomputation under those of the forward pass."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from torch import Tensor, nn

from qcompile.diagnostics import QCompileError
from qcompile.peft import QCompileConfig
from tests.adapter.models import checkpoint_activations
from tests.peft.models import IDS, base
from tests.peft.specs import EXAMPLES, LORA, REPLACING, ROTATING, SHARED

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated")

PREFIX = str(EXAMPLES / "prefix_tuning.qa")
QTHA = str(EXAMPLES / "qtha.qa")


def moved(model: nn.Module) -> None:
    """Give every trained tensor another value, so that adapters matter and differ."""
    with torch.no_grad():
        for number, (name, parameter) in enumerate(model.named_parameters()):
            if ".qcompile_core." in name:
                drawn = torch.Generator().manual_seed(number)
                parameter.add_(0.3 * torch.randn(parameter.shape, generator=drawn))


def two(spec: str, other: str = LORA) -> Any:
    model = get_peft_model(base("llama"), QCompileConfig(spec=spec))
    model.add_adapter("second", QCompileConfig(spec=other))
    moved(model)
    return model.eval()


def alone(model: Any, name: str) -> Tensor:
    with torch.no_grad():
        if name == "__base__":
            with model.disable_adapter():
                found: Tensor = model(input_ids=IDS).logits
                return found
        model.set_adapter(name)
        switched: Tensor = model(input_ids=IDS).logits
    return switched


@pytest.mark.parametrize("spec", [LORA, SHARED, REPLACING, ROTATING, QTHA])
@pytest.mark.parametrize(
    "names", [("default", "second"), ("second", "__base__"), ("__base__", "default")]
)
def test_each_row_goes_to_its_adapter(spec: str, names: tuple[str, str]) -> None:
    model = two(spec)
    expected = torch.stack([alone(model, name)[row] for row, name in enumerate(names)])
    model.set_adapter("default")
    with torch.no_grad():
        found = model(input_ids=IDS, adapter_names=list(names)).logits
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
    # The argument is for one call.
    assert torch.equal(model(input_ids=IDS).logits, alone(model, "default"))


@pytest.mark.parametrize("options", [{}, {"num_beams": 2}])
def test_generation_of_a_mixed_batch(options: dict[str, int]) -> None:
    # Near ties between tokens must not be decided by rounding.
    model = two(LORA).double()
    names = ["second", "__base__"]
    arguments = {"max_new_tokens": 4, "do_sample": False, "pad_token_id": 0, **options}
    rows = []
    for row, name in enumerate(names):
        ids = IDS[row : row + 1]
        mask = torch.ones_like(ids)
        if name == "__base__":
            with model.disable_adapter():
                rows.append(model.generate(input_ids=ids, attention_mask=mask, **arguments))
        else:
            model.set_adapter(name)
            rows.append(model.generate(input_ids=ids, attention_mask=mask, **arguments))
    model.set_adapter("default")
    found = model.generate(
        input_ids=IDS, attention_mask=torch.ones_like(IDS), adapter_names=names, **arguments
    )
    assert torch.equal(found, torch.cat(rows))


def test_several_answers_repeat_the_rows() -> None:
    model = two(LORA)
    found = model.generate(
        input_ids=IDS,
        attention_mask=torch.ones_like(IDS),
        adapter_names=["second", "default"],
        num_return_sequences=2,
        do_sample=True,
        max_new_tokens=2,
        pad_token_id=0,
    )
    assert found.shape[0] == 4


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        (["default", "c"], "no adapter `c`"),
        (["default"], "1 names for 2 rows"),
        ("default", "no list of names"),
    ],
)
def test_wrong_names_are_refused(names: Any, reason: str) -> None:
    model = two(LORA)
    with pytest.raises(QCompileError, match=reason) as caught:
        model(input_ids=IDS, adapter_names=names)
    assert "QA6203" in str(caught.value)


def test_a_mixed_batch_needs_evaluation_and_adapters_that_are_not_merged() -> None:
    model = two(LORA)
    with pytest.raises(QCompileError, match="training mode"):
        model.train()(input_ids=IDS, adapter_names=["default", "second"])
    model.eval().merge_adapter()
    with pytest.raises(QCompileError, match="unmerge_adapter"):
        model(input_ids=IDS, adapter_names=["default", "second"])


def test_prefixes_have_no_mixed_batches() -> None:
    model = get_peft_model(base("llama"), QCompileConfig(spec=PREFIX)).eval()
    with pytest.raises(QCompileError, match="prefix"):
        model(input_ids=IDS, adapter_names=["default", "__base__"])


def test_models_that_ignore_the_names_refuse_them() -> None:
    model = base("llama")
    model.add_adapter(QCompileConfig(spec=LORA))
    for called in (model, model.model):
        with pytest.raises(QCompileError, match="QA6203"):
            called(input_ids=IDS, adapter_names=["default", "default"])


def test_unloading_leaves_no_hook() -> None:
    model = base("llama")
    assert not any(module._forward_pre_hooks for module in model.modules())
    unloaded = get_peft_model(model, QCompileConfig(spec=LORA)).unload()
    assert not any(module._forward_pre_hooks for module in unloaded.modules())


def gradients(
    model: Any, checkpointing: bool | None, *, thaw: bool
) -> tuple[dict[str, Tensor], Tensor]:
    """Of two losses under two adapters and one backward pass; and of the embeddings.

    Args:
        model: Of peft, with adapters `default` and `second`.
        checkpointing: Without, or whether reentrant.
        thaw: Setting an adapter freezes the others, and frozen tensors take no gradient; whether
            they are trained again before the backward pass.
    """
    if checkpointing is not None:
        checkpoint_activations(model.base_model.model, reentrant=checkpointing)
    model.train()
    model.zero_grad()
    embedded = model.get_input_embeddings()(IDS).detach().requires_grad_()
    total = torch.zeros(())
    for name in ("default", "second"):
        model.set_adapter(name)
        total = total + model(inputs_embeds=embedded, labels=IDS).loss
    if thaw:
        model.base_model.set_requires_grad(["default", "second"])
    torch.autograd.backward(total)
    found = {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}
    assert embedded.grad is not None
    return found, embedded.grad


@pytest.mark.parametrize("thaw", [True, False])
@pytest.mark.parametrize("reentrant", [False, True])
@pytest.mark.parametrize("spec", [QTHA, PREFIX], ids=["circuit", "prefix"])
def test_checkpoints_recompute_under_the_adapter_of_their_forward(
    spec: str, reentrant: bool, thaw: bool
) -> None:
    model = get_peft_model(base("llama"), QCompileConfig(spec=LORA))
    model.add_adapter("second", QCompileConfig(spec=spec))
    moved(model)
    plain, plain_embedded = gradients(model, None, thaw=thaw)
    assert {".default." in name for name in plain} == ({True, False} if thaw else {False})
    found, embedded = gradients(model, reentrant, thaw=thaw)
    assert found.keys() == plain.keys()
    for name, gradient in plain.items():
        torch.testing.assert_close(found[name], gradient, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(embedded, plain_embedded, rtol=1e-4, atol=1e-6)


def test_the_hooks_of_lora_stay_as_they_are() -> None:
    model = get_peft_model(base("llama"), LoraConfig(target_modules=["q_proj"])).eval()
    model(input_ids=IDS, adapter_names=["default", "__base__"])
