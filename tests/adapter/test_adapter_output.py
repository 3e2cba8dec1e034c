"""Adapters that read `y`: what they see, what they start as, and how they merge."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import torch
from torch import nn

import qcompile
from qcompile.adapter import CompiledAdapter
from qcompile.adapter.lora import lora_of
from qcompile.diagnostics.errors import AdapterError
from qcompile.testing.ops.cayley import cayley_matrix
from tests.adapter.models import gpt2, llama, logits, snapshot, trained

DOUBLE = "target exact { dtype: float64 }\n"
ROTATE = "replace cayley(y, block: {block})"
MIX = "update linear(linear(y, to: 2) + linear(x, to: 2), to: out_features)"


def spec(body: str, attach: str = '"*.{q,v}_proj"', name: str = "a", target: str = DOUBLE) -> str:
    return f"qa 1\nadapter {name}() {{\nattach {attach}\n{body}\n}}\n{target}"


class Base(nn.Module):
    """One linear map of 6 to 4 with a bias, among others."""

    def __init__(self, bias: bool = True) -> None:
        super().__init__()
        torch.manual_seed(2)
        self.up = nn.Linear(6, 4, bias=bias)
        self.down = nn.Linear(4, 6)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = self.down(torch.tanh(self.up(x)))
        return result


def on_base(model: nn.Module, *bodies: str) -> list[CompiledAdapter]:
    """Adapters for the first map, attached in order, with random tensors."""
    adapters = []
    for place, body in enumerate(bodies):
        source = spec(body, '"up"', name=f"a{place}")
        adapters.append(trained(qcompile.compile(source, model=model)))
    for adapter in adapters:
        qcompile.attach(model, adapter)
    return adapters


X = torch.randn(5, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def test_y_is_the_output_of_the_frozen_module_alone() -> None:
    model = Base().double()
    plain = model.up(X)
    first, second, third = on_base(
        model,
        "update linear(y, to: out_features)",
        "update linear(x, to: out_features) * tanh(y)",
        "update 2 * y * vector(out_features)",
    )
    y, w = plain, {n: p.detach() for a in (first, second, third) for n, p in a.named_parameters()}
    expected = (
        y
        + y @ w["up.a0.update.weight"].T
        + (X @ w["up.a1.update.linear1.weight"].T) * torch.tanh(y)
        + 2 * y * w["up.a2.update.vector1"]
    )
    torch.testing.assert_close(model.up(X), expected, atol=1e-14, rtol=0)
    with qcompile.disabled(model):
        assert torch.equal(model.up(X), plain)


def test_replacements_are_added_and_see_the_base() -> None:
    model = Base().double()
    y = model.up(X).detach()
    first, second = on_base(model, ROTATE.format(block=2), "replace linear(y, to: out_features)")
    skew, weight = (next(a.parameters()).detach() for a in (first, second))
    rotation = torch.from_numpy(cayley_matrix(skew.numpy(), 2))
    expected = y @ rotation.T + y @ weight.T
    torch.testing.assert_close(model.up(X), expected, atol=1e-14, rtol=0)


def test_gradients_reach_x_through_the_frozen_module() -> None:
    model = Base().double()
    (adapter,) = on_base(model, MIX)
    x = X.clone().requires_grad_()
    named = dict(adapter.named_parameters())

    def value(x: torch.Tensor, *tensors: torch.Tensor) -> torch.Tensor:
        given = dict(zip((f"up.adapters.a0.{n[6:]}" for n in named), tensors, strict=True))
        result: torch.Tensor = torch.func.functional_call(model, given, (x,))
        return result

    assert torch.autograd.gradcheck(value, (x, *named.values()))
    assert all(p.grad is None for name, p in model.named_parameters() if "base_layer" in name)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16, torch.float64])
def test_an_untrained_rotation_is_bit_for_bit_the_base(dtype: torch.dtype) -> None:
    """The adapter's own tensors are float32, whatever the model is."""
    model = llama().to(dtype)
    before = logits(model)
    source = spec(ROTATE.format(block=4), '"*_proj"', target="")
    qcompile.attach(model, qcompile.compile(source, model=model))
    assert torch.equal(logits(model), before)


def test_under_autocast_the_base_keeps_its_bits() -> None:
    model = llama()
    source = spec(ROTATE.format(block=4), '"*_proj"', target="")
    adapted = qcompile.attach(copy.deepcopy(model), qcompile.compile(source, model=model))
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(logits(adapted), logits(model))


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(
    "bodies",
    [
        (ROTATE.format(block=2),),
        (MIX,),
        ("update linear(y, to: out_features) + tensor_gates(x, to: out_features, sites: 2)",),
        (MIX, "update linear(x, to: out_features)"),
        (ROTATE.format(block=4), MIX),
        ("replace linear(x, to: out_features)", "update cayley(y) - y"),
        ("update resize(x, out_features) * vector(4)", "replace cayley(y) + y * vector(4)"),
    ],
)
def test_merged_equals_attached(bodies: tuple[str, ...], bias: bool) -> None:
    model = Base(bias).double()
    on_base(model, *bodies)
    expected = model(X)
    assert qcompile.merge(model) is model
    assert type(model.up) is nn.Linear and (model.up.bias is not None) == bias
    torch.testing.assert_close(model(X), expected, atol=1e-13, rtol=0)


