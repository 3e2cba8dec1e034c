"""Norms and blocks of transformers' models, and their widths."""

from __future__ import annotations

import pytest
import torch
import transformers
from torch import nn

from qcompile.models.hosts import host_sizes
from qcompile.models.skeleton import module_infos
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
        nn.Conv1d(4, 4, 1),
        nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4)),
        nn.ModuleList([nn.Linear(4, 4), nn.Linear(4, 4)]),
        nn.ReLU(),
    ],
    ids=lambda module: type(module).__name__,
)
def test_what_is_no_host(module: nn.Module) -> None:
    assert host_sizes(module) is None
