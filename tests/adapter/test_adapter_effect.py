"""An adapter that is attached takes effect, or it is said that it does not."""

from __future__ import annotations

import copy
import pickle
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

import qcompile
from qcompile.diagnostics.errors import QCompileWarning
from tests.adapter.models import (
    TOKENS,
    checkpoint_activations,
    compiled,
    llama,
    low_rank,
    same,
    snapshot,
    t5,
    trained,
)

X = torch.linspace(-1, 1, 2 * 3 * 8).reshape(2, 3, 8)
PADDING = torch.tensor([[False, False, True], [False, False, False]])

Attach = Callable[[nn.Module], nn.Module]


def attach(model: nn.Module) -> nn.Module:
    return qcompile.attach(model, trained(compiled(model, ("linear1", "linear2"), low_rank)))


SPEC = """qa 1

adapter low() {
    attach "*.linear?"
    update linear(linear(x, to: 2), to: out_features)
}
"""


def inject(model: nn.Module) -> nn.Module:
    from peft import get_peft_model

    from qcompile.peft import QCompileConfig

    found: nn.Module = get_peft_model(model, QCompileConfig(spec=SPEC))
    return found


def encoder(layers: int = 2, **settings: Any) -> nn.Module:
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True, **settings)
    return nn.TransformerEncoder(layer, layers, enable_nested_tensor=not settings).eval()


def alone() -> nn.Module:
    return nn.ModuleDict({"layer": encoder().get_submodule("layers.0")})["layer"]


@pytest.fixture(params=[True, False], ids=["attached", "peft"])
def ways(request: pytest.FixtureRequest) -> Attach:
    return attach if request.param else inject


CASES: dict[str, tuple[Callable[[], nn.Module], dict[str, Any]]] = {
    "encoder": (encoder, {}),
    "padded": (encoder, {"src_key_padding_mask": PADDING}),
    "norm first": (lambda: encoder(norm_first=True), {}),
    "full transformer": (lambda: _transformer(), {"tgt": X}),
}


def _transformer() -> nn.Module:
    torch.manual_seed(0)
    return nn.Transformer(8, 2, 1, 1, 16, dropout=0.0, batch_first=True).eval()


@pytest.mark.filterwarnings("ignore:.*nested tensors:UserWarning")
@pytest.mark.parametrize("grad", [True, False])
@pytest.mark.parametrize("case", CASES)
def test_encoders_of_torch_call_what_is_adapted(case: str, grad: bool, ways: Attach) -> None:
    make, arguments = CASES[case]
    kept = ~PADDING if case == "padded" else torch.ones(2, 3, dtype=torch.bool)
    base = make()
    with torch.set_grad_enabled(grad):
        before = base(X, **arguments)
        model = ways(make())
        after = model(X, **arguments)
        # In training there is no fast path at all.
        expected = model.train()(X, **arguments)
    assert not torch.allclose(after[kept], before[kept], atol=1e-3)
    assert torch.allclose(after[kept], expected[kept], atol=1e-5)
    if grad:
        after.square().sum().backward()
        assert all(p.grad is not None for p in model.parameters() if p.requires_grad)


def test_the_base_has_its_fast_path_again() -> None:
    model = encoder()
    attributes = [sorted(vars(module).items(), key=str) for module in model.modules()]
    base = snapshot(model)
    with torch.no_grad():
        before = model(X)
    with qcompile.disabled(attach(model)):
        assert torch.allclose(model(X), before, atol=1e-6)
    for found in (copy.deepcopy(model), pickle.loads(pickle.dumps(model)), model):
        qcompile.detach(found)
        assert same(snapshot(found), base)
        with torch.no_grad():
            assert torch.equal(found(X), before)
    after = [sorted(vars(module).items(), key=str) for module in model.modules()]
    assert [[n for n, _ in one] for one in after] == [[n for n, _ in one] for one in attributes]
    assert model.get_submodule("layers.1").activation_relu_or_gelu == 1
    assert bool(model.use_nested_tensor)


def test_peft_gives_the_fast_path_back() -> None:
    model = encoder()
    with torch.no_grad():
        before = model(X)
        injected: Any = inject(model)
        assert torch.equal(injected.unload()(X), before)
    assert not model._forward_hooks


def test_encoders_without_adapters_keep_their_fast_path() -> None:
    model = nn.ModuleDict({"first": encoder(), "other": nn.Linear(8, 8)})
    qcompile.attach(model, compiled(model, ("other",), low_rank))
    assert model.get_submodule("first.layers.0").activation_relu_or_gelu == 1


class Reader(nn.Module):
    """Reads the weight of one of its maps."""

    def __init__(self) -> None:
        super().__init__()
        self.called, self.read = nn.Linear(8, 8), nn.Linear(8, 8)

    def forward(self, x: Tensor) -> Tensor:
        return functional.linear(self.called(x), self.read.weight, self.read.bias)


