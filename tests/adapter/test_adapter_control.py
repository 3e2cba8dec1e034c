"""Controls as torch modules: they train, start like their adapters, and say what they are."""

from __future__ import annotations

import copy
import itertools
from pathlib import Path

import pytest
import torch

import qcompile
from qcompile.diagnostics import UsageError

EXAMPLES = Path(__file__).parents[2] / "examples"
SHAPED = """qa 1
adapter mixed(rank: int = 3) {
    shape 8 -> 6
    h = linear(x, to: rank)
    q = circuit(rank qubits) {
        encode angle(h)
        repeat 3 { ry; cx ring }
        measure z
    }
    update linear(q + h, to: out_features)
}
"""
KINDS = {
    "data": SHAPED,
    "wide": SHAPED.replace("measure z", 'measure z\n        measure "Z0 Z1"').replace(
        "q + h", "concat(q, h)"
    ),
    "amplitudes": SHAPED.replace("encode angle(h)", "encode amplitude(x, norm: keep)"),
    "probabilities": SHAPED.replace("measure z", "measure probs").replace("q + h", "concat(q, h)"),
    "generator": SHAPED.replace("encode angle(h)", "h"),
    "rows": SHAPED.replace("h = linear(x, to: rank)", "h = bits(2)").replace(
        "q + h", "concat(x, flat(q))"
    ),
    "bits": SHAPED.replace("encode angle(h)", "encode basis(x[0:3])"),
    "few": SHAPED.replace("repeat 3 { ry; cx ring }", "ry on 0; ry on 1"),
}


def inputs(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(3), dtype=torch.float64)


@pytest.mark.parametrize("kind", KINDS)
def test_every_parameter_gets_a_gradient(kind: str) -> None:
    adapter = qcompile.compile(KINDS[kind])
    control = qcompile.compile(KINDS[kind], control=True)
    assert sum(p.numel() for p in control.parameters()) == sum(
        p.numel() for p in adapter.parameters()
    )
    control.double()
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in control.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator, dtype=torch.float64))
    result = control(inputs(2, 32, 8))
    assert result.shape == (2, 32, 6) and bool(torch.isfinite(result).all())
    result.square().sum().backward()
    for name, parameter in control.named_parameters():
        assert parameter.grad is not None and bool((parameter.grad != 0).all()), name


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_are_those_of_finite_differences(kind: str) -> None:
    control = qcompile.compile(KINDS[kind], control=True).double()
    x = inputs(3, 8)
    names, values = zip(*control.named_parameters(), strict=True)

    def run(*tensors: torch.Tensor) -> torch.Tensor:
        state = dict(zip(names, tensors, strict=True))
        result: torch.Tensor = torch.func.functional_call(control, state, (x,))
        return result

    assert torch.autograd.gradcheck(run, values)


def test_what_both_have_starts_equal() -> None:
    adapter = qcompile.compile(EXAMPLES / "qtha.qa", parameters={"rank": 4})
    control = qcompile.compile(EXAMPLES / "qtha.qa", parameters={"rank": 4}, control=True)
    before, after = adapter.state_dict(), control.state_dict()
    both = before.keys() & after.keys()
    assert before.keys() - both == {name for name in before if name.endswith("q.angles")}
    assert all(".q.layer" in name for name in after.keys() - both)
    assert all(torch.equal(before[name], after[name]) for name in both)
    x = torch.randn(5, 128)
    module = "model.layers.1.self_attn.v_proj"
    assert torch.equal(control[module](x), torch.zeros(5, 64))


def test_the_control_of_bc_is_bf() -> None:
    folder = EXAMPLES / "relatives"
    control = qcompile.compile(folder / "bc.qa", control=True).double()
    paper = qcompile.compile(folder / "bf.qa").double()
    part = control["model.layers.0.self_attn.q_proj"]
    other = paper["model.layers.0.self_attn.q_proj"]
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for own, theirs in zip(part.plan.tensors, other.plan.tensors, strict=True):
            value = torch.randn(own.shape, generator=generator, dtype=torch.float64)
            part.get_parameter(own.name).copy_(value)
            other.get_parameter(theirs.name).copy_(value)
    x = inputs(7, 128)
    torch.testing.assert_close(part(x), other(x), rtol=1e-12, atol=1e-12)


