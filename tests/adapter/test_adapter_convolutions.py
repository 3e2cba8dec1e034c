"""Adapters on convolutions, held to peft's layers and to convolutions with the merged weight."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import peft
import pytest
import torch
import transformers
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

import qcompile
from qcompile.diagnostics.errors import AdapterError, CompileError
from qcompile.driver.from_peft import adapter_from_peft
from qcompile.driver.to_peft import write_peft_method
from qcompile.peft import QCompileConfig
from tests.adapter.models import moved

LORA = """
    a = linear(x, to: rank)
    update 6.0 / rank * linear(a, to: out_features, init: zero)"""
DORA = """
    a = table(rank, in_features)
    b = table(out_features, rank, init: zero)
    delta = 6.0 / rank * linear(b, to: in_features, weight: transpose(a))
    m = vector(out_features, init: constant(1))
    size = m / detach(flat(norm(W + delta)))
    low = linear(linear(x, to: rank, weight: a), to: out_features, weight: b)
    update (size - 1) * (y - base_bias) + 6.0 / rank * (size * low)"""
CIRCUIT = """
    h = linear(x, to: 3)
    z = circuit(3 qubits) {
        encode angle(h, gate: ry)
        ry
        cz ring
        measure z
    }
    update linear(z, to: out_features, init: zero)"""
BODIES = {
    "lora": LORA,
    "mpo": "update mpo(x, to: out_features, sites: 2, bond: 2)",
    "output": "update linear(y, to: out_features, init: zero)",
    "replace": "replace base(x) + linear(x, to: out_features, init: zero)",
    "weight": "update linear(x, to: out_features, weight: linear(W, to: in_features))",
}


class Net(nn.Module):
    """One convolution, called `conv`."""

    def __init__(self, conv: Any) -> None:
        super().__init__()
        self.conv: Any = conv

    def forward(self, x: Tensor) -> Any:
        return self.conv(x)


def conv(axes: int, **options: Any) -> Net:
    torch.manual_seed(0)
    kind = (nn.Conv1d, nn.Conv2d, nn.Conv3d)[axes - 1]
    given: Any = {"kernel_size": (3, 2, 2)[:axes], "stride": 2, "padding": 1} | options
    return Net(kind(4, 6, dtype=torch.float64, **given))


def image(axes: int) -> Tensor:
    generator = torch.Generator().manual_seed(2)
    return torch.randn(2, 4, *(7, 8, 6)[:axes], generator=generator, dtype=torch.float64)


def spec(body: str, where: str = "convolution") -> str:
    return f"adapter e(rank: int = 4) {{\n    attach {where}\n    {body}\n}}\n"


@pytest.mark.parametrize("dora", [False, True])
@pytest.mark.parametrize("axes", [1, 2, 3])
def test_lora_and_dora_are_those_of_peft(axes: int, dora: bool) -> None:
    config = peft.LoraConfig(r=4, lora_alpha=6, target_modules=["conv"], use_dora=dora)
    model, x = conv(axes), image(axes)
    theirs: Any = peft.get_peft_model(conv(axes), config).double()
    layer = theirs.base_model.model.conv
    adapter = moved(spec(DORA if dora else LORA), model)
    ours = dict(adapter["conv"].named_parameters())
    a, b = layer.lora_A["default"].weight, layer.lora_B["default"].weight
    pairs = list(zip(ours.values(), (a, b), strict=False))
    if dora:
        magnitude = layer.lora_magnitude_vector["default"].weight
        pairs = [(ours["a"], a), (ours["b"], b), (ours["m"], magnitude)]
    with torch.no_grad():
        for own, other in pairs:
            other.copy_(own.reshape(other.shape))
    before = model(x)
    qcompile.attach(model, adapter)
    found, expected = model(x), theirs(x)
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-10)
    assert not torch.allclose(found, before, atol=1e-3)
    for value in (found, expected):
        value.square().sum().backward()
    for own, other in pairs:
        assert own.grad is not None and own.grad.abs().sum() > 0
        torch.testing.assert_close(own.grad.reshape(other.shape), other.grad, rtol=1e-9, atol=1e-9)


OPTIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "dilated": {"dilation": 2, "padding": 2},
    "same": {"padding": "same", "stride": 1, "kernel_size": 3},
    "valid": {"padding": "valid"},
    "reflect": {"padding_mode": "reflect"},
    "replicate": {"padding_mode": "replicate"},
    "circular": {"padding_mode": "circular"},
    "no_bias": {"bias": False},
    "patchwise": {"kernel_size": 2, "stride": 2, "padding": 0},
}


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("axes", [1, 2, 3])
def test_the_update_is_a_convolution(axes: int, options: str) -> None:
    """The merged weight in torch's own convolution is the oracle of patches."""
    model, x = conv(axes, **OPTIONS[options]), image(axes)
    before = model(x)
    qcompile.attach(model, moved(spec(LORA), model))
    expected, single = model(x), model(x[0])
    merged = qcompile.merge(copy.deepcopy(model))
    torch.testing.assert_close(merged(x), expected, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(single, expected[0], rtol=1e-10, atol=1e-10)
    assert not torch.allclose(expected, before, atol=1e-3)
    assert torch.equal(qcompile.detach(model)(x), before)


@pytest.mark.parametrize("name", BODIES)
def test_linear_families_are_merged(name: str, tmp_path: Path) -> None:
    model, x = conv(2), image(2)
    adapter = moved(spec(BODIES[name]), model)
    qcompile.attach(model, adapter)
    expected = model(x)
    adapter.save(tmp_path / "a.pt")
    again = qcompile.attach(conv(2), qcompile.load(tmp_path / "a.pt"))
    assert torch.equal(again(x), expected)
    keys = list(conv(2).state_dict())
    merged = qcompile.merge(model)
    assert list(merged.state_dict()) == keys
    torch.testing.assert_close(merged(x), expected, rtol=1e-9, atol=1e-9)


def test_a_circuit_reads_every_patch() -> None:
    model, x = conv(2), image(2)
    adapter = moved(spec(CIRCUIT), model)
    base = model(x)
    part = adapter["conv"]
    unfolded = nn.functional.unfold(x, (3, 2), padding=1, stride=2).transpose(1, 2)
    expected = base + part(unfolded).transpose(1, 2).reshape(base.shape)
    qcompile.attach(model, adapter)
    torch.testing.assert_close(model(x), expected, rtol=1e-10, atol=1e-10)
    with pytest.raises(AdapterError, match="QA6006"):
        qcompile.merge(model)


class Largest(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """The most elements of a tensor that an operation gives."""

    elements = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        found = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(found):
            if isinstance(tensor, Tensor):
                self.elements = max(self.elements, tensor.numel())
        return found


GELU = """
    a = linear(gelu(x), to: rank)
    update linear(a, to: out_features, init: zero)"""


@pytest.mark.parametrize("axes", [1, 2, 3])
@pytest.mark.parametrize(
    ("body", "built"), [(LORA, False), (DORA, False), (CIRCUIT, False), (GELU, True)]
)
def test_patches_are_built_where_no_matrix_reads_them(body: str, built: bool, axes: int) -> None:
    """Gradients of the image are those of the patches that autograd goes back through."""
    model = conv(axes, stride=1, kernel_size=3, padding=1)
    x = image(axes).requires_grad_()
    adapter = moved(spec(body), model)
    qcompile.attach(model, adapter)
    patches = 3**axes * x.numel()
    with Largest() as mode:  # type: ignore[no-untyped-call]
        found = model(x)
        found.square().sum().backward()
    assert (mode.elements >= patches) == built
    slopes = [x.grad, *(p.grad for p in adapter.parameters())]
    x.grad = None
    adapter.zero_grad()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.compiler, "is_compiling", lambda: True)
        expected = model(x)
    expected.square().sum().backward()
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-10)
    for one, other in zip(slopes, [x.grad, *(p.grad for p in adapter.parameters())], strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-9)


