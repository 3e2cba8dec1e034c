"""Adapters on the projections of torch's MultiheadAttention, which are no modules there."""

from __future__ import annotations

import copy
import json
import pickle
from itertools import product
from pathlib import Path
from typing import Any, cast

import peft
import pytest
import torch
import transformers
from torch import Tensor, nn

import qcompile
from qcompile.adapter.packed import OpenAttention, close_attention, open_attention
from qcompile.diagnostics.errors import AdapterError, ArtifactError
from qcompile.driver.from_peft import adapter_from_peft
from qcompile.peft import QCompileConfig
from tests.adapter.models import moved, same, snapshot

LORA = """
    a = linear(x, to: 2)
    update linear(a, to: out_features, init: zero)"""
BODIES = {
    "lora": LORA,
    "dora": """
    a = table(2, in_features)
    b = table(out_features, 2, init: zero)
    delta = linear(b, to: in_features, weight: transpose(a))
    m = vector(out_features, init: constant(1))
    size = m / detach(flat(norm(W + delta)))
    low = linear(linear(x, to: 2, weight: a), to: out_features, weight: b)
    update (size - 1) * (y - base_bias) + size * low""",
    "output": "update linear(y, to: out_features, init: zero)",
    "replace": "replace base(x) + linear(x, to: out_features, init: zero)",
    "mpo": "update mpo(x, to: out_features, sites: 2, bond: 2)",
}
CIRCUIT = """
    z = circuit(2 qubits) {
        encode angle(linear(x, to: 2), gate: ry)
        ry
        cz ring
        measure z
    }
    update linear(z, to: out_features, init: zero)"""


class Net(nn.Module):
    """One attention, called `attn`."""

    def __init__(self, **settings: Any) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.attn: Any = nn.MultiheadAttention(6, 2, dtype=torch.float64, **settings)
        for parameter in self.parameters():
            nn.init.normal_(parameter)

    def forward(self, *inputs: Tensor, **settings: Any) -> Any:
        return self.attn(*inputs, **settings)


def random(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(3), dtype=torch.float64)


def inputs(net: Net, *, single: bool = False) -> tuple[Tensor, ...]:
    sizes = ((4, 6), (5, net.attn.kdim), (5, net.attn.vdim))
    batch = () if single else (3,)
    found = [random(*batch, *size) for size in sizes]
    return tuple(x if single or net.attn.batch_first else x.transpose(0, 1) for x in found)


def spec(body: str = LORA, where: str = '"*.{q,k,v,out}_proj"') -> str:
    return f"adapter e() {{\n    attach {where}\n    {body}\n}}\n"


KINDS: dict[str, dict[str, Any]] = {
    "packed": {},
    "separate": {"kdim": 4, "vdim": 3},
    "no bias": {"bias": False},
    "more keys": {"add_bias_kv": True, "add_zero_attn": True},
}


@pytest.mark.parametrize("kind", KINDS)
def test_open_attention_computes_what_torchs_does(kind: str) -> None:
    """Both layouts, masks of both types, and weights, in all combinations; gradients too."""
    for first, single, weights, mask, padding in product([False, True], repeat=5):
        net = Net(batch_first=first, dropout=0.2, **KINDS[kind]).eval()
        given = inputs(net, single=single)
        settings: dict[str, Any] = {"need_weights": weights, "average_attn_weights": mask}
        if mask:
            blocked = torch.ones(4, 5).triu(2).bool()
            settings["attn_mask"] = blocked if first else random(1 if single else 3, 4, 5)
            if not first:
                heads = settings["attn_mask"].repeat_interleave(2, 0)
                settings["attn_mask"] = heads
        if padding:
            last = torch.zeros(*(() if single else (3,)), 5).bool()
            last[..., -1] = True
            plain = mask and not first
            settings["key_padding_mask"] = last.double() * -9 if plain else last
        expected = net(*given, **settings)
        keys = list(net.state_dict())
        open_attention(net, ["attn.q_proj"])
        assert isinstance(net.attn, OpenAttention) and list(net.state_dict()) == keys
        found = net(*given, **settings)
        for one, other in zip(found, expected, strict=True):
            assert (one is None) == (other is None)
            if one is not None:
                torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)
        close_attention(net)
        assert type(net.attn) is nn.MultiheadAttention and list(net.state_dict()) == keys


