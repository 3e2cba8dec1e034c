"""Trainable parameters of the examples on published models, as the papers' formulas give them."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from qcompile.diagnostics import Collector
from qcompile.grammar.elaborate import Override
from qcompile.grammar.files import read_source
from qcompile.grammar.frontend import load_spec
from qcompile.ir.compilation import ModelInfo, ModuleInfo
from qcompile.passes.lowering import lower

EXAMPLES = Path(__file__).parents[2] / "examples"

SIZES = {
    "qwen2-7b": (3584, 28, 28, 4, 18944, 152064),
    "llama-3-8b": (4096, 32, 32, 8, 14336, 128256),
    "tiny-llama": (128, 4, 4, 2, 344, 1024),
}
"""Hidden size, layers, heads, key-value heads, intermediate size, vocabulary; as published."""


def config(model: str) -> dict[str, int]:
    text = (EXAMPLES / "models" / model / "config.json").read_text("utf-8")
    found: dict[str, int] = json.loads(text)
    return found


@pytest.mark.parametrize("model", SIZES)
def test_configurations_are_as_published(model: str) -> None:
    keys = ("hidden_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads")
    names = (*keys, "intermediate_size", "vocab_size")
    assert tuple(config(model)[name] for name in names) == SIZES[model]


def linears(model: str) -> ModelInfo:
    """Return the attention projections of a model, from its configuration alone."""
    sizes = config(model)
    hidden = sizes["hidden_size"]
    narrow = hidden // sizes["num_attention_heads"] * sizes["num_key_value_heads"]
    modules = [
        ModuleInfo(
            name=f"model.layers.{layer}.self_attn.{name}_proj",
            kind="Linear",
            in_features=hidden,
            out_features=width,
            layer=layer,
        )
        for layer in range(sizes["num_hidden_layers"])
        for name, width in (("q", hidden), ("k", narrow), ("v", narrow), ("o", hidden))
    ]
    return ModelInfo(architecture="", source=model, digest="", modules=tuple(modules), parameters=0)


def count(example: str, model: str, **parameters: int) -> int:
    collector = Collector()
    source = read_source(EXAMPLES / f"{example}.qa")
    overrides = [Override(None, name, str(value)) for name, value in parameters.items()]
    spec = load_spec(source, overrides, collector)
    assert spec is not None
    lowered = lower(spec, model=linears(model), devices={}, collector=collector)
    assert lowered is not None
    sizes = [sum(math.prod(t.shape) for t in program.tensors) for program in lowered.programs]
    return sum(sizes[site.unit] for site in lowered.sites)


@pytest.mark.parametrize(
    ("rank", "lora", "deep", "shallow"),
    [
        (4, 1_261_568, 572_544, 569_856),
        (6, 1_892_352, 636_608, 629_888),
        (8, 2_523_136, 703_360, 690_816),
        (10, 3_153_920, 772_800, 752_640),
        (16, 5_046_272, 997_248, 943_488),
    ],
)
def test_qwen2_7b(rank: int, lora: int, deep: int, shallow: int) -> None:
    assert count("lora", "qwen2-7b", rank=rank) == lora
    assert count("qtha", "qwen2-7b", rank=rank) == deep
    assert count("qtha", "qwen2-7b", rank=rank, layers=1) == shallow


def test_llama_3_8b() -> None:
    assert count("lora", "llama-3-8b") == 3_407_872
    assert count("qtha", "llama-3-8b") == 839_680


def test_cayley_has_six_numbers_for_four_outputs() -> None:
    # Queries are 4096 wide, values 1024.
    assert count("cayley", "llama-3-8b") == 32 * (6_144 + 1_536)


def test_qaa_has_three_angles_for_each_qubit_and_layer() -> None:
    # ⌈log2 3584⌉ = 12 qubits; queries are 3584 wide, values 512.
    angles, layers = 3 * 12 * 2, 28
    assert count("qaa", "qwen2-7b") == layers * (2 * angles + 12 * (3584 + 512))