def test_exported_and_mapped() -> None:
    """A tensor that stands for patches is in nobody's way."""
    model, x = conv(2), image(2)
    qcompile.attach(model, moved(spec(LORA), model))
    expected = model(x)
    torch.testing.assert_close(torch.export.export(model, (x,)).module()(x), expected)
    each = torch.func.vmap(lambda one: model(one[None])[0])
    torch.testing.assert_close(each(x), expected)
    trained = {n: p for n, p in model.named_parameters() if p.requires_grad}
    expected.square().sum().backward()

    def loss(values: tuple[Tensor, ...]) -> Tensor:
        given = dict(zip(trained, values, strict=True))
        found: Tensor = torch.func.functional_call(model, given, (x,))
        return found.square().sum()

    slopes = torch.func.grad(loss)(tuple(tensor.detach() for tensor in trained.values()))
    for slope, tensor in zip(slopes, trained.values(), strict=True):
        torch.testing.assert_close(slope, tensor.grad)


def test_rows_of_a_batch_have_adapters_of_their_own() -> None:
    model, x = conv(2), image(2)
    base = model(x)
    qcompile.attach(model, moved(spec(CIRCUIT), model), name="one")
    one = model(x)
    with qcompile.mixed_batch(model, ["__base__", "one"]):
        found = model(x)
    torch.testing.assert_close(found, torch.stack([base[0], one[1]]))