def test_dropout_and_causal_masks_are_torchs() -> None:
    net = Net(dropout=1.0, batch_first=True)
    open_attention(net, ["attn.out_proj"])
    x = random(2, 3, 6)
    assert torch.equal(net.train()(x, x, x)[1], torch.zeros(2, 3, 3).double())
    assert net.eval()(x, x, x)[1].sum().item() == pytest.approx(6)
    with pytest.raises(RuntimeError, match="Need attn_mask"):
        net(x, x, x, is_causal=True)


def test_lora_is_that_of_peft() -> None:
    """peft has one A for queries, keys and values, and the rows of one B.

    Its update of `out_proj`, which it adds twice, stays zero.
    """
    config = peft.LoraConfig(r=2, lora_alpha=2, target_modules=["attn"])
    theirs: Any = peft.get_peft_model(Net(batch_first=True), config).double()
    layer = theirs.base_model.model.attn
    net = Net(batch_first=True)
    adapter = moved(spec(where='"*.{q,k,v}_proj"'), net)
    first, last = layer.lora_A["default"].weight, layer.lora_B["default"].weight
    with torch.no_grad():
        for number, name in enumerate("qkv"):
            a, b = adapter[f"attn.{name}_proj"].parameters()
            a.copy_(next(iter(adapter["attn.q_proj"].parameters())))
            first.copy_(a)
            last[6 * number : 6 * number + 6] = b
    x, key = random(2, 3, 6), random(2, 5, 6)
    qcompile.attach(net, adapter)
    for given in ((x, x, x), (x, key, key)):
        found, expected = net(*given), theirs(*given)
        torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-10)
        found[0].square().sum().backward()
        expected[0].square().sum().backward()
    ours = [list(adapter[f"attn.{name}_proj"].parameters()) for name in "qkv"]
    slope = torch.stack([a.grad for a, _ in ours if a.grad is not None]).sum(0)
    torch.testing.assert_close(slope, first.grad, rtol=1e-9, atol=1e-9)
    rows = torch.cat([b.grad for _, b in ours if b.grad is not None])
    torch.testing.assert_close(rows, last.grad, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("kind", ["packed", "separate", "no bias"])
@pytest.mark.parametrize("body", BODIES)
def test_every_family_is_merged_into_rows(body: str, kind: str) -> None:
    if kind == "no bias" and body == "dora":
        return  # It has no `base_bias`.
    net = Net(batch_first=True, **KINDS[kind])
    given, base = inputs(net), snapshot(net)
    before = net(*given)[0]
    qcompile.attach(net, moved(spec(BODIES[body]), net))
    expected = net(*given)[0]
    assert not torch.allclose(expected, before, atol=1e-3)
    if body == "output" and kind != "no bias":
        assert not expected.equal(before)
    merged = qcompile.merge(copy.deepcopy(net))
    assert type(merged.attn) is nn.MultiheadAttention
    assert list(merged.state_dict()) == list(base)
    torch.testing.assert_close(merged(*given)[0], expected, rtol=1e-9, atol=1e-9)
    assert torch.equal(qcompile.detach(net)(*given)[0], before) and same(snapshot(net), base)


def test_circuits_names_and_rows_of_a_batch() -> None:
    net = Net()
    given = inputs(net)
    before = net(*given)[0]
    qcompile.attach(net, moved(spec(CIRCUIT), net), name="one")
    one = net(*given)[0]
    qcompile.attach(net, moved(spec(where='"*.v_proj"'), net), name="two")
    qcompile.set_adapter(net, "two")
    two = net(*given)[0]
    with qcompile.mixed_batch(net, ["one", "__base__", "two"]):
        found = net(*given)[0]
    # The batch is the second axis here.
    expected = torch.stack([one[:, 0], before[:, 1], two[:, 2]], 1)
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-10)
    with pytest.raises(AdapterError, match="QA6006"):
        qcompile.merge(net, "one")
    qcompile.detach(net, "one")
    torch.testing.assert_close(net(*given)[0], two)
    assert isinstance(net.attn, OpenAttention)
    qcompile.detach(net)
    assert type(net.attn) is nn.MultiheadAttention and torch.equal(net(*given)[0], before)


