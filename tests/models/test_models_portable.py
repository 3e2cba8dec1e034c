"""Words of `attach` stand for modules of every architecture."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
import transformers
from torch import nn

import qcompile
from qcompile.diagnostics import QCompileWarning, Source
from qcompile.driver.options import Options
from qcompile.driver.phases import compile_source
from qcompile.ir.portable import all_portables, parse_portable
from qcompile.models.skeleton import describe_model, module_infos
from qcompile.report.figures import figures
from qcompile.report.table import report_text

SMALL = {
    "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 24,
    "vocab_size": 40, "num_key_value_heads": 2, "pad_token_id": 0,
}  # fmt: skip
GPT2 = {"n_embd": 16, "n_layer": 1, "n_head": 2, "vocab_size": 40}
BART = {
    "d_model": 16, "encoder_layers": 1, "decoder_layers": 1, "encoder_attention_heads": 2,
    "decoder_attention_heads": 2, "encoder_ffn_dim": 24, "decoder_ffn_dim": 24, "vocab_size": 40,
}  # fmt: skip
EXPERTS = {"moe_intermediate_size": 24, "num_experts": 2, "num_experts_per_tok": 1}

QKVO = {"attention.qv": "q_proj v_proj", "attention.o": "o_proj", "mlp.down": "down_proj"}
CASES: dict[str, tuple[str, dict[str, Any], dict[str, str]]] = {
    "llama": (
        "LlamaForCausalLM",
        SMALL,
        {**QKVO, "mlp": "down_proj gate_proj up_proj", "mlp.gate": "gate_proj", "head": "lm_head"},
    ),
    "glm": (
        "Glm4ForCausalLM",
        SMALL,
        {**QKVO, "mlp.gate": "gate_up_proj", "mlp.up": "gate_up_proj"},
    ),
    "gpt2": (
        "GPT2LMHeadModel",
        GPT2,
        {
            "attention.qv": "attn.c_attn",
            "attention.o": "attn.c_proj",
            "mlp.up": "mlp.c_fc",
            "mlp.down": "mlp.c_proj",
        },
    ),
    "roberta": (
        "RobertaForSequenceClassification",
        SMALL,
        {
            "attention": "output.dense self.key self.query self.value",
            "mlp.up": "intermediate.dense",
            "mlp.down": "output.dense",
            "head": "classifier.dense classifier.out_proj",
        },
    ),
    "bart": (
        "BartForConditionalGeneration",
        BART,
        {
            "attention.k": "encoder_attn.k_proj self_attn.k_proj",
            "attention.o": "encoder_attn.out_proj self_attn.out_proj",
            "mlp": "fc1 fc2",
        },
    ),
    "t5": (
        "T5ForConditionalGeneration",
        {"d_model": 16, "d_kv": 8, "d_ff": 24, "num_layers": 1, "num_heads": 2, "vocab_size": 40},
        {"attention.q": "EncDecAttention.q SelfAttention.q", "mlp": "wi wo"},
    ),
    "gpt_neox": (
        "GPTNeoXForCausalLM",
        SMALL,
        {
            "attention.v": "query_key_value",
            "attention.o": "attention.dense",
            "mlp.up": "dense_h_to_4h",
        },
    ),
    "qwen2_moe": (
        "Qwen2MoeForCausalLM",
        {**SMALL, **EXPERTS, "shared_expert_intermediate_size": 8},
        {
            "attention.q": "q_proj",
            "mlp.down": "shared_expert.down_proj",
            "experts.tied": "mlp.experts.gate_up_proj mlp.experts.down_proj",
            "experts": "gate_up_proj.0 gate_up_proj.1 down_proj.0 down_proj.1",
            "router": "mlp.gate.weight",
        },
    ),
    "mixtral": (
        "MixtralForCausalLM",
        {**SMALL, "num_local_experts": 2},
        {
            "experts.tied": "mlp.experts.gate_up_proj mlp.experts.down_proj",
            "router": "mlp.gate.weight",
        },
    ),
    "deepseek_v3": (
        "DeepseekV3ForCausalLM",
        {
            **SMALL,
            "moe_intermediate_size": 8,
            "n_routed_experts": 2,
            "num_experts_per_tok": 1,
            "n_group": 1,
            "topk_group": 1,
            "first_k_dense_replace": 0,
            "q_lora_rank": 16,
            "kv_lora_rank": 16,
            "qk_rope_head_dim": 4,
            "v_head_dim": 8,
            "qk_nope_head_dim": 4,
        },
        {"experts.tied": "experts.gate_up_proj experts.down_proj", "router": "mlp.gate.weight"},
    ),
    "gpt_oss": (
        "GptOssForCausalLM",
        {**SMALL, "num_local_experts": 2},
        {"experts.tied": "experts.gate_up_proj experts.down_proj", "router": "mlp.router.weight"},
    ),
    "granite": (
        "GraniteMoeForCausalLM",
        {**SMALL, "num_local_experts": 2},
        {"router": "router.weight"},
    ),
}


def build(case: str) -> nn.Module:
    name, sizes, _ = CASES[case]
    kind = getattr(transformers, name)
    with torch.device("meta"):
        model: nn.Module = kind(kind.config_class(**sizes))
    return model


def spec(*places: str) -> str:
    body = "    update linear(linear(x, to: 2), to: out_features, init: zero)\n"
    return f"qa 1\n\nadapter low() {{\n    attach {', '.join(places)}\n{body}}}\n"


def cases() -> Iterator[tuple[str, str, str]]:
    for case, (_, _, wanted) in CASES.items():
        for word, names in wanted.items():
            yield case, word, names


@pytest.mark.parametrize(("case", "word", "names"), list(cases()))
@pytest.mark.filterwarnings("ignore::qcompile.diagnostics.QCompileWarning")
def test_a_word_finds_its_modules(case: str, word: str, names: str) -> None:
    adapter = qcompile.compile(spec(word), model=build(case))
    found = {site.module for site in adapter.sites}
    wanted = names.split()
    for module in found:
        assert any(module.endswith(f".{name}") or module == name for name in wanted), module
    for name in wanted:
        assert any(module.endswith(name) for module in found), name


@pytest.mark.parametrize("case", CASES)
@pytest.mark.filterwarnings("ignore::qcompile.diagnostics.QCompileWarning")
def test_linear_is_all_but_the_head(case: str) -> None:
    model = build(case)
    known = {module.name: module for module in module_infos(model) if module.in_features}
    found = {site.module for site in qcompile.compile(spec("linear"), model=model).sites}
    heads = {name for name, module in known.items() if module.role == "head"}
    assert found == known.keys() - heads
    assert heads


def test_a_word_that_reaches_experts_says_that_it_leaves_them_out() -> None:
    model = build("qwen2_moe")
    with pytest.warns(QCompileWarning, match=r"(?s)QA6016.*gate_up_proj"):
        qcompile.compile(spec("linear"), model=model)


def test_words_and_patterns_go_together_with_layers_and_parameters() -> None:
    model = transformers.LlamaForCausalLM(
        transformers.LlamaConfig(**{**SMALL, "num_hidden_layers": 3})
    )
    text = """qa 1