def test_pissa_starts_from_the_weight() -> None:
    body = """
    a = linear(x, to: rank, init: principal_rows)
    update linear(a, to: out_features, init: principal_columns)"""
    model = conv(2)
    adapter = qcompile.compile("qa 1\n\n" + spec(body), model=model)
    qcompile.attach(model, adapter)
    weight = model.conv.weight.detach().flatten(1)
    u, s, vh = torch.linalg.svd(weight)
    found = adapter.double()["conv"].merge_weight()
    torch.testing.assert_close(found, u[:, :4] * s[:4] @ vh[:4], rtol=1e-5, atol=1e-6)


def test_starts_from_data_are_refused() -> None:
    body = """
    a = linear(x, to: rank, init: activation_rows)
    update linear(a, to: out_features, init: zero)"""
    with pytest.raises(CompileError, match="QA3012"):
        moved(spec(body), conv(2))


def test_groups_take_whole_patches_and_are_not_merged() -> None:
    """An update is a convolution over all channels, which a grouped weight has no room for."""
    model, x = conv(2, groups=2), image(2)
    adapter = moved(spec(LORA), model)
    whole = conv(2).conv
    with torch.no_grad():
        delta = adapter["conv"].merge_weight()
        update = nn.functional.conv2d(x, delta.reshape(whole.weight.shape), stride=2, padding=1)
    expected = model(x) + update
    qcompile.attach(model, adapter)
    torch.testing.assert_close(model(x), expected, rtol=1e-10, atol=1e-10)
    with pytest.raises(AdapterError, match="2 groups"):
        qcompile.merge(model)
    with pytest.raises(AdapterError, match=r"QA6024.*2 groups"):
        qcompile.attach(conv(2, groups=2), moved(spec(BODIES["weight"]), conv(2, groups=2)))


def test_forwards_of_their_own_are_refused() -> None:
    class Standardised(nn.Conv2d):
        def forward(self, input: Tensor) -> Tensor:
            weight = self.weight - self.weight.mean()
            found: Tensor = self._conv_forward(input, weight, self.bias)
            return found

    with pytest.raises(CompileError, match="forward of its own"):
        moved(spec(LORA, '"conv"'), Net(Standardised(4, 6, 3)))


