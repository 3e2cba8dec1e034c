"""Blocks without adapters: nested, interleaved, in threads, and in what runs for them later."""

from __future__ import annotations

import copy
import pickle
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from qcompile.adapter import attach, disabled
from tests.adapter.models import compiled, low_rank, trained


def backward(loss: Tensor, **settings: bool) -> None:
    loss.backward(**settings)  # type: ignore[no-untyped-call]


Run = Callable[[Any, Tensor], Tensor]

X = torch.linspace(-1, 1, 12).reshape(2, 6)


def layers() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 6), nn.Tanh(), nn.Linear(6, 6))


@pytest.fixture
def model() -> nn.Sequential:
    found = layers()
    return attach(found, trained(compiled(found, ("0", "2"), low_rank)))


@pytest.fixture
def base() -> Tensor:
    found: Tensor = layers()(X)
    return found.detach()


def is_off(model: nn.Module, base: Tensor) -> bool:
    with torch.no_grad():
        return torch.equal(model(X), base)


def test_blocks_may_end_in_any_order(model: nn.Module, base: Tensor) -> None:
    first, second = disabled(model), disabled(model)
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert is_off(model, base)
    second.__exit__(None, None, None)
    assert not is_off(model, base)


def test_blocks_nest(model: nn.Module, base: Tensor) -> None:
    with disabled(model):
        with disabled(model):
            assert is_off(model, base)
        assert is_off(model, base)
    assert not is_off(model, base)


def in_thread(action: Callable[[], Any]) -> Any:
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(action()))
    thread.start()
    thread.join()
    return found[0]


def test_a_block_is_for_its_own_thread(model: nn.Module, base: Tensor) -> None:
    def own_block() -> bool:
        with disabled(model):
            return is_off(model, base)

    with disabled(model):
        assert not in_thread(lambda: is_off(model, base))
        assert in_thread(own_block)
        assert is_off(model, base)
    assert not is_off(model, base)


def test_a_block_is_for_its_own_model(model: nn.Module, base: Tensor) -> None:
    twin = copy.deepcopy(model)
    again = pickle.loads(pickle.dumps(model))
    with disabled(model):
        assert is_off(model, base)
        assert not is_off(twin, base) and not is_off(again, base)
    with disabled(twin):
        assert is_off(twin, base) and not is_off(model, base)


def test_copies_of_a_block_are_attached(model: nn.Module, base: Tensor) -> None:
    with disabled(model):
        twin = copy.deepcopy(model)
    assert not is_off(twin, base)


def test_later_adapters_obey_an_open_block(base: Tensor) -> None:
    model = layers()
    attach(model, trained(compiled(model, ("0",), low_rank)))
    with disabled(model):
        plain = layers()
        attach(model, trained(compiled(plain, ("2",), low_rank)))
        assert is_off(model, base)
    assert not is_off(model, base)


def test_compiled_models_obey(model: nn.Module, base: Tensor) -> None:
    traced: Any = torch.compile(model, backend="eager", fullgraph=True)
    on = traced(X)
    assert not torch.equal(on, base)
    with disabled(model):
        assert torch.equal(traced(X), base)
        assert torch.equal(in_thread(lambda: traced(X)), on)
    assert torch.equal(traced(X), on)


def gradients(model: nn.Module, run: Run) -> Tensor:
    x = X.clone().requires_grad_()
    backward(run(model, x).square().sum())
    assert x.grad is not None
    return x.grad


@pytest.fixture(params=[False, True], ids=["hooks", "reentrant"])
def checkpointed(request: pytest.FixtureRequest) -> Run:
    return partial(checkpoint, use_reentrant=request.param)


@pytest.fixture
def with_block(checkpointed: Run) -> Run:
    def run(model: nn.Module, x: Tensor) -> Tensor:
        with disabled(model):
            return checkpointed(model, x)

    return run


def test_recomputation_outside_the_block_is_without_adapters(
    model: nn.Module, checkpointed: Run, with_block: Run
) -> None:
    assert torch.equal(gradients(model, with_block), gradients(layers(), checkpointed))