def test_merging_into_weights_stored_the_other_way_round() -> None:
    model = gpt2().double()
    biases = {name for name, _ in model.named_parameters() if name.endswith("c_attn.bias")}
    with torch.no_grad():
        for name in biases:
            model.get_parameter(name).normal_(generator=torch.Generator().manual_seed(1))
    before = snapshot(model)
    adapter = qcompile.compile(spec(ROTATE.format(block=4), '"*.c_attn"'), model=model)
    qcompile.attach(model, trained(adapter))
    expected = logits(model)
    qcompile.merge(model)
    assert torch.allclose(logits(model), expected, rtol=0, atol=1e-12)
    changed = {n for n, tensor in model.state_dict().items() if not torch.equal(tensor, before[n])}
    assert changed == biases | {name.replace("bias", "weight") for name in biases}


def test_a_bias_that_other_modules_share_is_refused() -> None:
    model = nn.ModuleDict({"up": nn.Linear(6, 4), "other": nn.Linear(6, 4)})
    model["other"].bias = model["up"].bias
    adapter = qcompile.compile(spec(ROTATE.format(block=2), '"up"'), model=model)
    qcompile.attach(model, trained(adapter))
    before = snapshot(model)
    with pytest.raises(AdapterError, match="the bias is shared") as caught:
        qcompile.merge(model)
    assert [d.code for d in caught.value.diagnostics] == ["QA6006"]
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


@pytest.mark.filterwarnings("ignore:warning.QA2160")
def test_what_is_not_linear_beside_y_does_not_merge() -> None:
    for body in (
        "update y * vector(out_features) + tanh(x[0:4])",
        "update y * x[0:4]",
        "update tanh(y)",
    ):
        module = qcompile.compile(f"qa 1\nadapter a() {{\nshape 6 -> 4\n{body}\n}}\n")
        (part,) = (part for _, part in module.parts())
        assert not part.plan.linear
        with pytest.raises(AdapterError, match="QA6006"):
            part.merge_bias(torch.zeros(4))


def test_a_part_by_hand_needs_the_weight_and_the_bias() -> None:
    base = nn.Linear(6, 4).double()
    adapter = trained(qcompile.compile(spec(MIX, '"up"'), model=nn.ModuleDict({"up": base})))
    part = adapter["up"].train()
    with pytest.raises(AdapterError, match="QA6021"):
        part.merge_weight()
    weight, bias = part.merge_weight(base.weight), part.merge_bias(base.bias)
    assert part.training
    torch.testing.assert_close(X @ weight.T + bias, part(X, base(X)), atol=1e-14, rtol=0)


def test_what_the_forms_of_lora_cannot_say_is_refused() -> None:
    model = nn.ModuleDict({"up": nn.Linear(6, 4)})
    for body, reason in ((MIX, "reads the module's output"), (ROTATE.format(block=2), "replaces")):
        adapter = qcompile.compile(spec(body, '"up"'), model=model)
        with pytest.raises(AdapterError, match=reason):
            lora_of(adapter, 2)
        with pytest.raises(AdapterError, match="QA6101"):
            qcompile.prune(adapter)


def test_calls_without_the_right_output() -> None:
    module = qcompile.compile("qa 1\nadapter a() {\nshape 6 -> 4\nreplace cayley(y)\n}\n")
    x = torch.randn(2, 3, 6)
    for y in (torch.randn(2, 3, 5), torch.randn(3, 4), torch.randn(1, 3, 4), torch.tensor(1.0)):
        with pytest.raises(AdapterError, match="QA6022"):
            module(x, y)
    with pytest.raises(AdapterError, match="QA6021"):
        module(x)
    y = torch.randn(2, 3, 4)
    assert torch.equal(module(x, y), y)


def test_adapters_that_do_not_read_it_take_no_notice() -> None:
    module = qcompile.compile("qa 1\nadapter a() {\nshape 6 -> 4\nupdate linear(x, to: 4)\n}\n")
    (part,) = (part for _, part in module.parts())
    assert not part.plan.uses_output
    x = torch.randn(2, 6)
    assert torch.equal(module(x, torch.full((7, 7), torch.nan)), module(x))


@pytest.mark.parametrize(
    ("x", "y"), [(torch.float32, torch.bfloat16), (torch.bfloat16, torch.float64)]
)
def test_the_result_has_the_dtype_of_y(x: torch.dtype, y: torch.dtype) -> None:
    module = qcompile.compile("qa 1\nadapter a() {\nshape 6 -> 4\nreplace cayley(y)\n}\n")
    output = torch.randn(3, 4, dtype=torch.float64).to(y)
    assert torch.equal(module(torch.randn(3, 6).to(x), output), output)
    assert module(torch.randn(3, 6).to(x), output).dtype == y


def test_saved_and_loaded(tmp_path: Path) -> None:
    model = Base().double()
    (adapter,) = on_base(model, MIX)
    expected = model(X)
    adapter.save(tmp_path / "adapter.pt")
    again = qcompile.attach(Base().double(), tmp_path / "adapter.pt")
    assert torch.equal(again(X), expected)
