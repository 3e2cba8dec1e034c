"""Prefixes in attention, against a cache that was filled by hand."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from torch import nn

import qcompile
from qcompile.adapter import CompiledAdapter
from qcompile.adapter.prefixed import prefixes_of
from qcompile.diagnostics import AdapterError, CompileError
from tests.adapter.models import bert, checkpoint_activations, gpt2, llama, trained

EXAMPLES = Path(__file__).parents[2] / "examples"
PREFIX = (EXAMPLES / "prefix_tuning.qa").read_text("utf-8")
REPARAMETERISED = (EXAMPLES / "prefix_mlp.qa").read_text("utf-8")
TEXTS = {"tables": PREFIX, "mlp": REPARAMETERISED}
TOKENS = 5

IDS = torch.randint(1, 64, (2, 7), generator=torch.Generator().manual_seed(0))
PADDED = torch.ones(2, 7, dtype=torch.long)
PADDED[0, :3] = 0


def prefix(model: nn.Module, text: str = PREFIX, pattern: str = "*.self_attn") -> CompiledAdapter:
    """A trained prefix on a model, large enough to be seen."""
    text = text.replace("*.self_attn", pattern)
    adapter = trained(qcompile.compile(text, model=model, parameters={"tokens": TOKENS}))
    with torch.no_grad():
        for parameter in adapter.parameters():
            parameter.mul_(10.0)
    qcompile.attach(model, adapter)
    return adapter


def logits(model: Any, **arguments: Any) -> torch.Tensor:
    with torch.no_grad():
        found: torch.Tensor = model(input_ids=IDS, **arguments).logits
    return found


def by_hand(base: Any, adapter: CompiledAdapter, mask: torch.Tensor | None) -> torch.Tensor:
    """The base model after a cache that holds the prefix, whose tokens have no positions."""
    cache = transformers.DynamicCache()
    config = base.config
    heads = getattr(config, "num_key_value_heads", config.num_attention_heads)
    for layer, (_, part) in enumerate(adapter.parts()):
        with torch.no_grad():
            pair = [table.reshape(TOKENS, heads, -1).transpose(0, 1) for table in part.prefix()]
        keys, values = (table.unsqueeze(0).expand(len(IDS), -1, -1, -1) for table in pair)
        cache.update(keys, values, layer)
    seen = torch.ones(len(IDS), TOKENS, dtype=torch.long)
    own = torch.ones_like(IDS) if mask is None else mask
    return logits(
        base,
        attention_mask=torch.cat([seen, own], 1),
        past_key_values=cache,
        position_ids=torch.arange(IDS.shape[1]).expand(len(IDS), -1),
    )


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("implementation", ["sdpa", "eager"])
@pytest.mark.parametrize("mask", [None, PADDED], ids=["whole", "padded"])
@pytest.mark.parametrize("build", [llama, gpt2])
def test_outputs_are_those_of_a_filled_cache(
    text: str, implementation: str, mask: torch.Tensor | None, build: Any
) -> None:
    model, base = build().eval(), build().eval()
    for each in (model, base):
        each.set_attn_implementation(implementation)
    pattern = "*.self_attn" if build is llama else "*.attn"
    adapter = prefix(model, TEXTS[text], pattern)
    found = logits(model, attention_mask=mask)
    keep = slice(None) if mask is None else mask.bool()
    torch.testing.assert_close(found[keep], by_hand(base, adapter, mask)[keep], atol=2e-6, rtol=0)
    assert (found - logits(base, attention_mask=mask)).abs().max() > 0.05


def test_float64_throughout() -> None:
    model, base = llama().double().eval(), llama().double().eval()
    adapter = prefix(model).double()
    assert (logits(model) - by_hand(base, adapter, None)).abs().max() < 1e-12


@pytest.mark.parametrize("build", [llama, gpt2])
def test_generation_with_and_without_a_cache_agrees(build: Any) -> None:
    model = build().eval()
    prefix(model, pattern="*.self_attn" if build is llama else "*.attn")
    found = [
        model.generate(
            IDS, attention_mask=PADDED, max_new_tokens=6, do_sample=False, use_cache=use, **static
        )
        for use, static in (
            (True, {}),
            (False, {}),
            (True, {"cache_implementation": "static"}),
        )
    ]
    assert all(torch.equal(found[0], other) for other in found[1:])
    with qcompile.disabled(model):
        plain = model.generate(IDS, attention_mask=PADDED, max_new_tokens=6, do_sample=False)
    assert not torch.equal(plain, found[0])


def test_encoder() -> None:
    model = bert().eval()
    before = logits(model)
    adapter = prefix(model, pattern="*.attention.self")
    assert (logits(model) - before).abs().max() > 1e-3
    model(input_ids=IDS).logits.sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in adapter.parameters())
    qcompile.detach(model)
    assert torch.equal(logits(model), before)


@pytest.mark.parametrize("text", TEXTS)
def test_only_the_prefix_trains_and_detach_restores(text: str) -> None:
    model, base = llama().eval(), llama().eval()
    adapter = prefix(model, TEXTS[text])
    assert {id(p) for p in model.parameters() if p.requires_grad} == {
        id(p) for p in adapter.parameters()
    }
    optimiser = torch.optim.AdamW(adapter.parameters(), lr=1e-2)
    losses = []
    for _ in range(5):
        loss = model(input_ids=IDS, labels=IDS).loss
        loss.backward()
        optimiser.step()
        optimiser.zero_grad()
        losses.append(loss.item())
    assert losses[-1] < losses[0]
    with qcompile.disabled(model):
        assert torch.equal(logits(model), logits(base))
    qcompile.detach(model)
    assert torch.equal(logits(model), logits(base))
    assert list(model.state_dict()) == list(base.state_dict())
    assert all(not module._forward_pre_hooks for module in model.modules())


def test_checkpointing_gives_the_same_gradients() -> None:
    model = llama().train()
    adapter = prefix(model, REPARAMETERISED)
    found = []
    for checkpointed in (False, True):
        if checkpointed:
            checkpoint_activations(model)
        model(input_ids=IDS, labels=IDS, use_cache=False).loss.backward()
        found.append([parameter.grad for parameter in adapter.parameters()])
        adapter.zero_grad()
    for plain, checkpointed in zip(*found, strict=True):
        assert plain is not None and torch.equal(plain, checkpointed)


def test_copies_stand_for_themselves() -> None:
    model = llama().eval()
    prefix(model)
    before = logits(model)
    other = copy.deepcopy(model)
    with torch.no_grad():
        for parameter in qcompile.attached(other)[0].parameters():
            parameter.zero_()
    assert torch.equal(logits(model), before)
    assert not torch.equal(logits(other), before)
    qcompile.detach(other)
    assert torch.equal(logits(model), before)
    assert torch.equal(logits(pickle.loads(pickle.dumps(model))), before)


def test_saved_and_loaded(tmp_path: Path) -> None:
    model, again = llama().eval(), llama().eval()
    prefix(model, REPARAMETERISED).save(tmp_path / "prefix.pt")
    qcompile.attach(again, tmp_path / "prefix.pt")
    assert torch.equal(logits(model), logits(again))


def test_beside_lora() -> None:
    both, base = llama().eval(), llama().eval()
    lora = trained(qcompile.compile(EXAMPLES / "lora.qa", model=both))
    qcompile.attach(both, lora)
    prefix(both)
    first = logits(both)
    other = llama().eval()
    prefix(other)
    qcompile.attach(other, trained(qcompile.compile(EXAMPLES / "lora.qa", model=base)))
    assert torch.equal(first, logits(other))
    with pytest.raises(AdapterError, match="QA6004"):
        qcompile.attach(both, qcompile.compile(PREFIX, model=base))
    qcompile.detach(both)
    assert torch.equal(logits(both), logits(base))


def test_compiled_without_graph_breaks() -> None:
    model = llama().eval()
    prefix(model, REPARAMETERISED)
    compiled = torch.compile(model, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(logits(compiled, use_cache=False), logits(model))


def test_bfloat16_model() -> None:
    model = llama().to(torch.bfloat16)
    adapter = prefix(model)
    model(input_ids=IDS, labels=IDS).loss.backward()
    for parameter in adapter.parameters():
        assert parameter.dtype == torch.float32
        assert parameter.grad is not None and parameter.grad.isfinite().all()
    with torch.autocast("cpu", torch.bfloat16):
        assert logits(llama_with_prefix()).isfinite().all()


def llama_with_prefix() -> nn.Module:
    model = llama()
    prefix(model)
    return model


def test_pruning_drops_the_network_and_nothing_else(tmp_path: Path) -> None:
    model, again = llama().eval(), llama().eval()
    adapter = prefix(model, REPARAMETERISED)
    smaller = qcompile.prune(adapter)
    # V · 2 · layers · width of the keys.
    assert sum(p.numel() for p in smaller.parameters()) == TOKENS * 2 * 2 * 16
    smaller.save(tmp_path / "smaller.pt")
    qcompile.attach(again, tmp_path / "smaller.pt")
    assert torch.equal(logits(model), logits(again))


def test_merging_is_refused_and_changes_nothing() -> None:
    model = llama().eval()
    prefix(model)
    before = logits(model)
    with pytest.raises(AdapterError, match="QA6006"):
        qcompile.merge(model)
    assert torch.equal(logits(model), before)


def test_another_model_is_refused_whole() -> None:
    adapter = qcompile.compile(PREFIX, model=llama())
    wider = llama(head_dim=16)
    with pytest.raises(AdapterError, match="QA6002"):
        qcompile.attach(wider, adapter)
    assert all(prefixes_of(module) is None for module in wider.modules())
    assert all(parameter.requires_grad for parameter in wider.parameters())


def bart() -> Any:
    config = transformers.BartConfig(
        vocab_size=64,
        d_model=32,
        encoder_layers=2,
        decoder_layers=2,
        encoder_attention_heads=4,
        decoder_attention_heads=4,
        encoder_ffn_dim=48,
        decoder_ffn_dim=48,
        max_position_embeddings=64,
    )
    torch.manual_seed(0)
    return transformers.BartForConditionalGeneration(config).eval()


def test_decoder_of_an_encoder_decoder() -> None:
    model = bart()
    before = logits(model)
    prefix(model, pattern="*.decoder.layers.*.self_attn")
    found = [
        model.generate(IDS, max_new_tokens=6, do_sample=False, num_beams=2, use_cache=use)
        for use in (True, False)
    ]
    assert torch.equal(*found)
    qcompile.detach(model)
    assert torch.equal(logits(model), before)


def test_cross_attention_is_refused() -> None:
    with pytest.raises(CompileError, match="QA3008"):
        prefix(bart(), pattern="*.encoder_attn")


@pytest.mark.parametrize("kind", ["Mistral", "Gemma2", "Qwen3", "Phi3"])
def test_windows_groups_and_fused_maps(kind: str) -> None:
    window = {"sliding_window": 4} if kind in ("Mistral", "Gemma2") else {}
    config = getattr(transformers, f"{kind}Config")(
        vocab_size=64,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=8 if kind == "Phi3" else 16,
        pad_token_id=0,
        **window,
    )
    torch.manual_seed(0)
    model = getattr(transformers, f"{kind}ForCausalLM")(config).eval()
    prefix(model)
    found = [
        model.generate(
            IDS,
            attention_mask=PADDED,
            max_new_tokens=6,
            do_sample=False,
            num_beams=3,
            num_return_sequences=2,
            use_cache=use,
        )
        for use in (True, False)
    ]
    assert torch.equal(*found)
    eager = copy.deepcopy(model)
    eager.set_attn_implementation("eager")
    torch.testing.assert_close(logits(model), logits(eager))
    width = eager(input_ids=IDS, output_attentions=True).attentions[0].shape[-1]
    assert width == TOKENS + IDS.shape[1]
