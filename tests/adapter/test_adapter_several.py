"""Several adapters on one model: the same tensors in peft's LoRA give the same everything."""

from __future__ import annotations

import copy
import pickle
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import peft
import pytest
import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

import qcompile
from qcompile.adapter.adapted import AdaptedModule
from qcompile.diagnostics.errors import AdapterError, UsageError
from tests.adapter.models import (
    TOKENS,
    checkpoint_activations,
    compiled,
    llama,
    low_rank,
    renamed,
    same,
    snapshot,
    trained,
)

# In peft, on the newest transformers.
pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated")

NAMES = ("p", "q", "s")
ENDINGS = {"p": ("q_proj", "v_proj"), "q": ("q_proj", "down_proj"), "s": ("v_proj",)}


def lora(model: nn.Module, name: str) -> qcompile.CompiledAdapter:
    """Random tensors, others for each name."""
    adapter = trained(compiled(model, ENDINGS[name], low_rank)).double()
    with torch.no_grad():
        for parameter in adapter.parameters():
            parameter.mul_(1 + NAMES.index(name)).add_(0.05)
    return adapter


def ours() -> nn.Module:
    model = llama().double()
    for name in NAMES:
        qcompile.attach(model, lora(model, name), name=name)
    return model


def theirs(model: nn.Module) -> Any:
    """peft's model with the tensors of ours."""
    configs = {
        name: peft.LoraConfig(r=2, lora_alpha=4, target_modules=[*endings])
        for name, endings in ENDINGS.items()
    }
    found: Any = peft.get_peft_model(llama().double(), configs["p"], adapter_name="p")
    for name in NAMES[1:]:
        found.add_adapter(name, configs[name])
    with torch.no_grad():
        for name in NAMES:
            for site, part in qcompile.attached(model, name).parts():
                layer = found.base_model.model.get_submodule(site.module)
                layer.lora_A[name].weight.copy_(part.get_parameter("a.weight"))
                layer.lora_B[name].weight.copy_(part.get_parameter("b.weight"))
    return found.eval()


@pytest.fixture(scope="module")
def pair() -> tuple[nn.Module, Any]:
    model = ours()
    return model, theirs(model)


@pytest.fixture(autouse=True)
def all_on(pair: tuple[nn.Module, Any]) -> Iterator[None]:
    yield
    model, other = pair
    model.eval().zero_grad()
    other.zero_grad()
    qcompile.set_adapter(model, NAMES)


def logits(model: Any, **options: Any) -> Tensor:
    found: Tensor = model(input_ids=TOKENS, **options).logits
    return found


def close(left: Tensor, right: Tensor) -> None:
    torch.testing.assert_close(left, right, atol=1e-10, rtol=0)


def gradients(model: nn.Module, part: str) -> list[Tensor]:
    """Of the tensors whose names hold the text, in the order of their modules."""
    named = [(name, p) for name, p in model.named_parameters() if part in name]
    return [p.grad for _, p in sorted(named, key=lambda item: item[0]) if p.grad is not None]


@pytest.mark.parametrize("on", ["p", "q", ["p", "q"], ["q", "s"], ["s", "p", "q"], []])
def test_outputs_and_gradients_are_those_of_peft(
    pair: tuple[nn.Module, Any], on: str | list[str]
) -> None:
    model, other = pair
    qcompile.set_adapter(model, on)
    chosen = [on] if isinstance(on, str) else on
    assert [*qcompile.active_adapters(model)] == sorted(chosen)
    if not chosen:
        with other.disable_adapter():
            close(logits(model), logits(other))
        return
    other.base_model.set_adapter(chosen)
    found, expected = logits(model), logits(other)
    close(found, expected)
    found.square().mean().backward()  # type: ignore[no-untyped-call]
    expected.square().mean().backward()  # type: ignore[no-untyped-call]
    for name in NAMES:
        for own, peft_own in (("a.weight", f"lora_A.{name}."), ("b.weight", f"lora_B.{name}.")):
            left = gradients(model, f"adapters.{name}.lora.{own}")
            right = gradients(other, peft_own)
            assert len(left) == len(right) and bool(left) == (name in chosen)
            for one, two in zip(left, right, strict=True):
                close(one, two)
    trainable = {
        n for n in NAMES for k, p in model.named_parameters() if f".{n}." in k and p.requires_grad
    }
    assert trainable == set(chosen)


