"""What one forward pass without numbers shows before training, and that it leaves no trace."""

from __future__ import annotations

import copy
import logging
import random
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.utils._python_dispatch
import transformers
from torch import Tensor, nn
from torch.nn import functional

import qcompile
from qcompile.diagnostics.errors import AdapterError
from qcompile.models.tiny_inputs import tiny_inputs
from tests.adapter.models import (
    MODELS,
    TOKENS,
    bert,
    compiled,
    llama,
    logits,
    low_rank,
    same,
    snapshot,
    t5,
    trained,
)

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated")

X = torch.linspace(-1, 1, 2 * 3 * 8).reshape(2, 3, 8)
NOT_PROBED = "is not probed before training"


class Reader(nn.Module):
    """Calls one of its maps and reads the weight of the other."""

    def __init__(self) -> None:
        super().__init__()
        self.called, self.read = nn.Linear(8, 8), nn.Linear(8, 8)
        self.normed = nn.BatchNorm1d(3)
        self.count: Tensor
        self.register_buffer("count", torch.zeros(()))
        self.log: list[Tensor] = []

    def forward(self, x: Tensor, scale: float = 1.0) -> Tensor:
        self.count += 1
        self.log.append(x)
        self.last = x
        random.random()
        x = functional.dropout(self.normed(self.called(x)), 0.5, self.training)
        return scale * functional.linear(x, self.read.weight, self.read.bias)


class Scores(nn.Linear):
    """As the router of Llama 4: a linear map that gives more than its output."""

    def forward(self, x: Tensor) -> Any:
        found = super().forward(x)
        return found.softmax(-1), found


class Pooled(nn.Linear):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x).mean(1)


class Around(nn.Module):
    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor) -> Any:
        return self.inner(x)


def state(model: nn.Module) -> Any:
    hooks = [(len(m._forward_hooks), len(m._forward_pre_hooks)) for m in model.modules()]
    return hooks, [m.training for m in model.modules()], [type(m) for m in model.modules()]


@pytest.mark.parametrize("inputs", [X, (X,), [X, 2.0], {"x": X, "scale": 2.0}])
def test_a_module_whose_weight_is_read_is_refused(inputs: object) -> None:
    model = Reader()
    before, kept = state(model), snapshot(model)
    adapter = compiled(model, ("called", "read"), low_rank)
    with pytest.raises(AdapterError) as caught:
        qcompile.attach(model, adapter, example_inputs=inputs)
    (found,) = caught.value.diagnostics
    assert found.code == "QA6011" and "`read`" in found.title
    assert "`Reader` reads its weight and never calls it" in found.title
    assert state(model) == before and same(snapshot(model), kept)
    qcompile.attach(model, compiled(model, ("called",), low_rank), example_inputs=inputs)


@pytest.mark.parametrize(
    ("kind", "reason"),
    [(Scores, "its output is of type tuple"), (Pooled, r"it makes \(2, 4\) of \(2, 3, 8\)")],
)
def test_a_module_that_is_no_map_of_its_sizes_is_refused(
    kind: Callable[..., nn.Module], reason: str
) -> None:
    model = Around(kind(8, 4))
    adapter = compiled(model, ("inner",), low_rank)
    with pytest.raises(AdapterError, match=reason):
        qcompile.attach(model, adapter, example_inputs=X)
    assert type(model.inner) is kind
    qcompile.attach(model, adapter)
    with pytest.raises(AdapterError, match="got an output of") as caught:
        model(X)
    assert caught.value.diagnostics[0].code == "QA6018"


def test_the_pass_leaves_no_trace() -> None:
    model = Reader().train()
    before, kept = state(model), snapshot(model)
    torch.manual_seed(3)
    random.seed(3)
    drawn, plain = torch.get_rng_state(), random.getstate()
    adapter = compiled(model, ("called",), low_rank)
    torch.set_rng_state(drawn)
    random.setstate(plain)
    qcompile.attach(model, adapter, example_inputs=X)
    assert torch.equal(torch.get_rng_state(), drawn) and random.getstate() == plain
    assert torch.is_grad_enabled() and model.log == [] and not hasattr(model, "last")
    qcompile.detach(model)
    assert state(model) == before and same(snapshot(model), kept)


