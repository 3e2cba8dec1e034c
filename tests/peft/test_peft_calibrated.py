"""Adapters that start from data, beside peft's own."""

from __future__ import annotations

import dataclasses
import importlib
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import peft
import pytest
import torch
from peft.tuners.lora.config import CordaConfig, EvaConfig, LoraGAConfig
from peft.tuners.lora.eva import initialize_lora_eva_weights
from peft.tuners.lora.loraga import preprocess_loraga
from peft.utils.incremental_pca import IncrementalPCA
from peft.utils.loftq_utils import _low_rank_decomposition
from safetensors.torch import save_file
from torch import Tensor, nn

import qcompile
from qcompile.adapter.statistics import InputDirections
from qcompile.diagnostics.errors import AdapterError
from qcompile.peft import QCompileConfig
from qcompile.peft import load as load_in_peft
from tests.peft.models import IDS, base, logits, loss

# peft asks transformers under a name that transformers 6 will drop.
pytestmark = [
    pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated"),
    pytest.mark.filterwarnings("ignore:lora with eva initialization used"),
    pytest.mark.filterwarnings("ignore:Full backward hook is firing"),
]

EXAMPLES = Path(__file__).parents[2] / "examples"
INPUTS, OUTPUTS, RANK, ALPHA = 16, 12, 4, 6


class One(nn.Module):
    """One linear map in float32, which is what peft decomposes, behind a function."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.proj = nn.Linear(INPUTS, OUTPUTS)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.proj(x)
        return result


def batches(count: int = 3, tokens: int = 40) -> list[Tensor]:
    """Inputs whose directions differ much in their variance, and whose mean is not zero."""
    generator = torch.Generator().manual_seed(7)
    mixed = torch.linalg.qr(torch.randn(INPUTS, INPUTS, generator=generator))[0]
    spread = mixed * 0.6 ** torch.arange(INPUTS)
    rows = torch.randn(count, tokens, INPUTS, generator=generator)
    return list(rows @ spread.T + 0.3)


def squared(output: Tensor, batch: object) -> Tensor:
    return (output * torch.linspace(-1, 2, OUTPUTS)).square().mean()


def compiled(name: str, model: nn.Module, **parameters: float) -> qcompile.CompiledAdapter:
    text = (EXAMPLES / f"{name}.qa").read_text("utf-8")
    text = re.sub(r"^ *attach .*$", '    attach "proj"', text, flags=re.M)
    text = re.sub(r"^model .*$", "", text, flags=re.M)
    values = {"rank": RANK, "alpha": ALPHA, **parameters}
    return qcompile.compile(text, model=model, parameters=values)


def in_peft(init: str, **settings: Any) -> Any:
    return peft.LoraConfig(
        r=RANK,
        lora_alpha=ALPHA,
        target_modules=["proj"],
        init_lora_weights=init,  # type: ignore[arg-type]
        **settings,
    )


def factors(model: Any) -> tuple[Tensor, Tensor]:
    layer = model.base_model.model.proj
    return layer.lora_A["default"].weight.detach(), layer.lora_B["default"].weight.detach()


def own(adapter: qcompile.CompiledAdapter) -> tuple[Tensor, Tensor]:
    part = adapter["proj"]
    return part.get_parameter("a.weight").detach(), part.get_parameter("b.weight").detach()


def signed(rows: Tensor) -> Tensor:
    """Rows whose largest element is positive."""
    return rows * rows.gather(1, rows.abs().argmax(1, keepdim=True)).sign()


@pytest.fixture
def preprocess_corda(monkeypatch: pytest.MonkeyPatch) -> Any:
    """peft's function, which takes its dataclass from a package that peft does not require."""
    monkeypatch.setitem(sys.modules, "attr", SimpleNamespace(dataclass=dataclasses.dataclass))
    return importlib.import_module("peft.tuners.lora.corda").preprocess_corda


def run(model: nn.Module, data: Iterable[Tensor]) -> None:
    for batch in data:
        model(batch)


