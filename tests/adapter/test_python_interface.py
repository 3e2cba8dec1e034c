"""`qcompile.compile` and the life of an adapter on a model, from a source to a merged weight."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import qcompile
from qcompile.diagnostics import CompileError, QCompileWarning, UsageError
from tests.adapter.models import llama, logits, outputs, same, snapshot

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"

LOW = """qa 1

adapter low(rank: int = 2, scale: real = 1.0, wide: bool = false) {
    attach "*.self_attn.{q,v}_proj"
    a = linear(x, to: 2 * rank if wide else rank)
    update scale * linear(a, to: out_features, init: zero)
}
"""

SHAPED = LOW.replace('attach "*.self_attn.{q,v}_proj"', "shape 6 -> 4")


def test_text_and_path_give_the_same(tmp_path: Path) -> None:
    path = tmp_path / "low.qa"
    path.write_text(SHAPED)
    for source in (SHAPED, path, str(path)):
        adapter = qcompile.compile(source)
        assert isinstance(adapter, nn.Module) and adapter(torch.zeros(2, 6)).shape == (2, 4)
        assert list(adapter.state_dict()) == ["low.a.weight", "low.update.linear1.weight"]
    assert qcompile.compile(path).manifest.sources[0].name == "low.qa"


def test_parameters_of_every_type() -> None:
    adapter = qcompile.compile(SHAPED, parameters={"rank": 3, "low.scale": 0.5, "wide": True})
    found = dict(adapter.manifest.planned.plans[0].parameters)
    assert found == {"rank": 3, "scale": 0.5, "wide": True}
    assert sum(p.numel() for p in adapter.parameters()) == 6 * (6 + 4)


def test_tiny_and_large_numbers_survive() -> None:
    for value in (1e-9, 123456.789, -2.5, 1e14):
        adapter = qcompile.compile(SHAPED, parameters={"scale": value})
        assert dict(adapter.manifest.planned.plans[0].parameters)["scale"] == value


def test_parameters_are_values_not_texts() -> None:
    said = SHAPED.replace("wide: bool = false", 'wide: bool = false, kind: text = "a"')
    said = said.replace("    a = linear", '    require kind == " \\"b\\" "\n    a = linear')
    values: dict[str, Any] = {
        "rank": np.int64(3),
        "scale": np.float32(0.5),
        "wide": "true",
        "kind": ' "b" ',
    }
    adapter = qcompile.compile(said, parameters=values)
    found = dict(adapter.manifest.planned.plans[0].parameters)
    assert found == {"rank": 3, "scale": 0.5, "wide": True, "kind": ' "b" '}
    assert adapter.manifest.definitions == ("rank=3", "scale=0.5", "wide=true", 'kind= "b" ')


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("rank", 2.0, "rank=2.0"),
        ("rank", True, "rank=true"),
        pytest.param("rank", 10**5000, "rank=2^16609 or more", id="huge"),
        ("scale", float("nan"), "scale=nan"),
        ("scale", False, "scale=false"),
        ("wide", 1, "wide=1"),
    ],
)
def test_values_of_other_types_are_refused(name: str, value: float, shown: str) -> None:
    with pytest.raises(CompileError) as caught:
        qcompile.compile(SHAPED, parameters={name: value})
    assert [item.code for item in caught.value.diagnostics] == ["QA2054"]
    assert shown in str(caught.value)


def test_a_name_is_one_of_a_parameter() -> None:
    with pytest.raises(UsageError, match="QA0018"):
        qcompile.compile(SHAPED, parameters={"rank=3": 4})


def test_seed_decides_the_start_and_nothing_else() -> None:
    first, again = qcompile.compile(SHAPED, seed=3), qcompile.compile(SHAPED, seed=3)
    other = qcompile.compile(SHAPED, seed=4)
    assert same(dict(first.state_dict()), dict(again.state_dict()))
    assert not same(dict(first.state_dict()), dict(other.state_dict()))
    torch.manual_seed(0)
    before = torch.rand(1)
    torch.manual_seed(0)
    qcompile.compile(SHAPED)
    assert torch.equal(torch.rand(1), before)


@pytest.mark.parametrize("kind", ["live", "file", "folder"])
def test_model_is_live_or_a_configuration(kind: str, tmp_path: Path) -> None:
    model: Any = llama()
    given: Any = model
    if kind != "live":
        (tmp_path / "config.json").write_text(json.dumps(model.config.to_dict()))
        given = tmp_path if kind == "folder" else str(tmp_path / "config.json")
    adapter = qcompile.compile(LOW, model=given)
    assert [site.module for site in adapter.sites] == [
        f"model.layers.{layer}.self_attn.{name}_proj" for layer in range(2) for name in "qv"
    ]
    assert adapter.manifest.model is not None
    assert adapter.manifest.model.architecture == "LlamaForCausalLM"
    before = logits(model)
    qcompile.attach(model, adapter)
    assert torch.equal(logits(model), before)


def test_errors_carry_diagnostics() -> None:
    with pytest.raises(qcompile.CompileError) as caught:
        qcompile.compile(SHAPED.replace("linear", "lienar"))
    assert len(caught.value.diagnostics) >= 2 and isinstance(caught.value, ValueError)
    with pytest.raises(qcompile.QCompileError, match="does not exist"):
        qcompile.compile("nowhere.qa")
    with pytest.raises(qcompile.QCompileError, match="did you mean `rank`"):
        qcompile.compile(SHAPED, parameters={"rnak": 3})
    with pytest.raises(qcompile.QCompileError, match="unknown target"):
        qcompile.compile(SHAPED, target="nowhere")
    with pytest.raises(qcompile.QCompileError):
        qcompile.compile(LOW)
    with pytest.raises(qcompile.QCompileError, match="QA3"):
        qcompile.compile(LOW, model=nn.Sequential(nn.Linear(2, 2)))


@pytest.mark.parametrize("level", [-1, 4, True])
def test_levels_of_optimisation_are_zero_to_three(level: int) -> None:
    with pytest.raises(qcompile.QCompileError, match="QA0009"):
        qcompile.compile(SHAPED, optimisation=level)


def test_whole_life_of_the_published_layer(tmp_path: Path) -> None:
    model = llama()
    base, before = snapshot(model), logits(model)
    adapter = qcompile.compile(
        EXAMPLES / "qtha.qa", model=model, parameters={"rank": 3, "layers": 1, "bus": 16, "bond": 2}
    )
    qcompile.attach(model, adapter)
    assert torch.equal(logits(model), before)
    optimiser = torch.optim.AdamW(adapter.parameters(), lr=0.01)
    losses = []
    for _ in range(5):
        loss = outputs(model).loss
        losses.append(loss.item())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert losses[-1] < losses[0]
    after = logits(model)
    (inside,) = qcompile.attached(model)
    inside.save(tmp_path / "trained.pt")
    with pytest.raises(qcompile.QCompileError, match="QA6006"):
        qcompile.merge(model)
    with qcompile.disabled(model):
        assert torch.equal(logits(model), before)
    qcompile.detach(model)
    assert same(snapshot(model), base) and torch.equal(logits(model), before)
    qcompile.attach(model, qcompile.load(tmp_path / "trained.pt"))
    assert torch.equal(logits(model), after)


@pytest.mark.parametrize("name", sorted(path.name for path in EXAMPLES.glob("*.qa")))
def test_every_example_attaches_and_starts_where_it_says(name: str, tmp_path: Path) -> None:
    import transformers

    text = (EXAMPLES / name).read_text()
    (named,) = re.findall(r'^model "(.*)"$', text, re.MULTILINE)
    config = transformers.AutoConfig.from_pretrained(EXAMPLES / named)
    # Narrow layers of the same kind: the base is here to be attached to, not to be large.
    config.vocab_size, config.num_hidden_layers = 100, 2
    model = getattr(transformers, config.architectures[0])(config).eval()
    adapter = qcompile.compile(EXAMPLES / name, model=model)
    before = logits(model)
    if re.search(r"init: (activation|covariance|gradient|residual)_", text):
        ids = torch.arange(20).reshape(2, 10)
        other = copy.deepcopy(model)
        with torch.no_grad():
            for parameter in other.parameters():
                parameter.mul_(1.01)
        data = [{"input_ids": ids, "labels": ids}]
        qcompile.calibrate(model, adapter, data, original=other)
    adapter.save(tmp_path / "a.pt")
    qcompile.attach(model, qcompile.load(tmp_path / "a.pt"))
    found = logits(model)
    assert torch.isfinite(found).all()
    # Maps that start as the identity, or less their start, begin where the base is without zeros.
    identities = {"cayley", "ln_tuning", "quanta", "ia3", "oft", "boft", "olora", "pissa"}
    identities |= {"corda", "lora_ga", "psoft", "quic"}
    if name == "hra.qa":
        # Equal reflections cancel up to rounding.
        torch.testing.assert_close(found, before, rtol=1e-4, atol=1e-4)
        return
    starts_at_zero = "init: zero" in text or name.removesuffix(".qa") in identities
    assert torch.equal(found, before) == starts_at_zero


NO_EFFECT = """qa 1
adapter a() {
    shape 4 -> 4
    w = vector(2)
    q = circuit(2 qubits) { h; rxx(w[0]) all; measure x }
    update linear(q, to: out_features) + linear(x, to: out_features, init: zero)
}
"""


def test_programs_are_told_of_what_has_no_effect() -> None:
    with pytest.warns(QCompileWarning, match="QA4011.*`w` of `a`"):
        qcompile.compile(NO_EFFECT)
    with pytest.warns(QCompileWarning, match="QA2160"):
        qcompile.compile("qa 1\nadapter a() {\n    shape 4 -> 4\n    update 0.5 * x\n}\n")