adapter low(rank: int = 2) {
    attach attention.q layers 0..1 with (rank: 1)
    attach attention.q, "*.up_proj" layers 1..3
    update linear(linear(x, to: rank), to: out_features, init: zero)
}
"""
    adapter = qcompile.compile(text, model=model)
    sizes = {
        site.module.removeprefix("model.layers."): part.plan.tensors[0].shape[0]
        for site, part in adapter.parts()
    }
    assert sizes == {
        "0.self_attn.q_proj": 1, "1.self_attn.q_proj": 2, "2.self_attn.q_proj": 2,
        "1.mlp.up_proj": 2, "2.mlp.up_proj": 2,
    }  # fmt: skip


def test_the_report_shows_what_a_word_stands_for() -> None:
    adapter = qcompile.compile(spec("attention.qv"), model=build("gpt2"))
    planned = adapter.manifest.planned
    assert "h.0.attn.c_attn" in report_text(figures(planned, pipeline="", tokens=1))


def test_a_letter_without_modules_is_a_warning() -> None:
    layer = nn.ModuleDict({"attn": nn.ModuleDict({"q_proj": nn.Linear(4, 4)})})
    model = nn.ModuleDict({"layers": nn.ModuleList([layer])})
    compilation = compile_source(
        Source("<text>", spec("attention.qv")), Options(), model=describe_model(model)
    )
    (warning,) = (one for one in compilation.warnings if one.code == "QA3006")
    assert "`attention.v`" in warning.title
    assert [site.module for site in compilation.manifest.planned.sites] == ["layers.0.attn.q_proj"]


def test_every_word_of_the_table_is_one() -> None:
    for word in all_portables():
        found = parse_portable(word)
        assert found is not None and found.alternatives == (word,)
    for word in ("attention.qq", "attention.", "linear.q", "mlp.up_down", "other", "mlp.u"):
        assert parse_portable(word) is None