def test_portable_words_reach_the_projections_of_encoders() -> None:
    layer = nn.TransformerEncoderLayer(6, 2, 8, batch_first=True, dtype=torch.float64)
    model = nn.TransformerEncoder(layer, 2).eval()
    adapter = moved(spec(where="attention.qv, mlp.down"), model)
    assert [site.module for site in adapter.sites] == [
        f"layers.{layer}.{name}"
        for layer in (0, 1)
        for name in ("self_attn.q_proj", "self_attn.v_proj", "linear2")
    ]
    x, base = random(2, 3, 6), snapshot(model)
    with torch.no_grad():
        before = model(x)
        qcompile.attach(model, adapter, example_inputs=x)
        found = model(x)
        assert not torch.allclose(found, before, atol=1e-3)
        with qcompile.disabled(model):
            torch.testing.assert_close(model(x), before)
        for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
            assert torch.equal(other(x), found)
            # A copy reads its own weights.
            nn.init.zeros_(other.get_parameter("layers.0.self_attn.in_proj_weight"))
            assert not torch.allclose(other(x), found)
        assert torch.equal(model(x), found)
        model.load_state_dict(copy.deepcopy(model).state_dict())
        assert torch.equal(qcompile.detach(model)(x), before)
    assert same(snapshot(model), base)


def test_starts_from_data_and_from_the_weight() -> None:
    net = Net(batch_first=True)
    body = """
    a = linear(x, to: 2, init: {0}_rows)
    update linear(a, to: out_features, init: {1})"""
    adapter = qcompile.compile("qa 1\n\n" + spec(body.format("activation", "zero")), model=net)
    given = inputs(net)
    with pytest.raises(AdapterError, match="QA6131"):
        qcompile.attach(net, adapter)
    assert type(net.attn) is nn.MultiheadAttention
    qcompile.calibrate(net, adapter, [given])
    assert type(net.attn) is nn.MultiheadAttention
    qcompile.attach(net, adapter)
    rows = next(iter(adapter["attn.k_proj"].parameters())).double()
    seen = given[1].reshape(-1, 6)
    found = torch.linalg.svd(seen - seen.mean(0))[2][:2]
    torch.testing.assert_close((rows @ found.T).abs(), torch.eye(2).double(), atol=1e-4, rtol=0)
    weight = qcompile.compile(
        "qa 1\n\n" + spec(body.format("principal", "principal_columns")), model=net
    )
    qcompile.attach(net, weight, name="two")
    found = weight.double()["attn.v_proj"].merge_weight()
    u, s, vh = torch.linalg.svd(net.attn.in_proj_weight[12:].detach())
    torch.testing.assert_close(found, u[:, :2] * s[:2] @ vh[:2], rtol=1e-4, atol=1e-5)


def test_a_weight_that_others_hold_is_not_merged() -> None:
    model = nn.ModuleDict({"a": Net(batch_first=True), "b": Net(batch_first=True)})
    first, second = (cast(Net, model[name]).attn for name in "ab")
    second.in_proj_weight = first.in_proj_weight
    qcompile.attach(model, moved(spec(where='"a.attn.q_proj"'), model))
    with pytest.raises(AdapterError, match="the weight is shared with another module"):
        qcompile.merge(model)