def test_disabled_by_name_is_as_if_it_was_not_set(pair: tuple[nn.Module, Any]) -> None:
    model, other = pair
    other.base_model.set_adapter(["p", "s"])
    with qcompile.disabled(model, "q"):
        close(logits(model), logits(other))
        other.base_model.set_adapter(["p"])
        with qcompile.disabled(model, ["s"]):
            close(logits(model), logits(other))
        with qcompile.disabled(model), other.disable_adapter():
            close(logits(model), logits(other))
        with qcompile.disabled(model, []):
            assert qcompile.active_adapters(model) == {"p": 1.0, "s": 1.0}
    assert [*qcompile.active_adapters(model)] == [*NAMES]


def test_weights_multiply_changes_as_peft_scales(pair: tuple[nn.Module, Any]) -> None:
    model, other = pair
    weights = {"p": 0.5, "q": -2.0, "s": 0.0}
    qcompile.set_adapter(model, weights)
    assert qcompile.active_adapters(model) == weights
    layers = [m for m in other.modules() if hasattr(m, "set_scale")]
    other.base_model.set_adapter([*NAMES])
    for layer in layers:
        for name, weight in weights.items():
            layer.set_scale(name, weight)
    try:
        close(logits(model), logits(other))
    finally:
        for layer in layers:
            for name in NAMES:
                layer.set_scale(name, 1.0)


@pytest.mark.parametrize("names", [("p", "q"), ("s", "__base__"), ("q", "q")])
def test_rows_of_a_batch(pair: tuple[nn.Module, Any], names: tuple[str, str]) -> None:
    model, other = pair
    with qcompile.mixed_batch(model, names):
        found = logits(model)
    close(found, logits(other, adapter_names=[*names]))
    # Each row trains its own adapter.
    found[0].sum().backward()  # type: ignore[no-untyped-call]
    row = [
        p.grad.abs().sum()
        for p in qcompile.attached(model, names[0]).parameters()
        if p.grad is not None
    ]
    assert row and all(row)
    for name in set(NAMES) - {*names}:
        assert all(p.grad is None for p in qcompile.attached(model, name).parameters())


def test_generation_of_a_mixed_batch_with_beams(pair: tuple[nn.Module, Any]) -> None:
    model, _ = pair
    options: dict[str, Any] = {
        "input_ids": TOKENS,
        "attention_mask": torch.ones_like(TOKENS),
        "max_new_tokens": 4,
        "min_new_tokens": 4,
        "num_beams": 2,
        "do_sample": False,
        "pad_token_id": 0,
    }
    generate: Any = model.generate
    with qcompile.mixed_batch(model, ["p", "__base__"], repeats=2):
        found = generate(**options)
    singly = []
    for row, name in enumerate(("p", "q")):
        one = {**options, "input_ids": TOKENS[row : row + 1], "attention_mask": torch.ones(1, 6)}
        with qcompile.using(model, name if row == 0 else []):
            singly.append(generate(**one)[0])
    assert torch.equal(found, torch.stack(singly))


def test_merging_by_name_keeps_the_others(pair: tuple[nn.Module, Any]) -> None:
    model = copy.deepcopy(pair[0])
    expected = logits(model)
    qcompile.merge(model, ["q"])
    close(logits(model), expected)
    assert [*qcompile.active_adapters(model)] == ["p", "s"]
    qcompile.set_adapter(model, {"p": 0.5})
    expected = logits(model)
    qcompile.merge(model)
    close(logits(model), expected)
    assert not any(isinstance(module, AdaptedModule) for module in model.modules())


def test_merging_with_weights(pair: tuple[nn.Module, Any]) -> None:
    model = copy.deepcopy(pair[0])
    with qcompile.using(model, {"p": 0.25, "q": 3.0}):
        expected = logits(model)
    qcompile.detach(qcompile.merge(model, {"p": 0.25, "q": 3.0}), "s")
    close(logits(model), expected)