def test_the_control_of_a_generator_can_be_merged() -> None:
    control = qcompile.compile(EXAMPLES / "qpa.qa", control=True)
    part = control["model.layers.0.self_attn.v_proj"]
    assert part.plan.control and part.plan.linear
    x = torch.randn(3, 128)
    torch.testing.assert_close((x.double() @ part.merge_weight().T).float(), part(x))


def test_a_loaded_control_says_so(tmp_path: Path) -> None:
    control = qcompile.compile(SHAPED, control=True)
    for name in ("c.pt", "c.safetensors"):
        control.save(tmp_path / name)
        loaded = qcompile.load(tmp_path / name)
        assert loaded.manifest.control
        assert repr(loaded) == "CompiledAdapter(mixed (control): 1 parts, 51 parameters)"
        assert "mixed (control), 8 -> 6" in repr(loaded[""])
        x = torch.randn(4, 8)
        assert torch.equal(loaded(x), control(x))
    assert "control" not in repr(qcompile.compile(SHAPED))


@pytest.mark.parametrize("kind", KINDS)
def test_all_levels_of_optimisation_agree(kind: str) -> None:
    x = inputs(5, 8)
    generator = torch.Generator().manual_seed(1)
    state: dict[str, torch.Tensor] = {}
    results = []
    for level in range(4):
        control = qcompile.compile(KINDS[kind], control=True, optimisation=level).double()
        for name, parameter in control.named_parameters():
            value = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
            state.setdefault(name, value)
        control.load_state_dict(state)
        results.append(control(x))
    for other in results[1:]:
        torch.testing.assert_close(other, results[0], rtol=1e-12, atol=1e-12)


def test_controls_are_ordinary_modules() -> None:
    control = qcompile.compile(KINDS["amplitudes"], control=True)
    x = torch.randn(4, 8)
    assert torch.equal(copy.deepcopy(control)(x), control(x))
    per_sample = torch.func.vmap(control)(x)
    torch.testing.assert_close(per_sample, control(x))
    for shape in itertools.product((0, 2), (1, 3)):
        assert control(torch.randn(*shape, 8)).shape == (*shape, 6)
    compiled = torch.compile(control, fullgraph=True, backend="eager")
    torch.testing.assert_close(compiled(x), control(x))


def test_a_step_of_training_moves_everything() -> None:
    control = qcompile.compile(SHAPED, control=True)
    before = {name: p.detach().clone() for name, p in control.named_parameters()}
    optimiser = torch.optim.Adam(control.parameters())
    control(torch.randn(16, 8)).square().sum().backward()
    optimiser.step()
    assert all(not torch.equal(before[n], p.detach()) for n, p in control.named_parameters())


def test_nothing_to_replace() -> None:
    with pytest.raises(UsageError, match="no circuit that a control"):
        qcompile.compile(EXAMPLES / "lora.qa", control=True)


# peft asks transformers under a name that transformers 6 will drop.
@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated")
def test_peft_takes_controls() -> None:
    peft = pytest.importorskip("peft")
    from transformers import LlamaConfig, LlamaForCausalLM

    from qcompile.peft import QCompileConfig

    config = LlamaConfig(
        vocab_size=32, hidden_size=16, intermediate_size=16, num_hidden_layers=1,
        num_attention_heads=2, num_key_value_heads=2,
    )  # fmt: skip
    text = SHAPED.replace("shape 8 -> 6", 'attach "*.q_proj"')
    counts = []
    for control in (False, True):
        model = peft.get_peft_model(
            LlamaForCausalLM(config), QCompileConfig(spec=text, control=control)
        )
        counts.append(sum(p.numel() for p in model.parameters() if p.requires_grad))
        names = [name for name, _ in model.named_parameters()]
        assert any(".q.layer1.weight" in name for name in names) == control
    assert counts[0] == counts[1]