def test_inside_peft() -> None:
    x = random(2, 3, 6)
    net = Net(batch_first=True)
    before = net(x, x, x)[0]
    model: Any = peft.get_peft_model(net, QCompileConfig(spec="qa 1\n\n" + spec()))
    model.double()
    torch.testing.assert_close(model(x, x, x)[0], before)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.add_(0.3)
    expected = model(x, x, x)[0]
    assert not torch.allclose(expected, before, atol=1e-3)
    with model.disable_adapter():
        torch.testing.assert_close(model(x, x, x)[0], before)
    other = copy.deepcopy(model)
    merged = model.merge_and_unload()
    assert type(merged.attn) is nn.MultiheadAttention
    torch.testing.assert_close(merged(x, x, x)[0], expected)
    plain = other.unload()
    assert type(plain.attn) is nn.MultiheadAttention
    torch.testing.assert_close(plain(x, x, x)[0], before, rtol=1e-12, atol=1e-12)


def test_a_forward_of_the_instance_is_named() -> None:
    net = Net(batch_first=True)
    own = net.attn.forward
    net.attn.forward = lambda *given, **settings: own(*given, **settings)
    with pytest.raises(qcompile.CompileError, match="never calls it"):
        qcompile.compile("qa 1\n\n" + spec(where='"*.out_proj"'), model=net)


def test_a_model_of_transformers() -> None:
    """SigLIP pools with one, whose queries come from elsewhere."""
    config = transformers.SiglipVisionConfig(
        hidden_size=8,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        image_size=8,
        patch_size=4,
    )
    torch.manual_seed(0)
    model: Any = transformers.SiglipVisionModel(config).double().eval()
    image = torch.randn(1, 3, 8, 8, generator=torch.Generator().manual_seed(0)).double()
    with torch.no_grad():
        before = model(pixel_values=image).pooler_output
        qcompile.attach(model, moved(spec(where='"head.attention.{k,v}_proj"'), model))
        found = model(pixel_values=image).pooler_output
        assert not torch.allclose(found, before, atol=1e-3)
        torch.testing.assert_close(qcompile.merge(model)(pixel_values=image).pooler_output, found)


def test_compiled_and_exported() -> None:
    net, x = Net(batch_first=True), random(2, 3, 6)
    qcompile.attach(net, moved(spec(), net))
    expected = net(x, x, x)[0]
    whole: Any = torch.compile(net, backend="eager", fullgraph=True)
    torch.testing.assert_close(whole(x, x, x)[0], expected)
    torch.testing.assert_close(torch.export.export(net, (x, x, x)).module()(x, x, x)[0], expected)


def test_attention_to_another_sequence() -> None:
    model = nn.ModuleList([nn.TransformerDecoderLayer(6, 2, 8, batch_first=True, dropout=0.0)])
    model.double()
    x, memory = random(2, 3, 6), random(2, 5, 6)
    before = model[0](x, memory)
    qcompile.attach(model, moved(spec(where='"*.multihead_attn.{k,v}_proj"'), model))
    expected = model[0](x, memory)
    assert not torch.allclose(expected, before, atol=1e-3)
    torch.testing.assert_close(qcompile.merge(model)[0](x, memory), expected)


def test_peft_folders_are_read(tmp_path: Path) -> None:
    config = peft.LoraConfig(r=2, lora_alpha=6, target_modules=["attn"])
    theirs: Any = peft.get_peft_model(Net(batch_first=True), config).double()
    with torch.no_grad():
        for number, parameter in enumerate(theirs.parameters()):
            if parameter.requires_grad:
                parameter.copy_(0.3 * random(*parameter.shape) + 0.1 * number)
    theirs.save_pretrained(str(tmp_path))
    x, key = random(2, 3, 6), random(2, 5, 6)
    net = Net(batch_first=True)
    qcompile.attach(net, adapter_from_peft(tmp_path).double())
    torch.testing.assert_close(net(x, key, key), theirs(x, key, key), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(
    "settings", [{"alpha_pattern": {"attn": 3}}, {"init_lora_weights": "olora"}]
)
def test_settings_of_the_whole_attention_are_refused(
    settings: dict[str, Any], tmp_path: Path
) -> None:
    config = peft.LoraConfig(r=2, target_modules=["attn"])
    model: Any = peft.get_peft_model(Net(batch_first=True), config)
    model.save_pretrained(str(tmp_path))
    file = tmp_path / "adapter_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | settings))
    with pytest.raises(ArtifactError, match="is an attention of torch"):
        adapter_from_peft(tmp_path)