@pytest.mark.parametrize("method", ["ipm", "kpm"])
def test_corda_is_that_of_peft(method: str, preprocess_corda: Any) -> None:
    config = in_peft("corda", corda_config=CordaConfig(corda_method=method))  # type: ignore[arg-type]
    other: Any = One()
    preprocess_corda(other, config, run_model=lambda: run(other, batches()))
    other = peft.get_peft_model(other, config)
    model = One()
    adapter = compiled("corda", model)
    if method == "kpm":
        text = adapter.manifest.sources[0].text.replace("covariance_", "minor_covariance_")
        adapter = qcompile.compile(text, model=model, parameters={"rank": RANK, "alpha": ALPHA})
    qcompile.calibrate(model, adapter, batches())
    (a, b), (theirs_a, theirs_b) = own(adapter), factors(other)
    torch.testing.assert_close(signed(a), signed(theirs_a), rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(b @ a, theirs_b @ theirs_a, rtol=1e-3, atol=1e-4)
    x = batches()[0]
    plain = model(x)
    qcompile.attach(model, adapter)
    assert torch.equal(model(x), plain)
    torch.testing.assert_close(other(x), plain, rtol=1e-4, atol=1e-4)


def test_eva_is_that_of_peft() -> None:
    data = batches(count=1, tokens=200)
    config = in_peft("eva", eva_config=EvaConfig(rho=1.0))
    other: Any = peft.get_peft_model(One(), config)
    initialize_lora_eva_weights(
        other,
        data,
        forward_fn=lambda m, inputs: m(inputs),
        prepare_model_inputs_fn=None,
        prepare_layer_inputs_fn=lambda x, *_: x[0].reshape(-1, INPUTS),
        show_progress_bar=False,
    )
    model = One()
    adapter = compiled("eva", model)
    qcompile.calibrate(model, adapter, data)
    (a, b), (theirs_a, theirs_b) = own(adapter), factors(other)
    torch.testing.assert_close(signed(a), signed(theirs_a), rtol=1e-4, atol=1e-4)
    assert not b.any()
    assert not theirs_b.any()


@pytest.mark.parametrize("tokens", [40, 10])
def test_directions_are_those_of_incremental_components(tokens: int) -> None:
    """More tokens than inputs, and fewer."""
    found = InputDirections(RANK)
    expected: Any = IncrementalPCA(n_components=RANK)
    for batch in batches(count=4, tokens=tokens):
        found.add(batch)
        expected.partial_fit(batch.double())
    torch.testing.assert_close(found.value(), signed(expected.components_), rtol=1e-7, atol=1e-7)


def test_few_tokens_wait_for_more() -> None:
    found, expected = InputDirections(RANK), InputDirections(RANK)
    data = batches(count=4, tokens=3)
    for batch in data:
        found.add(batch)
    for pair in (torch.cat(data[:2]), torch.cat(data[2:])):
        expected.add(pair)
    torch.testing.assert_close(found.value(), expected.value())
    assert found.tokens == 12


def test_lora_ga_has_the_directions_of_peft() -> None:
    """peft multiplies B by the gradient's singular values, and A by nothing; the paper both by
    out^¼ / √γ."""
    config = in_peft("lora_ga", lora_ga_config=LoraGAConfig(scale="unit"), use_rslora=True)

    def step() -> None:
        for batch in batches():
            torch.autograd.backward(squared(other(batch), batch))

    other: Any = One()
    preprocess_loraga(other, config, step)
    other = peft.get_peft_model(other, config)
    model = One()
    adapter = compiled("lora_ga", model, gamma=9.0)
    qcompile.calibrate(model, adapter, batches(), loss=squared)
    stable = OUTPUTS**0.25 / 3.0
    (a, b), (theirs_a, theirs_b) = own(adapter), factors(other)
    torch.testing.assert_close(signed(a) / stable, signed(theirs_a), rtol=1e-3, atol=1e-4)
    unit = theirs_b / theirs_b.norm(dim=0)
    torch.testing.assert_close(signed(b.T) / stable, signed(unit.T), rtol=1e-3, atol=1e-4)
    assert all(p.grad is None and p.requires_grad for p in model.parameters())
    x = batches()[0]
    plain = model(x)
    qcompile.attach(model, adapter)
    assert torch.equal(model(x), plain)


@pytest.mark.parametrize("given", ["model", "file", "folder"])
def test_loftq_starts_as_what_quantising_took(given: str, tmp_path: Path) -> None:
    original, model = One(), One()
    with torch.no_grad():
        model.proj.weight.copy_((model.proj.weight * 16).round() / 16)
    file = tmp_path / "model.safetensors"
    save_file({"proj.weight": original.proj.weight.detach()}, file)
    sources: dict[str, Any] = {"model": original, "file": str(file), "folder": tmp_path}
    adapter = compiled("loftq", model)
    qcompile.calibrate(model, adapter, original=sources[given])
    residual = original.proj.weight.detach() - model.proj.weight.detach()
    decompose: Any = _low_rank_decomposition
    expected = decompose(residual, reduced_rank=RANK)
    a, b = own(adapter)
    scale = ALPHA / RANK
    torch.testing.assert_close(scale * b @ a, expected["L"] @ expected["R"])
    torch.testing.assert_close(signed(a), signed(expected["R"]) / scale**0.5)
    x = batches()[0]
    before = (model(x) - original(x)).norm()
    qcompile.attach(model, adapter)
    assert (model(x) - original(x)).norm() < before


def test_a_model_of_transformers_is_left_as_it_was(tmp_path: Path) -> None:
    """Files keep the values, in peft as well; padding does not count."""
    model = base("llama").train()
    model.lm_head.weight.requires_grad_(False)
    flags = {name: p.requires_grad for name, p in model.named_parameters()}
    state = {name: value.clone() for name, value in model.state_dict().items()}
    text = (EXAMPLES / "lora_ga.qa").read_text("utf-8") + (EXAMPLES / "eva.qa").read_text("utf-8")
    text = re.sub(r"^(model|qa|#).*$", "", text, flags=re.M)
    adapter = qcompile.compile(f"qa 1\n{text}", model=model, parameters={"rank": 3})
    mask = torch.ones_like(IDS)
    mask[:, -2:] = 0
    data = [{"input_ids": IDS, "labels": IDS, "attention_mask": mask}]
    assert qcompile.calibrate(model, adapter, data) is adapter
    assert model.training
    assert flags == {name: p.requires_grad for name, p in model.named_parameters()}
    assert all(torch.equal(state[name], value) for name, value in model.state_dict().items())
    assert all(not module._forward_hooks for module in model.modules())
    assert all(torch.isfinite(value).all() for value in adapter.state_dict().values())
    # The last two tokens were not seen.
    again = qcompile.compile(f"qa 1\n{text}", model=model, parameters={"rank": 3})
    cut = [{"input_ids": IDS[:, :-2], "labels": IDS[:, :-2]}]
    qcompile.calibrate(model, again, cut)
    name = "model.layers.1.self_attn.q_proj.eva.a.weight"
    torch.testing.assert_close(
        adapter.state_dict()[name], again.state_dict()[name], rtol=1e-3, atol=1e-4
    )
    model.eval()
    plain = logits(model)
    adapter.save(tmp_path / "adapter.pt")
    qcompile.attach(model, qcompile.load(tmp_path / "adapter.pt"))
    torch.testing.assert_close(logits(model), plain)
    torch.autograd.backward(loss(model))
    adapter.save(f"{tmp_path}/folder/")
    other = load_in_peft(base("llama"), tmp_path / "folder", trainable=True)
    torch.testing.assert_close(logits(other), plain)


@pytest.mark.parametrize("given", ["adapter", "file"])
def test_a_configuration_starts_from_an_adapter(given: str, tmp_path: Path) -> None:
    model = One()
    adapter = compiled("eva", model)
    qcompile.calibrate(model, adapter, batches())
    adapter.save(tmp_path / "eva.pt")
    config = QCompileConfig(spec=adapter if given == "adapter" else str(tmp_path / "eva.pt"))
    inside: Any = peft.get_peft_model(One(), config)
    part = inside.base_model.model.proj.qcompile_core["default"]
    found = {name.split(".", 1)[1]: p for name, p in part.named_parameters()}
    for name, value in adapter["proj"].named_parameters():
        assert torch.equal(found[name], value)
        assert found[name] is not value and found[name].requires_grad
    with torch.no_grad():
        found["b.weight"].add_(1.0)
    x = batches()[0]
    inside.save_pretrained(str(tmp_path / "folder"))
    again = peft.PeftModel.from_pretrained(One(), str(tmp_path / "folder"))
    torch.testing.assert_close(again(x), inside(x))
    assert not torch.allclose(again(x), One()(x))


def test_a_configuration_reads_the_files_of_its_spec(tmp_path: Path) -> None:
    values = torch.arange(INPUTS * RANK, dtype=torch.float32).reshape(RANK, INPUTS)
    save_file({"a": values}, tmp_path / "start.safetensors")
    spec = tmp_path / "from_file.qa"
    spec.write_text(
        f"""qa 1
adapter low() {{
    attach "proj"
    a = linear(x, to: {RANK}, init: file("start.safetensors", "a"))
    update linear(a, to: out_features, init: zero)
}}
"""
    )
    model: Any = peft.get_peft_model(One(), QCompileConfig(spec=str(spec)))
    model.save_pretrained(str(tmp_path / "folder"))
    again: Any = peft.PeftModel.from_pretrained(One(), str(tmp_path / "folder"))
    for it in (model, again):
        part = it.base_model.model.proj.qcompile_core["default"]
        assert torch.equal(part.get_parameter("low.a.weight"), values)
    config = peft.PeftConfig.from_pretrained(str(tmp_path / "folder"))
    config.folder = None  # which has the tensors
    with pytest.raises(AdapterError, match="QA6139"):
        peft.get_peft_model(One(), config)


def test_a_compiled_adapter_has_its_settings() -> None:
    with pytest.raises(AdapterError, match=r"(?s)QA6234.*parameters.*QA6234.*target_modules"):
        QCompileConfig(
            spec=compiled("lora", One()), parameters={"rank": 3}, target_modules=["proj"]
        )


def test_without_calibration_nothing_is_attached() -> None:
    model = One()
    adapter = compiled("corda", model)
    with pytest.raises(AdapterError, match="QA6131"):
        qcompile.attach(model, adapter)
    assert type(model.proj) is nn.Linear
    whole = base("llama")
    with pytest.raises(AdapterError, match="QA6131"):
        peft.get_peft_model(whole, QCompileConfig(spec=str(EXAMPLES / "eva.qa")))
    assert not any(".base_layer" in name for name, _ in whole.named_modules())


def test_values_that_are_there_stay() -> None:
    model = One()
    adapter = compiled("eva", model)
    qcompile.calibrate(model, adapter, batches())
    with pytest.raises(AdapterError, match="have their values"):
        qcompile.calibrate(model, adapter, batches())


BROKEN: dict[str, tuple[str, dict[str, Any], str]] = {
    "no batches": ("eva", {"batches": []}, "there are no batches"),
    "no tokens": ("eva", {"batches": [batches()[0][:2]]}, "2 tokens, fewer than its 4 rows"),
    "one direction": ("eva", {"batches": [torch.ones(9, INPUTS)]}, "too few directions"),
    "not finite": ("corda", {"batches": [batches()[0] / 0.0]}, "is not finite"),
    "no tensors": ("eva", {"batches": ["text"]}, "a batch is a `str`"),
    "no loss": ("lora_ga", {"batches": batches()}, "may lack `labels`"),
    "loss of nothing": (
        "lora_ga",
        {"batches": batches(), "loss": lambda output, batch: output.detach().sum()},
        "no single number",
    ),
    "no original": ("loftq", {}, "there is no `original`"),
    "same original": ("loftq", {"original": One()}, "nothing was taken from it"),
    "other original": ("loftq", {"original": nn.Linear(2, 2)}, "it has no such module"),
    "no folder": ("loftq", {"original": "/nowhere"}, "there are no safetensors at `/nowhere`"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_cannot_be_calibrated_is_refused_and_waits(case: str) -> None:
    name, arguments, text = BROKEN[case]
    model = One()
    adapter = compiled(name, model)
    with pytest.raises(AdapterError, match=r"QA613[57]") as raised:
        qcompile.calibrate(model, adapter, **arguments)
    assert text in " ".join(str(raised.value).split())
    assert adapter["proj"].get_parameter("a.weight").isnan().all()
    assert not model.proj._forward_hooks
    assert all(p.requires_grad for p in model.parameters())


def test_hostile_files_of_weights_are_refused(tmp_path: Path) -> None:
    model = One()
    adapter = compiled("loftq", model)
    for name, contents in (
        ("pickle", b"\x80\x04cos\nsystem\n"),
        ("long", (2**62).to_bytes(8, "little") + b"{}"),
        ("cut", (500).to_bytes(8, "little") + b'{"proj.weight": '),
        ("empty", b""),
    ):
        file = tmp_path / name
        file.write_bytes(contents)
        with pytest.raises(AdapterError, match="cannot be read"):
            qcompile.calibrate(model, adapter, original=file)