def test_recomputation_inside_a_block_has_the_adapters_of_its_forward(
    model: nn.Module, checkpointed: Run
) -> None:
    expected = gradients(model, lambda model, x: model(x))
    x = X.clone().requires_grad_()
    loss = checkpointed(model, x).square().sum()
    with disabled(model):
        backward(loss)
    assert x.grad is not None and torch.equal(x.grad, expected)


def test_recomputation_in_another_thread(
    model: nn.Module, checkpointed: Run, with_block: Run
) -> None:
    """Where torch runs the backward pass of a GPU."""
    for run, expected in (
        (with_block, gradients(layers(), checkpointed)),
        (checkpointed, gradients(model, checkpointed)),
    ):
        x = X.clone().requires_grad_()
        loss = run(model, x).square().sum()
        in_thread(partial(backward, loss))
        assert x.grad is not None and torch.equal(x.grad, expected)


def test_two_forwards_and_one_backward(
    model: nn.Module, checkpointed: Run, with_block: Run
) -> None:
    """As in preference training whose reference has gradients."""
    expected = gradients(model, lambda m, x: m(x)) + gradients(layers(), lambda m, x: m(x))
    x = X.clone().requires_grad_()
    loss = checkpointed(model, x).square().sum() + with_block(model, x).square().sum()
    backward(loss, retain_graph=True)
    assert x.grad is not None and torch.allclose(x.grad, expected, atol=1e-6)
    backward(loss)
    assert torch.allclose(x.grad, 2 * expected, atol=1e-6)


@pytest.mark.parametrize(("outer", "inner"), [(True, True), (True, False), (False, True)])
def test_a_region_inside_a_region(model: nn.Sequential, outer: bool, inner: bool) -> None:
    def first(x: Tensor) -> Tensor:
        found: Tensor = checkpoint(model[0], x, use_reentrant=inner)
        return found

    def both(_: nn.Module, x: Tensor) -> Tensor:
        found: Tensor = model[2](torch.tanh(first(x)))
        return found

    def nested(model: nn.Module, x: Tensor) -> Tensor:
        found: Tensor = checkpoint(both, model, x, use_reentrant=outer)
        with disabled(model):
            reference: Tensor = checkpoint(both, model, x, use_reentrant=outer)
        return found + 2 * reference

    expected = gradients(model, lambda m, x: m(x) + 2 * layers()(x))
    torch.testing.assert_close(gradients(model, nested), expected)


class Kept:
    """A hook on saved tensors that is no function."""

    def __call__(self, tensor: Tensor) -> Tensor:
        return tensor


def test_other_hooks_on_saved_tensors_are_let_be(model: nn.Module) -> None:
    def hooked(model: nn.Module, x: Tensor) -> Tensor:
        with torch.autograd.graph.saved_tensors_hooks(Kept(), Kept()):
            found: Tensor = model(x)
        return found

    def stored(model: nn.Module, x: Tensor) -> Tensor:
        with torch.autograd.graph.save_on_cpu():
            found: Tensor = model(x)
        return found

    expected = gradients(model, lambda m, x: m(x))
    assert torch.equal(gradients(model, hooked), expected)
    assert torch.equal(gradients(model, stored), expected)


def test_block_inside_the_checkpointed_function(model: nn.Module, checkpointed: Run) -> None:
    def both(model: nn.Module, x: Tensor) -> Tensor:
        with disabled(model):
            reference: Tensor = model(x)
        result: Tensor = model(x) - reference
        return result

    inside = gradients(model, lambda model, x: checkpointed(partial(both, model), x))
    assert torch.equal(inside, gradients(model, both))


def test_replicas_for_other_devices_obey_the_block_of_their_caller(
    model: nn.Module, base: Tensor
) -> None:
    """What DataParallel does: replicas made here, run in threads of their own."""

    def replica() -> nn.Module:
        copies: dict[nn.Module, nn.Module] = {}
        for module in model.modules():
            copies[module] = module._replicate_for_data_parallel()  # type: ignore[no-untyped-call]
        for module, made in copies.items():
            made._parameters = dict(module._parameters)
            made._modules = {n: copies[m] for n, m in module._modules.items() if m is not None}
        return copies[model]

    with disabled(model):
        made = replica()
        assert in_thread(lambda: is_off(made, base))
    made = replica()
    assert not in_thread(lambda: is_off(made, base))
