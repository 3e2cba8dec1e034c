"""Norms and blocks of transformers' models, and their widths."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import transformers
from torch import nn

import qcompile
from qcompile.ir.hosts import HostSizes
from qcompile.models.hosts import host_sizes
from qcompile.models.skeleton import describe_model, module_infos
from tests.adapter.models import llama
from tests.models.test_models_portable import CASES, EXPERTS, SMALL, build

HIDDEN = 16


@pytest.mark.parametrize("case", CASES)
def test_sublayers_and_layers_are_as_wide_as_the_hidden_state(case: str) -> None:
    found: dict[str, set[tuple[str, int, int]]] = {}
    for module in module_infos(build(case)):
        sizes = module.host_sizes
        if sizes is not None and module.role is not None:
            widths = (sizes.kind, sizes.in_features, sizes.out_features)
            found.setdefault(module.role, set()).add(widths)
    assert found["sublayer.attention"] == {("block", HIDDEN, HIDDEN)}
    assert found["residual"] == {("block", HIDDEN, HIDDEN)}
    assert found["norm"] == {("norm", HIDDEN, HIDDEN)}
    assert found.get("sublayer.mlp", {("block", HIDDEN, HIDDEN)}) == {("block", HIDDEN, HIDDEN)}


@pytest.mark.parametrize("name", ["Qwen3MoeForCausalLM", "Phi3ForCausalLM", "GptOssForCausalLM"])
def test_blocks_whose_last_linear_map_is_not_their_end(name: str) -> None:
    kind = getattr(transformers, name)
    with torch.device("meta"):
        sizes = {**SMALL, **EXPERTS, "num_local_experts": 2, "head_dim": 8}
        model = kind(kind.config_class(**sizes))
    layer = model.model.layers[0]
    for module in (layer, layer.self_attn, layer.mlp):
        found = host_sizes(module)
        assert found is not None
        assert (found.kind, found.in_features, found.out_features) == ("block", HIDDEN, HIDDEN)


@pytest.mark.parametrize(
    "module",
    [
        nn.BatchNorm1d(4),
        nn.GroupNorm(2, 4),
        nn.LayerNorm((2, 4)),
        nn.EmbeddingBag(4, 4),
        nn.ConvTranspose1d(4, 4, 1),
        nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4)),
        nn.ModuleList([nn.Linear(4, 4), nn.Linear(4, 4)]),
        nn.ReLU(),
    ],
    ids=lambda module: type(module).__name__,
)
def test_what_is_no_host(module: nn.Module) -> None:
    assert host_sizes(module) is None


WHISPER = {
    "d_model": 16, "encoder_layers": 1, "decoder_layers": 1, "encoder_attention_heads": 2,
    "decoder_attention_heads": 2, "encoder_ffn_dim": 24, "decoder_ffn_dim": 24, "vocab_size": 60,
    "num_mel_bins": 4, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2,
    "decoder_start_token_id": 1,
}  # fmt: skip
IMAGES = {"image_size": 8, "patch_size": 4}
CLIP = {"text_config": {**SMALL, "bos_token_id": 1, "eos_token_id": 2}, "vision_config": IMAGES}
TOKENS_AND_PATCHES: dict[str, tuple[str, Any, str, str]] = {
    "llama": ("LlamaForCausalLM", SMALL, "embed_tokens", ""),
    "gpt2": ("GPT2LMHeadModel", {"n_embd": 16, "n_layer": 1, "n_head": 2}, "wte", ""),
    "bert": ("BertModel", SMALL, "word_embeddings", ""),
    "whisper": ("WhisperForConditionalGeneration", WHISPER, "embed_tokens", "conv1 conv2"),
    "vit": ("ViTModel", {**SMALL, **IMAGES}, "", "projection"),
    "clip": ("CLIPModel", CLIP, "token_embedding", "patch_embedding"),
}


@pytest.mark.parametrize("case", TOKENS_AND_PATCHES)
def test_embeddings_of_tokens_and_convolutions_have_words(case: str) -> None:
    name, sizes, tokens, patches = TOKENS_AND_PATCHES[case]
    kind = getattr(transformers, name)
    with torch.device("meta"):
        model = kind(kind.config_class(**sizes))
    infos = [module for module in module_infos(model) if module.role is not None]
    for role, wanted in (("embedding", tokens), ("convolution", patches)):
        found = {m.name.rpartition(".")[2] for m in infos if m.role == role}
        assert found == set(wanted.split()), role


def test_widths_of_embeddings_convolutions_and_attention_of_torch() -> None:
    assert host_sizes(nn.Embedding(9, 4, padding_idx=-1)) == HostSizes("embedding", 9, 4, 8)
    assert host_sizes(nn.Conv2d(4, 6, (3, 2), groups=2)) == HostSizes("convolution", 24, 6)
    assert host_sizes(nn.MultiheadAttention(8, 2)) == HostSizes("block", 8, 8)


PLACES = ('"*"', "attention.qv", "embedding, norm", "sublayer.mlp")


@pytest.mark.parametrize("place", PLACES)
def test_a_model_with_adapters_is_described_as_one_without(place: str) -> None:
    spec = f"""qa 1

adapter low() {{
    attach {place}
    update linear(linear(x, to: 2), to: out_features, init: zero)
}}
"""
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    for model in (llama(), nn.TransformerEncoder(layer, 1)):
        if isinstance(model, nn.TransformerEncoder):
            spec = spec.replace("embedding, norm", "norm").replace("sublayer.mlp", "mlp")
        before = describe_model(model)
        first = qcompile.compile(spec, model=model)
        qcompile.attach(model, first, name="one")
        assert describe_model(model).parameters == before.parameters
        found = [m for m in describe_model(model).modules if m.host_sizes is not None]
        wanted = [m for m in before.modules if m.host_sizes is not None]
        assert sorted(m.name for m in found) == sorted(m.name for m in wanted)
        roles = {m.name: (m.role, m.host_sizes) for m in wanted}
        assert {m.name: (m.role, m.host_sizes) for m in found} == roles
        second = qcompile.compile(spec, model=model)
        assert {s.module for s in second.sites} == {s.module for s in first.sites}
        qcompile.attach(model, second, name="two")
