"""Tables, generated matrices and prefixes: counts as published, values as computed by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import qcompile
from qcompile.diagnostics import Collector
from qcompile.grammar.files import read_source
from qcompile.grammar.frontend import load_spec
from qcompile.models.skeleton import read_model
from qcompile.passes.lowering import lower
from qcompile.passes.lowering.totals import parameter_count

EXAMPLES = Path(__file__).parents[2] / "examples"


def count(example: str, model: str, **parameters: int) -> int:
    """Trainable parameters of an example on a shipped configuration."""
    from qcompile.grammar.elaborate import Override

    collector = Collector()
    overrides = [Override(None, name, str(value)) for name, value in parameters.items()]
    spec = load_spec(read_source(str(EXAMPLES / f"{example}.qa")), overrides, collector)
    assert spec is not None
    info = read_model(str(EXAMPLES / "models" / model))
    lowered = lower(spec, model=info, devices={}, collector=collector)
    assert lowered is not None
    return parameter_count(lowered)


@pytest.mark.parametrize(
    ("model", "layers", "hidden", "keys"),
    [("qwen2-7b", 28, 3584, 512), ("llama-3-8b", 32, 4096, 1024), ("tiny-llama", 4, 128, 64)],
)
def test_prefix_tuning_has_the_published_counts(
    model: str, layers: int, hidden: int, keys: int
) -> None:
    tokens, inner = 20, 96
    plain = tokens * 2 * layers * keys
    assert count("prefix_tuning", model, tokens=tokens) == plain
    # Embedding(V, d), Linear(d, h), tanh, Linear(h, 2 · layers · d_kv), both with biases.
    network = hidden * inner + inner + (inner + 1) * 2 * layers * keys
    assert count("prefix_mlp", model, tokens=tokens, hidden=inner) == tokens * hidden + network


def test_qpa_has_the_published_count_on_gpt2s_head() -> None:
    # arXiv:2410.09846: rank 4, chunk 2048, depth 8 on 768 → 50257.
    text = (EXAMPLES / "qpa.qa").read_text("utf-8")
    text = text.replace('attach "*.self_attn.{q,v}_proj"', "shape 768 -> 50257")
    text = "\n".join(line for line in text.splitlines() if not line.startswith("model"))
    adapter = qcompile.compile(text, parameters={"rank": 4, "chunk": 2048, "depth": 8})
    sizes = {name.split(".", 1)[1]: value.numel() for name, value in adapter.named_parameters()}
    total = sum(sizes.values())
    assert (sizes["p.angles"], total) == (56, 106_264)
    assert sizes["chunks.weight"] + sizes["chunks.bias"] == 67_584
    assert sum(size for name, size in sizes.items() if name.startswith("f.")) == 38_624
    assert f"{total / (4 * (768 + 50257)):.2%}" == "52.06%"


def test_qpa_is_lora_with_generated_weights() -> None:
    text = (EXAMPLES / "qpa.qa").read_text("utf-8")
    text = text.replace('attach "*.self_attn.{q,v}_proj"', "shape 24 -> 16")
    text = "\n".join(line for line in text.splitlines() if not line.startswith("model"))
    adapter = qcompile.compile(
        text + "\ntarget t { dtype: float64 }\n", parameters={"rank": 2, "chunk": 16, "depth": 2}
    )
    state = {name.split(".", 1)[1]: v.detach().numpy() for name, v in adapter.named_parameters()}
    probabilities = _chain_probabilities(state["p.angles"].reshape(2, 3))
    digits = np.array([[float(d) for d in f"{k:03b}"] for k in range(8)])
    table = np.concatenate([digits, probabilities[:, None]], axis=1)
    hidden = table
    for layer in "abcdef":
        weight, bias = state[f"f.{layer}.linear1.weight"], state[f"f.{layer}.linear1.bias"]
        hidden = np.maximum(hidden @ weight.T + bias, 0)
    hidden = hidden @ state["f.return.weight"].T + state["f.return.bias"]
    weights = (hidden @ state["chunks.weight"].T + state["chunks.bias"]).reshape(-1)
    down, up = weights[:48].reshape(2, 24), weights[48:80].reshape(16, 2)
    x = np.random.default_rng(0).standard_normal((5, 24))
    expected = 2.0 * x @ down.T @ up.T
    found = adapter(torch.tensor(x)).detach().numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-13)
    merged = next(adapter.parts())[1].merge_weight().numpy()
    np.testing.assert_allclose(merged, 2.0 * up @ down, rtol=1e-11, atol=1e-13)


def _chain_probabilities(angles: np.ndarray) -> np.ndarray:
    """Layers of RY and a line of CNOT on |000⟩, as dense matrices."""
    cnot = np.array([[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1], [0, 0, 1, 0]], dtype=float)
    state = np.zeros(8)
    state[0] = 1.0
    for layer in angles:
        turn = np.ones((1, 1))
        for angle in layer:
            c, s = np.cos(angle / 2), np.sin(angle / 2)
            turn = np.kron(turn, np.array([[c, -s], [s, c]]))
        state = np.kron(np.eye(2), cnot) @ np.kron(cnot, np.eye(2)) @ turn @ state
    return state**2