@pytest.mark.parametrize("name", MODELS)
def test_models_of_transformers_are_probed_by_themselves(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    make, endings = MODELS[name]
    model = make()
    before = logits(model)
    with caplog.at_level(logging.DEBUG, "qcompile"):
        qcompile.attach(model, compiled(model, endings, low_rank))
    assert NOT_PROBED not in caplog.text
    assert torch.equal(logits(model), before)


def vit() -> nn.Module:
    config = transformers.ViTConfig(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
        image_size=16, patch_size=8,
    )  # fmt: skip
    model: nn.Module = transformers.ViTForImageClassification(config)
    return model


def whisper() -> nn.Module:
    config = transformers.WhisperConfig(
        vocab_size=32, d_model=16, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=16, decoder_ffn_dim=16, num_mel_bins=8,
        max_source_positions=10, max_target_positions=10, pad_token_id=0, bos_token_id=1,
        eos_token_id=2, decoder_start_token_id=1, begin_suppress_tokens=None,
    )  # fmt: skip
    model: nn.Module = transformers.WhisperForConditionalGeneration(config)
    return model


def clip() -> nn.Module:
    sizes = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1}
    config = transformers.CLIPConfig(
        text_config={**sizes, "num_attention_heads": 2, "vocab_size": 32, "eos_token_id": 1},
        vision_config={**sizes, "num_attention_heads": 2, "image_size": 16, "patch_size": 8},
        projection_dim=8,
    )
    model: nn.Module = transformers.CLIPModel(config)
    return model


def wav2vec2() -> nn.Module:
    config = transformers.Wav2Vec2Config(
        vocab_size=16, hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=16, conv_dim=(8, 8), conv_stride=(5, 2), conv_kernel=(10, 3),
        num_conv_pos_embeddings=4, num_conv_pos_embedding_groups=2,
    )  # fmt: skip
    model: nn.Module = transformers.Wav2Vec2Model(config)
    return model


@pytest.mark.parametrize("make", [vit, whisper, clip, wav2vec2])
@pytest.mark.parametrize("meta", [False, True])
def test_inputs_are_known_of_other_kinds_of_models(
    make: Callable[[], nn.Module], meta: bool, caplog: pytest.LogCaptureFixture
) -> None:
    model = make().eval()
    if meta:
        model = model.to("meta")
    with caplog.at_level(logging.DEBUG, "qcompile"):
        qcompile.attach(model, compiled(model, ("q_proj", "query", "fc1"), low_rank))
    assert NOT_PROBED not in caplog.text


def test_a_router_that_gives_two_values_is_refused() -> None:
    config = transformers.Llama4TextConfig(
        vocab_size=16, hidden_size=16, intermediate_size=8, intermediate_size_mlp=8,
        num_hidden_layers=1, num_attention_heads=2, num_key_value_heads=2, num_local_experts=2,
        head_dim=8, pad_token_id=0,
    )  # fmt: skip
    model = transformers.Llama4ForCausalLM(config)
    adapter = compiled(model, ("router",), low_rank)
    with pytest.raises(AdapterError, match=r"Llama4Router.*`attach router` reaches its weight"):
        qcompile.attach(model, adapter)


