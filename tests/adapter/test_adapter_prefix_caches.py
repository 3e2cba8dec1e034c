"""Prefixes and the kinds of caches, padding, and attention that has no place for them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from peft import get_peft_model

import qcompile
from qcompile.diagnostics import QCompileError
from qcompile.peft import QCompileConfig
from tests.peft.models import TINY_LLAMA
from tests.toolchain import needs_compiler

pytestmark = [
    pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated"),
]

IDS = torch.randint(3, 60, (2, 6), generator=torch.Generator().manual_seed(0))

SMALL: dict[str, Any] = {
    "vocab_size": 64,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
}


def prefix(pattern: str) -> str:
    return (
        f'qa 1\nadapter p() {{\n    attach "{pattern}"\n'
        "    prefix table(5, out_features), table(5, out_features)\n}\n"
    )


def model_of(kind: str, attention: str) -> Any:
    auto: Any = transformers.AutoModelForCausalLM
    if kind == "llama":
        config: Any = transformers.LlamaConfig(**SMALL)
    else:
        config = transformers.MistralConfig(**SMALL, sliding_window=4)
    torch.manual_seed(0)
    model = auto.from_config(config, attn_implementation=attention).eval().double()
    adapter = qcompile.compile(prefix("*.self_attn"), model=model)
    with torch.no_grad():
        for number, parameter in enumerate(adapter.parameters()):
            parameter.normal_(generator=torch.Generator().manual_seed(number))
    return qcompile.attach(model, adapter.double())


def generated(model: Any, **options: Any) -> torch.Tensor:
    found: torch.Tensor = model.generate(
        IDS,
        attention_mask=torch.ones_like(IDS),
        max_new_tokens=6,
        do_sample=False,
        pad_token_id=0,
        **options,
    )
    return found


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("kind", ["llama", "mistral"])
def test_every_cache_gives_the_same_tokens(kind: str, attention: str) -> None:
    model = model_of(kind, attention)
    expected = generated(model, use_cache=False)
    for name in ("dynamic", "static"):
        assert torch.equal(generated(model, cache_implementation=name), expected)
    static = transformers.StaticCache(config=model.config, max_cache_len=20)
    assert torch.equal(generated(model, past_key_values=static), expected)
    beams = generated(model, num_beams=2, use_cache=False)
    for name in ("dynamic", "static"):
        assert torch.equal(generated(model, num_beams=2, cache_implementation=name), beams)


@pytest.mark.parametrize("kind", ["llama", "mistral"])
def test_a_forward_in_pieces_on_a_static_cache(kind: str) -> None:
    model = model_of(kind, "sdpa")
    with torch.no_grad():
        whole = model(input_ids=IDS, use_cache=False).logits
        cache = transformers.StaticCache(config=model.config, max_cache_len=16)
        pieces = [
            model(input_ids=IDS[:, start:stop], past_key_values=cache).logits
            for start, stop in ((0, 3), (3, 5), (5, 6))
        ]
    torch.testing.assert_close(torch.cat(pieces, 1), whole, rtol=1e-9, atol=1e-9)


def test_padding_on_the_left_needs_the_positions() -> None:
    model = model_of("llama", "sdpa")
    padding = torch.zeros(2, 3, dtype=torch.long)
    ids, mask = torch.cat([padding, IDS], 1), torch.cat([padding, torch.ones_like(IDS)], 1)
    positions = (mask.cumsum(1) - 1).clamp(min=0)
    with torch.no_grad():
        expected = model(input_ids=IDS).logits[:, -1]
        found = model(input_ids=ids, attention_mask=mask, position_ids=positions).logits[:, -1]
        shifted = model(input_ids=IDS, position_ids=torch.arange(3, 9)[None]).logits[:, -1]
        without = model(input_ids=ids, attention_mask=mask).logits[:, -1]
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-9)
    # A prefix has no position: what the positions are is seen, as the page says.
    torch.testing.assert_close(without, shifted, rtol=1e-9, atol=1e-9)
    assert not torch.allclose(without, expected, atol=1e-3)
    padded = model.generate(
        ids, attention_mask=mask, max_new_tokens=4, do_sample=False, pad_token_id=0
    )
    assert torch.equal(padded[:, 9:], generated(model)[:, 6:10])


def encoder_decoder(kind: str) -> Any:
    if kind == "bart":
        return transformers.BartForConditionalGeneration(
            transformers.BartConfig(
                vocab_size=64,
                d_model=16,
                encoder_layers=1,
                decoder_layers=1,
                encoder_attention_heads=2,
                decoder_attention_heads=2,
                encoder_ffn_dim=16,
                decoder_ffn_dim=16,
            )
        )
    return transformers.T5ForConditionalGeneration(
        transformers.T5Config(vocab_size=64, d_model=16, d_kv=8, d_ff=16, num_layers=1, num_heads=2)
    )


@pytest.mark.parametrize(
    ("kind", "pattern", "offered"),
    [
        ("bart", "*.encoder_attn", "layers.*.self_attn`"),
        ("t5", "*.SelfAttention", "use a `prefix` with another model"),
        ("t5", "*.EncDecAttention", "use a `prefix` with another model"),
    ],
)
def test_attention_without_a_place_is_refused_with_what_there_is(
    kind: str, pattern: str, offered: str, tmp_path: Path
) -> None:
    model = encoder_decoder(kind)
    model.config.save_pretrained(tmp_path)
    source = prefix(pattern)
    for refused in (
        lambda: qcompile.compile(source, model=model),
        lambda: qcompile.compile(source, model=tmp_path),
        lambda: get_peft_model(model, QCompileConfig(spec=source)),
    ):
        with pytest.raises(QCompileError, match="QA3008") as caught:
            refused()
        assert offered in str(caught.value)
    assert not any("qcompile" in name for name, _ in model.named_modules())


def test_self_attention_beside_cross_attention_takes_prefixes() -> None:
    adapter = qcompile.compile(prefix("*_attn"), model=encoder_decoder("bart"))
    names = [site.module for site, _ in adapter.parts()]
    assert names == ["model.encoder.layers.0.self_attn", "model.decoder.layers.0.self_attn"]


@needs_compiler
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_foreign_masks_are_refused_with_what_helps() -> None:
    auto: Any = transformers.AutoModelForCausalLM
    config = transformers.AutoConfig.from_pretrained(TINY_LLAMA)
    model = auto.from_config(config, attn_implementation="flex_attention").eval()
    qcompile.attach(model, qcompile.compile(prefix("*.self_attn"), model=model))
    with pytest.raises(QCompileError, match="QA6043") as caught:
        model(input_ids=IDS)
    assert 'attn_implementation="sdpa"' in str(caught.value)