def test_detaching_by_name_leaves_the_rest_bit_for_bit(pair: tuple[nn.Module, Any]) -> None:
    model = copy.deepcopy(pair[0])
    with qcompile.using(model, ["p", "s"]):
        expected = logits(model)
    qcompile.set_adapter(model, ["p", "s"])
    gone = qcompile.attached(model, "q")
    qcompile.detach(model, "q")
    assert torch.equal(logits(model), expected)
    assert all(parameter.requires_grad for parameter in gone.parameters())
    wrapped = [name for name, m in model.named_modules() if isinstance(m, AdaptedModule)]
    assert not any(name.endswith("down_proj") for name in wrapped)
    qcompile.detach(model, ["p", "s"])
    plain = llama().double()
    assert same(snapshot(model), snapshot(plain))
    assert torch.equal(logits(model), logits(plain))
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_the_state_has_names_and_files_have_none(
    pair: tuple[nn.Module, Any], tmp_path: Path
) -> None:
    model, _ = pair
    keys = [key for key in model.state_dict() if "layers.0.self_attn.q_proj" in key]
    module = "model.layers.0.self_attn.q_proj"
    assert keys == [
        f"{module}.base_layer.weight",
        *(f"{module}.adapters.{n}.lora.{t}.weight" for n in "pq" for t in "ab"),
    ]
    qcompile.attached(model, "q").save(tmp_path / "q.pt")
    fresh = llama().double()
    qcompile.attach(fresh, tmp_path / "q.pt", name="again")
    with qcompile.using(model, "q"):
        assert torch.equal(logits(fresh), logits(model))


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copies_have_what_was_chosen_and_go_their_own_way(
    pair: tuple[nn.Module, Any], copied: Callable[[nn.Module], nn.Module]
) -> None:
    model, _ = pair
    qcompile.set_adapter(model, {"p": 0.5})
    with qcompile.disabled(model, "p"):
        twin = copied(model)
    assert qcompile.active_adapters(twin) == {"p": 0.5}
    assert torch.equal(logits(twin), logits(model))
    qcompile.set_adapter(twin, "q")
    assert qcompile.active_adapters(model) == {"p": 0.5}


def in_thread(action: Callable[[], Any]) -> Any:
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(action()))
    thread.start()
    thread.join()
    return found[0]


def test_blocks_are_for_their_thread_and_choices_for_all(pair: tuple[nn.Module, Any]) -> None:
    model, _ = pair
    active = partial(qcompile.active_adapters, model)
    qcompile.set_adapter(model, ["p", "q"])
    with qcompile.disabled(model, "p"):
        assert active() == {"q": 1.0}
        assert in_thread(active) == {"p": 1.0, "q": 1.0}
        with qcompile.using(model, {"p": 2.0, "s": 3.0}):
            assert active() == {"s": 3.0}
            with qcompile.mixed_batch(model, ["p", "s"]):
                assert active() == {"s": 1.0}
            qcompile.set_adapter(model, "q")
            assert active() == {"s": 3.0} and in_thread(active) == {"q": 1.0}
    assert active() == {"q": 1.0}


def layers() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 6), nn.Tanh(), nn.Linear(6, 6))


X = torch.linspace(-1, 1, 12).reshape(2, 6)


def small(*builds: Any) -> nn.Module:
    model = layers()
    for number, build in enumerate(builds):
        adapter = trained(compiled(model, ("0", "2"), build))
        with torch.no_grad():
            for parameter in adapter.parameters():
                parameter.mul_(number + 1)
        qcompile.attach(model, adapter, name=NAMES[number])
    return model


@pytest.mark.parametrize("reentrant", [False, True])
def test_recomputation_has_the_adapters_of_its_forward_pass(reentrant: bool) -> None:
    model = small(low_rank, low_rank)

    def grads(run: Callable[[Tensor], Tensor], before_backward: Callable[[], None]) -> list[Any]:
        model.zero_grad()
        qcompile.set_adapter(model, {"p": 0.5})
        x = X.clone().requires_grad_()
        loss = run(x).square().sum()
        before_backward()
        loss.backward()  # type: ignore[no-untyped-call]
        return [x.grad, *(p.grad for p in model.parameters())]

    def rows(x: Tensor) -> Tensor:
        with qcompile.mixed_batch(model, ["p", "q"]):
            found: Tensor = checkpoint(model, x, use_reentrant=reentrant)
        return found

    def plain_rows(x: Tensor) -> Tensor:
        with qcompile.mixed_batch(model, ["p", "q"]):
            found: Tensor = model(x)
        return found

    def region(x: Tensor) -> Tensor:
        found: Tensor = checkpoint(model, x, use_reentrant=reentrant)
        return found

    def switched() -> None:
        qcompile.set_adapter(model, "q")

    for plain, recomputed in ((model, region), (plain_rows, rows)):
        for left, right in zip(grads(plain, switched), grads(recomputed, switched), strict=True):
            assert (left is None) == (right is None)
            assert left is None or torch.allclose(left, right, atol=1e-6)


def test_checkpointed_models_train_with_what_is_on() -> None:
    model = ours().train()
    qcompile.set_adapter(model, "q")
    logits(model).square().mean().backward()  # type: ignore[no-untyped-call]
    expected = gradients(model, "adapters.q")
    model.zero_grad()
    checkpoint_activations(model)
    logits(model).square().mean().backward()  # type: ignore[no-untyped-call]
    for left, right in zip(gradients(model, "adapters.q"), expected, strict=True):
        close(left, right)