class EightBit(nn.Module):
    """A quantised map, whose kernel knows real numbers alone."""

    def __init__(self) -> None:
        super().__init__()
        self.in_features, self.out_features = 32, 32
        self.weight = nn.Parameter(torch.zeros(32, 32, dtype=torch.int8), requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        assert type(x) is Tensor
        return x @ self.weight.to(x.dtype).T


def test_quantised_models_are_probed(caplog: pytest.LogCaptureFixture) -> None:
    model: Any = llama(torch_dtype=torch.bfloat16)
    for layer in model.model.layers:
        layer.self_attn.q_proj = EightBit()
    with caplog.at_level(logging.DEBUG, "qcompile"):
        qcompile.attach(model, trained(compiled(model, ("q_proj", "up_proj"), low_rank)))
    assert NOT_PROBED not in caplog.text
    assert bool(torch.isfinite(model(TOKENS).logits).all())
    assert not any("forward" in vars(module) for module in model.modules())


def test_code_of_others_is_not_run(caplog: pytest.LogCaptureFixture) -> None:
    model = llama()
    seen: list[Any] = []
    hook = model.get_submodule("model.layers.0").register_forward_hook(
        lambda *call: seen.append(call)
    )
    with caplog.at_level(logging.DEBUG, "qcompile"):
        qcompile.attach(model, compiled(model, ("q_proj",), low_rank))
    assert seen == [] and "`model.layers.0` has a hook of its own" in caplog.text
    hook.remove()


class Picky(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(8, 8)

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.linear(x)
        return found if found.sum().item() > 1e9 else -found


def test_a_model_that_cannot_be_probed_is_attached_to(caplog: pytest.LogCaptureFixture) -> None:
    for inputs in (X, None):
        model = Picky()
        with caplog.at_level(logging.DEBUG, "qcompile"):
            qcompile.attach(model, compiled(model, ("linear",), low_rank), example_inputs=inputs)
        assert NOT_PROBED in caplog.text
        assert model(X).shape == X.shape
        caplog.clear()


def test_an_interruption_changes_nothing() -> None:
    for calls in range(3):
        model = Reader().train()
        left = [calls]

        def interrupted(x: Tensor, left: list[int] = left) -> Tensor:
            left[0] -= 1
            if left[0] < 0:
                raise KeyboardInterrupt
            return x

        model.add_module("called", nn.Sequential(nn.Linear(8, 8), nn.Linear(8, 8)))
        for module in (model.normed, *model.get_submodule("called").children()):
            module.forward = interrupted
        before, kept = state(model), snapshot(model)
        adapter = compiled(model, ("0", "1"), low_rank)
        with pytest.raises(KeyboardInterrupt):
            qcompile.attach(model, adapter, example_inputs=X)
        assert state(model) == before and same(snapshot(model), kept)
        assert torch.is_grad_enabled() and model.log == []
        assert not torch.utils._python_dispatch._get_current_dispatch_mode_stack()


def test_several_adapters_and_copies() -> None:
    model = bert()
    qcompile.attach(model, trained(compiled(model, ("query",), low_rank)), name="one")
    twin = copy.deepcopy(model)
    with torch.no_grad():
        before = logits(model)
        qcompile.attach(model, compiled(model, ("value",), low_rank), name="two")
        assert torch.equal(logits(model), before) and torch.equal(logits(twin), before)
    assert set(qcompile.active_adapters(model)) == {"one", "two"}


SPEC = """qa 1

adapter low() {
    attach "*router"
    update linear(linear(x, to: 2), to: out_features, init: zero)
}
"""


def test_peft_refuses_the_same() -> None:
    from peft import get_peft_model

    from qcompile.peft import QCompileConfig

    class Last(transformers.LlamaForCausalLM):  # type: ignore[misc, unused-ignore]
        def __init__(self, config: Any) -> None:
            super().__init__(config)
            self.router = Scores(config.vocab_size, 4)

        def forward(self, *args: Any, **kwargs: Any) -> Any:
            return self.router(super().forward(*args, **kwargs).logits)

    model = Last(llama().config)
    kinds = [type(module) for module in model.modules()]
    with pytest.raises(AdapterError, match="its output is of type tuple") as caught:
        get_peft_model(model, QCompileConfig(spec=SPEC))
    assert caught.value.diagnostics[0].code == "QA6011"
    assert [type(module) for module in model.modules()] == kinds


def test_peft_probes_without_a_trace(caplog: pytest.LogCaptureFixture) -> None:
    from peft import get_peft_model

    from qcompile.peft import QCompileConfig

    text = SPEC.replace("*router", "*.{q,wo}")
    model = t5()
    with caplog.at_level(logging.DEBUG, "qcompile"):
        found = get_peft_model(model, QCompileConfig(spec=text))
    assert NOT_PROBED not in caplog.text
    before = logits(t5())
    assert torch.equal(logits(found), before)


def test_no_inputs_are_known_of_what_is_no_model_of_transformers() -> None:
    assert list(tiny_inputs(nn.Linear(2, 2))) == []
