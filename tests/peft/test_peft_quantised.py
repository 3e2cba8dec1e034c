"""Bases in 4 and 8 bits: the adapter trains, is saved and loaded; merging is refused."""

from __future__ import annotations

import copy
import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel, get_peft_model
from transformers import AutoModelForCausalLM, BitsAndBytesConfig, TorchAoConfig

import qcompile
from qcompile.diagnostics.errors import AdapterError
from qcompile.peft import QCompileConfig, load, to_lora
from tests.adapter.models import same
from tests.peft.models import base, logits, loss, train, trainable
from tests.peft.specs import EXAMPLES, MPO

# peft asks transformers under a name that transformers 6 will drop.
pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated")

QTHA = str(EXAMPLES / "qtha.qa")


def nf4() -> Any:
    return BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=torch.float32
    )


def int8() -> Any:
    return BitsAndBytesConfig(load_in_8bit=True)


def torchao_int8() -> Any:
    from torchao.quantization import Int8WeightOnlyConfig

    return TorchAoConfig(Int8WeightOnlyConfig())


FORMATS: dict[str, tuple[str, Callable[[], Any], str]] = {
    "nf4": ("bitsandbytes", nf4, r"quantised \(torch\.uint8\)"),
    "int8": ("bitsandbytes", int8, r"quantised \(torch\.int8\)"),
    "torchao-int8": ("torchao", torchao_int8, r"quantised \(Int8Tensor\)"),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = str(tmp_path_factory.mktemp("base"))
    base("llama").save_pretrained(path)
    return path


@pytest.fixture(params=FORMATS)
def quantised(request: pytest.FixtureRequest, folder: str) -> tuple[Callable[[], Any], str]:
    """Loads the base in a format, and how a merge is refused."""
    package, settings, refusal = FORMATS[request.param]
    try:
        importlib.import_module(package)
    except ImportError as error:
        pytest.skip(f"{package} does not load on this platform: {error}")

    def make() -> Any:
        model = AutoModelForCausalLM.from_pretrained(
            folder, quantization_config=settings(), device_map={"": "cpu"}
        ).eval()
        return unpacked(model)

    return make, refusal


def unpacked(model: Any) -> Any:
    """The model, with 4-bit weights that stay as they are on every processor.

    With AVX-512 BF16, bitsandbytes packs them anew in evaluation: only for some sizes, in bfloat16,
    and without gradients from then on.
    """
    for module in model.modules():
        if hasattr(module, "support_avx512bf16_for_cpu"):
            module.support_avx512bf16_for_cpu = False
    return model


def values(model: Any) -> dict[str, torch.Tensor]:
    """The tensors of the base; those of torchao know no comparison."""
    return {
        key: (value.clone() if type(value) is torch.Tensor else value.dequantize())
        for key, value in model.state_dict().items()
        if isinstance(value, torch.Tensor) and "qcompile_core" not in key
    }


@pytest.mark.parametrize("spec", [MPO, QTHA], ids=["mpo", "qtha"])
def test_an_adapter_on_a_quantised_base(
    spec: str, quantised: tuple[Callable[[], Any], str], tmp_path: Path
) -> None:
    make, refusal = quantised
    bare = make()
    before = logits(bare)
    whole = logits(base("llama"))
    assert not torch.equal(before, whole)
    model: Any = get_peft_model(bare, QCompileConfig(spec=spec, parameters={"bond": 2}))
    assert torch.equal(logits(model), before)
    stored = values(model)
    train(model)
    loss(model).backward()  # type: ignore[no-untyped-call]
    for name, parameter in trainable(model).items():
        assert "qcompile_core" in name and parameter.dtype == torch.float32
        assert parameter.grad is not None and torch.isfinite(parameter.grad).all()
    after = logits(model)
    assert not torch.equal(after, before)
    with model.disable_adapter():
        assert torch.equal(logits(model), before)
    assert torch.equal(logits(copy.deepcopy(model)), after)

    model.save_pretrained(tmp_path)
    for low in (False, True):
        again = PeftModel.from_pretrained(make(), tmp_path, low_cpu_mem_usage=low)
        assert torch.equal(logits(again), after)

    linear = spec == MPO
    match = refusal if linear else "not a linear map"
    for refused in (model.merge_adapter, model.merge_and_unload):
        with pytest.raises(AdapterError, match=f"QA6006.*{match}"):
            refused()
    assert same(values(model), stored)
    assert torch.equal(logits(model), after)

    # What to do instead: merge into the base as it was, or take the update as LoRA.
    if linear:
        full = load(base("llama"), tmp_path)
        merged = logits(full)
        torch.testing.assert_close(logits(full.merge_and_unload()), merged, rtol=1e-4, atol=1e-4)
        lora = to_lora(model, rank=1.0)
        assert lora.energy > 0.9999
        lora.save(tmp_path / "lora")
        plain = PeftModel.from_pretrained(make(), tmp_path / "lora")
        # The kernels of 8 bits round activations too, and amplify what differs in the last place.
        torch.testing.assert_close(logits(plain), after, rtol=0, atol=0.03)
    assert torch.equal(logits(model.unload()), before)


def test_attach_on_a_quantised_base(quantised: tuple[Callable[[], Any], str]) -> None:
    make, refusal = quantised
    model = make()
    before = logits(model)
    qcompile.attach(model, qcompile.compile(MPO, model=model, parameters={"bond": 2}))
    assert torch.equal(logits(model), before)
    train(model, steps=2)
    after = logits(model)
    weights = values(model)
    with pytest.raises(AdapterError, match=f"QA6006.*{refusal}"):
        qcompile.merge(model)
    assert same(values(model), weights) and torch.equal(logits(model), after)
    assert torch.equal(logits(qcompile.detach(model)), before)


def test_an_adapter_that_starts_as_what_quantising_took(
    quantised: tuple[Callable[[], Any], str], folder: str
) -> None:
    make, _ = quantised
    model = make()
    name = "model.layers.0.self_attn.q_proj"
    original = base("llama").get_submodule(name)
    x = torch.randn(50, original.in_features, generator=torch.Generator().manual_seed(1))
    wanted = original(x)
    adapter = qcompile.compile(str(EXAMPLES / "loftq.qa"), model=model, parameters={"rank": 8})
    qcompile.calibrate(model, adapter, original=folder)
    module = model.get_submodule(name)
    bare = (module(x) - wanted).norm()
    if type(module).__name__ == "Linear4bit":
        from bitsandbytes.functional import dequantize_4bit
        from peft.utils.loftq_utils import _low_rank_decomposition

        there = dequantize_4bit(module.weight.data, module.weight.quant_state)
        decompose: Any = _low_rank_decomposition
        expected = decompose(original.weight.detach() - there, reduced_rank=8)
        part = adapter[name]
        found = part.get_parameter("b.weight") @ part.get_parameter("a.weight")
        torch.testing.assert_close(
            found.detach(), expected["L"] @ expected["R"], rtol=1e-3, atol=1e-5
        )
    qcompile.attach(model, adapter)
    assert (model.get_submodule(name)(x) - wanted).norm() < bare
