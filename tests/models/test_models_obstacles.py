"""Linear maps that adapters cannot sit on are named, whatever way leads to them."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import transformers
from torch import nn

import qcompile
from qcompile.diagnostics import QCompileWarning
from qcompile.models.obstacles import obstacles
from tests.adapter.models import compiled, low_rank

SPEC = """qa 1

adapter low() {
    attach PATTERNS
    update linear(linear(x, to: 2), to: out_features, init: zero)
}
"""


def spec(*patterns: str) -> str:
    return SPEC.replace("PATTERNS", "\n    attach ".join(f'"{pattern}"' for pattern in patterns))


class Grouped(nn.Linear):
    """Block-diagonal: (out, in / groups)."""

    def __init__(self, in_features: int, out_features: int, groups: int = 2) -> None:
        super().__init__(in_features, out_features, bias=False)
        self.weight = nn.Parameter(torch.ones(out_features, in_features // groups))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        halves = zip(x.chunk(2, -1), self.weight.chunk(2), strict=True)
        return torch.cat([half @ weight.T for half, weight in halves], -1)


class Blocks(nn.Linear):
    def __init__(self) -> None:
        super().__init__(8, 8)
        self.weight = nn.Parameter(torch.ones(2, 4, 4))


class Transposed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.in_features, self.out_features = 6, 4
        self.weight = nn.Parameter(torch.ones(6, 4))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x @ self.weight


class Own(nn.MultiheadAttention):
    """Of another class, which might have another forward tomorrow."""


def encoder() -> nn.Module:
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    layer.self_attn = Own(8, 2, batch_first=True)
    return nn.TransformerEncoder(layer, 2).eval()


UNSUITED: dict[str, tuple[nn.Module, str]] = {
    "grouped": (nn.Sequential(Grouped(8, 4)), "4 × 4, and not 4 × 8"),
    "blocks": (nn.Sequential(Blocks()), "2 × 4 × 4, and not 8 × 8"),
    "lazy": (nn.Sequential(nn.LazyLinear(4)), "no shape before its first call"),
    "attention": (Own(8, 2), "never calls it"),
}


@pytest.mark.parametrize("case", UNSUITED)
def test_a_model_with_nothing_else_is_refused(case: str) -> None:
    model, reason = UNSUITED[case]
    with pytest.raises(qcompile.CompileError, match=reason) as caught:
        qcompile.compile(spec("*"), model=model)
    assert caught.value.diagnostics[0].code == "QA3004"


@pytest.mark.parametrize("case", ["grouped", "blocks", "attention"])
def test_an_adapter_of_elsewhere_is_refused_at_attach(case: str) -> None:
    model, reason = UNSUITED[case]
    ((name, module),) = [item for item in model.named_modules() if id(item[1]) in obstacles(model)]
    like = nn.Module()
    like.register_module(name, nn.Linear(module.in_features, module.out_features))
    adapter = compiled(like, (name,), low_rank)
    modules = dict(model.named_modules())
    with pytest.raises(qcompile.QCompileError, match=reason) as caught:
        qcompile.attach(model, adapter)
    (found,) = caught.value.diagnostics
    assert found.code == "QA6011" and f"`{name}`" in found.title
    assert dict(model.named_modules()) == modules


def test_peft_refuses_the_same() -> None:
    from peft import get_peft_model

    from qcompile.peft import QCompileConfig

    like = nn.Sequential(nn.Linear(8, 4))
    config = QCompileConfig(spec=spec("*"))
    get_peft_model(like, config)
    again = QCompileConfig(plan=config.plan)
    with pytest.raises(qcompile.QCompileError, match="4 × 4, and not 4 × 8") as caught:
        get_peft_model(nn.Sequential(Grouped(8, 4)), again)
    assert caught.value.diagnostics[0].code == "QA6011"


def test_a_weight_the_other_way_round_is_the_modules_own_affair() -> None:
    model = nn.Sequential(Transposed())
    qcompile.attach(model, qcompile.compile(spec("*"), model=model))
    assert model(torch.ones(2, 6)).shape == (2, 4)
    with pytest.raises(qcompile.QCompileError, match="QA6006"):
        qcompile.merge(model)


def test_what_a_pattern_leaves_out_is_said() -> None:
    from qcompile.diagnostics import Source
    from qcompile.driver.options import Options
    from qcompile.driver.phases import compile_source
    from qcompile.models.skeleton import describe_model

    info = describe_model(encoder())
    found = compile_source(Source("a.qa", spec("*")), Options(), model=info)
    (warning,) = found.warnings
    assert warning.code == "QA6016" and "leaves out 2 of" in warning.title
    (note,) = warning.notes
    assert note.startswith("`layers.0.self_attn.out_proj`: `Own` reads its weight")
    assert note.endswith("; the same holds for `layers.1.self_attn.out_proj`")
    names = {site.module.rpartition(".")[2] for site in found.planned.sites}
    assert names == {"linear1", "linear2"}
    precise = compile_source(Source("a.qa", spec("*.linear?")), Options(), model=info)
    assert precise.warnings == ()


def test_programs_are_warned_as_well() -> None:
    from peft import get_peft_model

    from qcompile.peft import QCompileConfig

    with pytest.warns(QCompileWarning, match="leaves out 2 of"):
        qcompile.compile(spec("*"), model=encoder())
    with pytest.warns(QCompileWarning, match="leaves out 2 of"):
        get_peft_model(encoder(), QCompileConfig(spec=spec("*")))


def mixtral() -> Any:
    config = transformers.MixtralConfig(
        vocab_size=16,
        hidden_size=8,
        intermediate_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        num_local_experts=4,
    )
    with torch.device("meta"):
        return transformers.MixtralForCausalLM(config)


@pytest.mark.parametrize(
    ("pattern", "code"),
    [
        ("*.experts", "QA3004"),
        ("*.experts.*.gate_proj", "QA3003"),
    ],
)
def test_experts_as_slices_of_parameters_are_named(pattern: str, code: str) -> None:
    with pytest.raises(qcompile.CompileError) as caught:
        qcompile.compile(spec(pattern), model=mixtral())
    (found,) = caught.value.diagnostics
    assert found.code == code
    (note,) = [note for note in found.notes if "slices" in note]
    assert note == (
        "`model.layers.0.mlp.experts` (one of 2 such modules) holds its experts as slices of "
        "`gate_up_proj` and `down_proj`; `attach experts` reaches each, `attach experts.tied` all "
        "alike"
    )


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("*.experts.*", {"gate_up_proj", "down_proj"}),
        ("*.down_proj", {"down_proj"}),
        ("*.experts.down_proj.*", {"0", "1", "2", "3"}),
    ],
)
def test_a_pattern_takes_whole_parameters_before_their_slices(
    pattern: str, names: set[str]
) -> None:
    # Warnings are errors: nothing is left out.
    adapter = qcompile.compile(spec(pattern), model=mixtral())
    assert {site.module.rpartition(".")[2] for site in adapter.sites} == names


def test_a_pattern_of_something_else_says_nothing_of_experts() -> None:
    with pytest.raises(qcompile.CompileError) as caught:
        qcompile.compile(spec("*.nothing"), model=mixtral())
    assert "experts" not in str(caught.value)