def vit() -> Any:
    torch.manual_seed(0)
    config = transformers.ViTConfig(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=24,
        image_size=8, patch_size=4,
    )  # fmt: skip
    return transformers.ViTModel(config).double().eval()


def whisper() -> Any:
    torch.manual_seed(0)
    config = transformers.WhisperConfig(
        d_model=16, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=24, decoder_ffn_dim=24, vocab_size=40,
        num_mel_bins=4, max_source_positions=6, pad_token_id=0, bos_token_id=1, eos_token_id=2,
        decoder_start_token_id=1,
    )  # fmt: skip
    return transformers.WhisperModel(config).double().eval()


def pixels(model: Any) -> Tensor:
    generator = torch.Generator().manual_seed(2)
    x = torch.randn(2, 3, 8, 8, generator=generator, dtype=torch.float64)
    found: Tensor = model(pixel_values=x).last_hidden_state
    return found


def speech(model: Any) -> Tensor:
    generator = torch.Generator().manual_seed(2)
    x = torch.randn(2, 4, 12, generator=generator, dtype=torch.float64)
    ids = torch.tensor([[1, 5, 7], [1, 9, 3]])
    found: Tensor = model(input_features=x, decoder_input_ids=ids).last_hidden_state
    return found


@pytest.mark.parametrize(("build", "run", "count"), [(vit, pixels, 1), (whisper, speech, 2)])
def test_models_of_transformers(build: Any, run: Any, count: int) -> None:
    model = build()
    before = run(model)
    adapter = moved(spec(LORA), model)
    assert len(adapter.sites) == count
    qcompile.attach(model, adapter)
    expected = run(model)
    assert not torch.allclose(expected, before, atol=1e-3)
    torch.testing.assert_close(run(qcompile.merge(model)), expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("dora", [False, True])
@pytest.mark.parametrize("axes", [1, 2, 3])
def test_folders_of_peft_there_and_back(axes: int, dora: bool, tmp_path: Path) -> None:
    config = peft.LoraConfig(r=3, lora_alpha=5, target_modules=["conv"], use_dora=dora)
    theirs: Any = peft.get_peft_model(conv(axes).float(), config)
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in theirs.parameters():
            if parameter.requires_grad:
                parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator))
    folder, back = str(tmp_path / "theirs"), str(tmp_path / "back")
    theirs.save_pretrained(folder)
    adapter = adapter_from_peft(folder)
    model = qcompile.attach(conv(axes).float(), adapter)
    x = image(axes).float()
    torch.testing.assert_close(model(x), theirs(x), rtol=1e-5, atol=1e-6)
    with pytest.raises(AdapterError, match=r"QA6232.*kernel"):
        write_peft_method(adapter, back)
    with pytest.raises(AdapterError, match=r"QA6233.*no such module"):
        write_peft_method(adapter, back, model=conv(axes).conv)
    write_peft_method(adapter, back, model=model)
    first, second = (load_file(f"{it}/adapter_model.safetensors") for it in (folder, back))
    assert first.keys() == second.keys()
    assert all(torch.equal(tensor, second[key]) for key, tensor in first.items())
    again = peft.PeftModel.from_pretrained(conv(axes).float(), back)
    torch.testing.assert_close(again(x), theirs(x))


@pytest.mark.parametrize("name", ["lora", "weight"])
def test_inside_peft(name: str) -> None:
    text = "qa 1\n\n" + spec(BODIES[name])
    x = image(2)
    model: Any = peft.get_peft_model(conv(2), QCompileConfig(spec=text)).double()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.add_(0.3)
    expected = model(x)
    model.merge_adapter()
    torch.testing.assert_close(model(x), expected, rtol=1e-9, atol=1e-9)
    with model.disable_adapter():
        assert torch.equal(model(x), conv(2)(x))
    torch.testing.assert_close(model.merge_and_unload()(x), expected, rtol=1e-9, atol=1e-9)
