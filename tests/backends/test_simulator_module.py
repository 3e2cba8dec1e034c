"""The module as torch users meet it: dtypes, copies, devices, transforms, compilation."""

from __future__ import annotations

import copy
import itertools
import math
import pickle
from typing import Literal

import pytest
import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

import qcompile
from qcompile.backends.simulator.module import AdapterModule, build_module
from qcompile.backends.simulator.simulation import Simulation
from qcompile.diagnostics.errors import AdapterError
from qcompile.ir.initialisation import Init
from qcompile.ir.target import Target
from qcompile.testing.dense_oracle import dense_outputs
from tests.backends.simulator_plans import hybrid_plan, linear_plan, uploading_circuit
from tests.toolchain import needs_compiler

Kind = Literal["dense", "statevector", "network"]
KINDS: tuple[Kind, ...] = ("dense", "statevector", "network")
NORMAL = Init(kind="normal", arguments=(1.0, 0.0))


def module(
    kind: Kind = "dense", *, last: Init = NORMAL, target: Target | None = None
) -> AdapterModule:
    plan = hybrid_plan(kind, last=last, target=target or Target(name="t"))
    return build_module(plan, seed=3, site="layers.0.q_proj")


def inputs(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.randn(*shape, dtype=dtype, generator=torch.Generator().manual_seed(5))


@pytest.mark.parametrize("kind", KINDS)
def test_values_agree_with_the_oracle(kind: Kind) -> None:
    part = module(kind).double()
    x = inputs(4, 7, dtype=torch.float64)
    state = {name: value.detach() for name, value in part.state_dict().items()}
    hidden = (x @ state["a.weight"].T).numpy()
    outputs = dense_outputs(uploading_circuit(3, 2), hidden, state["q.angles"].numpy())
    expected = 2.0 * torch.tensor(outputs) @ state["b.weight"].T
    torch.testing.assert_close(part(x), expected, atol=1e-12, rtol=0)


@pytest.mark.parametrize("optimisation", [0, 2])
def test_angles_without_influence_have_a_gradient_of_zero(optimisation: int) -> None:
    text = """qa 1
    adapter a() {
        shape 4 -> 4
        q = circuit(2 qubits) {
            encode angle(linear(x, to: 2))
            rz
            measure z
        }
        update linear(q, to: out_features)
    }
    """
    adapter = qcompile.compile(text, optimisation=optimisation)
    adapter(inputs(3, 4)).sum().backward()
    gradients = {name: value.grad for name, value in adapter.named_parameters()}
    assert all(gradient is not None for gradient in gradients.values())
    angles = gradients["a.q.angles"]
    assert angles is not None and torch.equal(angles, torch.zeros(2))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", [(), (1,), (0,), (3,), (2, 0), (2, 3), (2, 1, 3)])
def test_any_leading_dimensions(kind: Kind, shape: tuple[int, ...]) -> None:
    part = module(kind)
    x = inputs(*shape, 7).requires_grad_()
    result = part(x)
    assert result.shape == (*shape, 5)
    result.sum().backward()
    assert x.grad is not None and x.grad.shape == x.shape
    rows = [part(row) for row in x.detach().reshape(-1, 7)]
    if rows:
        torch.testing.assert_close(result.reshape(-1, 5), torch.stack(rows))


@pytest.mark.parametrize("kind", KINDS)
def test_gradcheck(kind: Kind) -> None:
    part = module(kind).double()
    names = [name for name, _ in part.named_parameters()]

    def value(x: Tensor, *tensors: Tensor) -> Tensor:
        state = dict(zip(names, tensors, strict=True))
        result: Tensor = torch.func.functional_call(part, state, (x,))
        return result

    x = inputs(2, 7, dtype=torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(value, (x, *part.parameters()))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_inputs_of_any_dtype(dtype: torch.dtype) -> None:
    part = module()
    x = inputs(6, 7).to(dtype)
    result = part(x)
    assert result.dtype == dtype
    assert torch.equal(result, part(x.float()).to(dtype))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_parameters_of_any_dtype(dtype: torch.dtype) -> None:
    part = module()
    x = inputs(6, 7)
    expected = part(x)
    part.to(dtype)
    assert {p.dtype for p in part.parameters()} == {dtype}
    result = part(x)
    assert result.dtype == torch.float32
    torch.testing.assert_close(result, expected, atol=0.1, rtol=0.1)
    result.sum().backward()
    assert all(p.grad is not None and p.grad.dtype == dtype for p in part.parameters())


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("kind", KINDS)
def test_autocast_does_not_reach_inside(kind: Kind, dtype: torch.dtype) -> None:
    part = module(kind)
    x = inputs(6, 7)
    with torch.autocast("cpu", dtype=dtype):
        assert torch.equal(part(x), part(x))
        inside = part(x)
    assert torch.equal(inside, part(x))


def test_target_float64() -> None:
    part = module(target=Target(name="t", dtype="float64"))
    assert {p.dtype for p in part.parameters()} == {torch.float64}
    assert part(inputs(2, 7)).dtype == torch.float32


def test_state_dict_is_plain_and_stable() -> None:
    part = module()
    assert {k: tuple(v.shape) for k, v in part.state_dict().items()} == {
        "a.weight": (3, 7),
        "q.angles": (24,),
        "b.weight": (5, 3),
    }
    assert not list(part.buffers())
    assert not any(p.is_complex() for p in part.parameters())
    odd = build_module(linear_plan(), seed=0, site="")
    assert list(odd.state_dict()) == ["train.weight", "plan.weight"]
    assert odd.get_parameter("plan.weight") is dict(odd.named_parameters())["plan.weight"]
    assert odd.train() is odd and odd.plan.adapter == "low_rank"


def test_zero_start_is_exact() -> None:
    part = module(last=Init(kind="zero"))
    x = inputs(5, 7)
    assert torch.equal(part(x), torch.zeros(5, 5))
    part(x).sum().backward()
    of_last = part.get_parameter("b.weight").grad
    assert of_last is not None and of_last.abs().sum() > 0


def test_start_depends_on_names_alone() -> None:
    before = torch.get_rng_state()
    first = module().state_dict()
    assert torch.equal(before, torch.get_rng_state())
    torch.manual_seed(99)
    with torch.device("meta"):
        on_meta = module()
    on_meta.to_empty(device="cpu").reset_parameters()
    second = on_meta.state_dict()
    assert all(torch.equal(first[key], second[key]) for key in first)
    other = build_module(hybrid_plan(last=NORMAL), seed=3, site="layers.1.q_proj").state_dict()
    assert not torch.equal(first["q.angles"], other["q.angles"])
    single = first["a.weight"]
    wide = module(target=Target(name="t", dtype="float64")).state_dict()["a.weight"]
    assert torch.equal(single, wide.float())


@pytest.mark.parametrize("kind", KINDS)
def test_copies(kind: Kind) -> None:
    part = module(kind)
    x = inputs(3, 7)
    copied = copy.deepcopy(part)
    pickled = pickle.loads(pickle.dumps(part))
    assert torch.equal(copied(x), part(x)) and torch.equal(pickled(x), part(x))
    assert pickled.plan == part.plan
    with torch.no_grad():
        copied.get_parameter("q.angles").add_(1.0)
    assert torch.equal(pickled(x), part(x))
    assert not torch.equal(copied(x), part(x))


@pytest.mark.parametrize("kind", KINDS)
def test_meta_and_assign(kind: Kind) -> None:
    part = module(kind)
    x = inputs(3, 7)
    with torch.device("meta"):
        empty = module(kind)
    assert empty(x.to("meta")).shape == (3, 5)
    empty.load_state_dict(part.state_dict(), assign=True)
    assert torch.equal(empty(x), part(x))
    moved = copy.deepcopy(part).to("meta")
    moved.load_state_dict(part.state_dict(), assign=True)
    assert torch.equal(moved(x), part(x))


@pytest.mark.parametrize("reentrant", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_checkpointing_is_bit_equal(kind: Kind, reentrant: bool) -> None:
    part = module(kind, target=Target(name="t", shots=100))
    grads = []
    for wrapped in (False, True):
        torch.manual_seed(1)
        part.zero_grad()
        x = inputs(3, 7).requires_grad_()
        result = checkpoint(part, x, use_reentrant=reentrant) if wrapped else part(x)
        assert isinstance(result, Tensor)
        torch.autograd.backward(result.square().sum())
        assert x.grad is not None
        grads.append([x.grad, *(p.grad for p in part.parameters())])
    for plain, again in zip(*grads, strict=True):
        assert plain is not None and again is not None
        assert torch.equal(plain, again)


# Forward-mode derivatives load torch's own scripted decompositions.
@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
@pytest.mark.parametrize("kind", ["dense", "statevector"])
def test_transforms(kind: Kind) -> None:
    part = module(kind).double()
    x = inputs(4, 7, dtype=torch.float64)
    state = {name: value.detach() for name, value in part.named_parameters()}

    def value(state: dict[str, Tensor], x: Tensor) -> Tensor:
        result: Tensor = torch.func.functional_call(part, state, (x,))
        return result

    torch.testing.assert_close(torch.func.vmap(part)(x), part(x))
    rows = torch.func.jacrev(lambda row: value(state, row))(x[0])
    columns = torch.func.jacfwd(lambda row: value(state, row))(x[0])
    leaf = x[0].clone().requires_grad_()
    expected = torch.stack(
        [torch.autograd.grad(entry, leaf, retain_graph=True)[0] for entry in part(leaf).unbind()]
    )
    torch.testing.assert_close(rows, expected)
    torch.testing.assert_close(columns, expected)
    each = torch.func.vmap(
        torch.func.grad(lambda s, row: value(s, row).square().sum()), in_dims=(None, 0)
    )(state, x)
    part.zero_grad()
    part(x).square().sum().backward()
    for name, parameter in part.named_parameters():
        torch.testing.assert_close(each[name].sum(0), parameter.grad)


def compare_compiled(part: AdapterModule, backend: str) -> None:
    torch.compiler.reset()
    compiled = torch.compile(part, fullgraph=True, backend=backend)
    x = inputs(6, 7)
    grads = []
    for run in (part, compiled):
        part.zero_grad()
        leaf = x.clone().requires_grad_()
        result = run(leaf)
        torch.autograd.backward(result.square().sum())
        grads.append([result, leaf.grad, *(p.grad for p in part.parameters())])
    for plain, fast in zip(*grads, strict=True):
        assert plain is not None and fast is not None
        torch.testing.assert_close(plain, fast, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_compiles_whole(kind: Kind) -> None:
    compare_compiled(module(kind), "aot_eager")


@needs_compiler
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_compiles_with_inductor() -> None:
    compare_compiled(module("dense"), "inductor")


def test_merged_weight_is_the_map() -> None:
    part = build_module(linear_plan(), seed=1, site="m")
    weight = part.merge_weight()
    assert weight.dtype == torch.float64 and weight.shape == (4, 6)
    state = {name: value.double() for name, value in part.state_dict().items()}
    expected = 3.0 * state["plan.weight"] @ state["train.weight"]
    torch.testing.assert_close(weight, expected, atol=1e-14, rtol=0)


def test_merging_a_circuit_is_refused() -> None:
    with pytest.raises(AdapterError) as caught:
        module().merge_weight()
    assert [d.code for d in caught.value.diagnostics] == ["QA6006"]


def test_training_lowers_the_loss() -> None:
    part = module(last=Init(kind="zero"))
    optimiser = torch.optim.Adam(part.parameters(), lr=0.05)
    x, wanted = inputs(64, 7), torch.sin(inputs(64, 7))[:, :5]
    losses = []
    for _ in range(40):
        optimiser.zero_grad()
        loss = (part(x) - wanted).square().mean()
        torch.autograd.backward(loss)
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.7 * losses[0]
    assert all(math.isfinite(a) for a in losses)
    assert any(later < earlier for earlier, later in itertools.pairwise(losses))


def test_representation_names_the_circuit() -> None:
    assert "hybrid, 7 -> 5, 60 parameters, 3 qubits (dense)" in repr(module())


def test_modules_of_a_plan_share_their_steps() -> None:
    text = 'qa 1\nadapter a() { attach "*"; update linear(x, to: out_features) }'
    model = torch.nn.ModuleDict({name: torch.nn.Linear(4, 4) for name in "abc"})
    adapter = qcompile.compile(text, model=model)
    first, *others = (part for _, part in adapter.parts())
    assert len(others) == 2
    assert all(part._simulation is first._simulation for part in others)
    one, other = (part for _, part in copy.deepcopy(adapter).parts() if part.site != "b")
    assert one._simulation is other._simulation is not first._simulation


@pytest.mark.parametrize("kind", KINDS)
def test_steps_are_built_once_for_a_device(kind: Kind) -> None:
    simulation = Simulation(hybrid_plan(kind))
    # A name of the same place that torch does not take for the same.
    device = torch.device("cpu", 0)
    other = simulation.on(device)
    assert other is not simulation and other.constants is not simulation.constants
    assert simulation.on(device) is other is other.on(device)
    assert other.on(torch.device("cpu")) is simulation
    assert other.on(torch.device("meta")) is other