def reader(*names: str) -> nn.Module:
    model = nn.Sequential(Reader(), Reader())
    return qcompile.attach(model, trained(compiled(model, names, low_rank)))


def caught(action: Callable[[], object]) -> list[QCompileWarning]:
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        action()
    return [one.message for one in found if isinstance(one.message, QCompileWarning)]


def test_modules_that_are_never_called_are_named_once() -> None:
    model = reader("called", "read")
    twin, again = copy.deepcopy(model), pickle.loads(pickle.dumps(model))
    for found in (model, twin, again):
        (warning,) = caught(partial(found, X))
        (diagnostic,) = warning.diagnostics
        assert diagnostic.code == "QA6012" and "`0.read`" in diagnostic.title
        assert diagnostic.notes == ("the same holds for `1.read`",)
        assert caught(partial(found, X)) == [] and not found._forward_hooks


def test_peft_names_them_as_well() -> None:
    from peft import get_peft_model

    from qcompile.peft import QCompileConfig

    model = nn.Sequential(Reader(), Reader())
    injected = get_peft_model(model, QCompileConfig(spec=SPEC.replace("linear?", "read")))
    (warning,) = caught(lambda: injected(X))
    assert "0.read`" in str(warning)
    assert caught(lambda: injected(X)) == [] and caught(lambda: injected.base_model(X)) == []


def test_called_modules_give_no_warning() -> None:
    for model in (reader("called"), encoder()):
        found = model if qcompile.adapter.record.RECORD in vars(model) else attach(model)
        assert caught(partial(found, X)) == []
        assert not found._forward_hooks


def test_a_forward_without_adapters_counts() -> None:
    model = reader("called")
    with qcompile.disabled(model):
        assert caught(lambda: model(X)) == []


def test_a_failed_forward_does_not_count() -> None:
    model = reader("called", "read")
    with pytest.raises(RuntimeError):
        model(torch.zeros(2, 3))
    assert len(caught(lambda: model(X))) == 1


class Experts(nn.Module):
    """Calls the first of many."""

    def __init__(self) -> None:
        super().__init__()
        self.experts = nn.ModuleList(nn.Linear(8, 8) for _ in range(4))

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.experts[0](x)
        return found


def test_experts_without_a_token_give_no_warning() -> None:
    model = Experts()
    qcompile.attach(model, compiled(model, ("0", "1", "2", "3"), low_rank))
    assert caught(lambda: model(X)) == []


def test_detached_models_are_not_watched() -> None:
    model = reader("read")
    qcompile.detach(model)
    assert not model._forward_hooks and caught(lambda: model(X)) == []


def test_compiled_models_are_not_watched() -> None:
    whole: Any = torch.compile(reader("called"), backend="eager", fullgraph=True)
    assert caught(lambda: whole(X)) == []
    regional = reader("called")
    for module in regional.children():
        module.compile(backend="eager", fullgraph=True)
    assert caught(lambda: regional(X)) == []
    nested: Any = reader("called")
    nested[0] = torch.compile(nested[0], backend="eager", fullgraph=True)
    assert caught(lambda: nested(X)) == []


def test_export_sees_no_watch() -> None:
    model = reader("called")
    program = torch.export.export(model.eval(), (X,))
    assert torch.allclose(program.module()(X), model(X), atol=1e-6)


def test_generation_calls_all_of_an_encoder_decoder() -> None:
    model: Any = t5()
    qcompile.attach(model, compiled(model, ("q", "wo"), low_rank))
    assert caught(lambda: model.generate(TOKENS, max_new_tokens=2)) == []


def test_checkpointing_calls_all() -> None:
    model: Any = llama().train()
    checkpoint_activations(model)
    qcompile.attach(model, compiled(model, ("q_proj",), low_rank))
    assert caught(lambda: model(TOKENS, labels=TOKENS).loss.backward()) == []


def test_prefixes_are_watched_in_their_attention() -> None:
    model: Any = llama()
    text = 'qa 1\nadapter a() {\n attach "*.self_attn"\n prefix table(2, out_features), '
    adapter = qcompile.compile(text + "table(2, out_features)\n}\n", model=model)
    qcompile.attach(model, adapter)
    assert caught(lambda: model(TOKENS)) == []
    qcompile.attach(qcompile.detach(model), adapter)
    for layer in model.model.layers:
        layer.forward = lambda hidden_states, **_: hidden_states
    (warning,) = caught(lambda: model(TOKENS))
    assert "`model.layers.0.self_attn`" in str(warning)


def test_tied_heads_can_be_adapted() -> None:
    model: Any = llama(tie_word_embeddings=True)
    adapter = trained(compiled(model, ("lm_head",), low_rank))
    with torch.no_grad():
        before = model(TOKENS).logits
        qcompile.attach(model, adapter)
        found: list[Tensor] = []
        assert caught(lambda: found.append(model(TOKENS).logits)) == []
    assert not torch.allclose(found[0], before, atol=1e-3)
    with pytest.raises(qcompile.QCompileError, match="shared with another module"):
        qcompile.merge(model)