def test_compiled_models_follow() -> None:
    model = small(low_rank, low_rank)
    traced: Any = torch.compile(model, backend="eager", fullgraph=True)
    choices: tuple[Any, ...] = ("p", {"p": 0.5, "q": 2.0}, [])
    for chosen in choices:
        qcompile.set_adapter(model, chosen)
        torch.testing.assert_close(traced(X), model(X))
    with qcompile.mixed_batch(model, ["p", "q"]):
        torch.testing.assert_close(traced(X), model(X))


def test_a_replacement_with_a_weight_is_between_it_and_the_base() -> None:
    model = small(renamed(low_rank, "other", "replace"), low_rank)
    plain, x = layers(), X
    one: Any = model[0]  # type: ignore[index]
    with qcompile.using(model, ["p"]):
        replaced = one(x)
    with qcompile.using(model, {"p": 0.25, "q": 2.0}):
        found = one(x)
    with qcompile.using(model, ["q"]):
        update = one(x) - plain[0](x)
    expected = 0.25 * replaced + 0.75 * plain[0](x) + 2 * update
    torch.testing.assert_close(found, expected)
    twin = qcompile.merge(copy.deepcopy(model), {"p": 0.25, "q": 2.0})
    torch.testing.assert_close(twin[0](x), found)  # type: ignore[index]


def refused(action: Callable[[], Any]) -> str:
    with pytest.raises((AdapterError, UsageError)) as caught:
        action()
    code: str = caught.value.diagnostics[0].code
    return code


def test_what_is_refused_changes_nothing() -> None:
    model = small(low_rank, low_rank)
    first = qcompile.attached(model, "p")
    again = trained(compiled(layers(), ("0",), low_rank))
    before = snapshot(model)
    for name, given, code in (
        ("p", again, "QA6051"),
        ("s", first, "QA6055"),
        ("p.q", again, "QA6013"),
        ("__base__", again, "QA6013"),
        ("", again, "QA6013"),
    ):
        assert refused(partial(qcompile.attach, model, given, name=name)) == code
    for action in (qcompile.set_adapter, qcompile.detach, qcompile.attached, qcompile.merge):
        assert refused(partial(action, model, "nobody")) == "QA6053"
    assert refused(partial(qcompile.set_adapter, model, {"p": float("nan")})) == "QA6013"
    assert refused(partial(qcompile.set_adapter, model, 3)) == "QA6013"  # type: ignore[arg-type]
    for names, rows, code in (
        (["p", "nobody"], X, "QA6203"),
        (["p"], X, "QA6203"),
        ("p", X, "QA6013"),
        ([], X, "QA6013"),
    ):
        assert refused(partial(in_rows, model, names, rows)) == code
    assert same(snapshot(model), before)
    assert qcompile.active_adapters(model) == {"p": 1.0, "q": 1.0}


def in_rows(model: nn.Module, names: Any, x: Tensor) -> None:
    with qcompile.mixed_batch(model, names):
        model(x)


def test_two_replacements_have_no_weights() -> None:
    first, second = (renamed(low_rank, name, "replace") for name in ("one", "two"))
    model = small(first, second)
    assert refused(partial(qcompile.set_adapter, model, {"p": 0.5, "q": 1})) == "QA6057"
    qcompile.set_adapter(model, {"p": 0.5})
    third = trained(compiled(layers(), ("2",), first))
    assert refused(partial(qcompile.attach, model, third, name="s")) == "QA6057"
    assert [*qcompile.active_adapters(model)] == ["p"]


def test_merging_is_refused_where_one_that_stays_would_change() -> None:
    model = small(low_rank, renamed(low_rank, "other", "replace"))
    before = snapshot(model)
    assert refused(partial(qcompile.merge, model, "p")) == "QA6006"
    assert same(snapshot(model), before)


def test_names_of_files_are_names() -> None:
    model = layers()
    for ending in ("0", "2"):
        qcompile.attach(model, trained(compiled(model, (ending,), low_rank)))
    assert [*qcompile.active_adapters(model)] == ["lora", "lora_2"]
    other = trained(compiled(layers(), ("0",), renamed(low_rank, "mine")))
    assert refused(partial(qcompile.attach, model, other, name="lora")) == "QA6051"
    qcompile.attach(model, other, name="high")
    unnamed = trained(compiled(layers(), ("0",), renamed(low_rank, "high")))
    assert refused(partial(qcompile.attach, model, unnamed)) == "QA6051"
    qcompile.detach(model, "lora")
    assert [*qcompile.active_adapters(model)] == ["lora_2", "high"]
