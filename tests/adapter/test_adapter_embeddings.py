"""Adapters on embeddings, held to peft's layers and to one-hot vectors."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import peft
import pytest
import torch
import transformers
from safetensors.torch import load_file
from torch import Tensor, nn

import qcompile
from qcompile.adapter.lora import lora_of
from qcompile.diagnostics.errors import AdapterError, CompileError
from qcompile.driver.from_peft import adapter_from_peft
from qcompile.driver.to_peft import write_peft_method
from qcompile.ir.text_plan import plan_lines
from qcompile.peft import QCompileConfig
from tests.adapter.models import moved

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*gradient_checkpointing.* is deprecated"),
    pytest.mark.filterwarnings("ignore:Setting `save_embedding_layers`"),
]

EXAMPLES = Path(__file__).parents[2] / "examples"
PAD = 0
SIZES: dict[str, Any] = {
    "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24,
    "vocab_size": 40, "num_key_value_heads": 2, "pad_token_id": PAD,
}  # fmt: skip
IDS = torch.tensor([[3, 9, 4, PAD], [7, 2, 9, 5]])
LORA = """
    a = linear(x, to: rank)
    update 6.0 / rank * linear(a, to: out_features, init: zero)"""
BODIES = {
    "lora": LORA,
    "table": "u = table(out_features, in_features, init: normal)\n"
    "    update 0.5 * linear(x, to: out_features, weight: u)",
    "value": "v = vector(2 * in_features, init: normal)\n"
    "    update linear(linear(x, to: 2, weight: v), to: out_features, init: zero)",
    "tokens": "update linear(gather(x, at: [9, 3]), to: out_features, init: zero)",
    "range": "update linear(x[2:6], to: out_features, init: zero)",
    "output": "update linear(y, to: out_features, init: zero) + " + LORA.split("update")[1].strip(),
    "drawn": "update linear(gather(x, 12, seed: 3), to: out_features, init: zero)",
}
BODIES["output"] = "a = linear(x, to: rank)\n    " + BODIES["output"]
NOT_LINEAR = {
    "activation": "update linear(tanh(linear(x, to: rank)), to: out_features, init: zero)",
    "circuit": """h = linear(x, to: 3)
    z = circuit(3 qubits) {
        encode angle(h, gate: ry)
        ry
        cz ring
        measure z
    }
    update linear(z, to: out_features, init: zero)""",
}


def llama(**other: Any) -> Any:
    torch.manual_seed(0)
    config = transformers.LlamaConfig(**SIZES, **{"tie_word_embeddings": False} | other)
    return transformers.LlamaForCausalLM(config).double().eval()


def gemma() -> Any:
    torch.manual_seed(0)
    config = transformers.Gemma3TextConfig(**SIZES, head_dim=8, tie_word_embeddings=False)
    return transformers.Gemma3ForCausalLM(config).double().eval()


def spec(body: str, where: str = "embedding") -> str:
    return f"adapter e(rank: int = 4) {{\n    attach {where}\n    {body}\n}}\n"


def logits(model: Any) -> Tensor:
    found: Tensor = model(IDS).logits
    return found


def theirs_of(model: nn.Module, rank: int = 4) -> Any:
    config = peft.LoraConfig(r=rank, lora_alpha=6, target_modules=["embed_tokens"])
    return peft.get_peft_model(model, config)


@pytest.mark.parametrize("build", [llama, gemma])
def test_lora_is_that_of_peft(build: Any, tmp_path: Path) -> None:
    """Its start leaves zero what is looked up for padding, and there is no gradient for it."""
    model, theirs = build(), theirs_of(build()).double()
    adapter = moved(spec(LORA), model)
    name = "model.embed_tokens"
    assert [site.module for site in adapter.sites] == [name]
    layer = theirs.base_model.model.get_submodule(name)
    a, b = layer.lora_embedding_A["default"], layer.lora_embedding_B["default"]
    ours = dict(adapter[name].named_parameters())
    assert {tuple(p.shape) for p in ours.values()} == {tuple(a.shape), tuple(b.shape)}
    down, up = ours["a.weight"], ours["update.linear1.weight"]
    with torch.no_grad():
        down[:, PAD] = 0
        a.copy_(down)
        b.copy_(up)
    qcompile.attach(model, adapter)
    expected = logits(theirs)
    torch.testing.assert_close(logits(model), expected, rtol=1e-10, atol=1e-10)
    assert not torch.allclose(expected, logits(build()), atol=1e-3)
    for one in (model, theirs):
        logits(one).square().sum().backward()  # type: ignore[no-untyped-call]
    for own, other in ((down, a), (up, b)):
        assert own.grad is not None and own.grad.abs().sum() > 0
        torch.testing.assert_close(own.grad, other.grad, rtol=1e-10, atol=1e-10)
    assert down.grad is not None and not down.grad[:, PAD].any()


@pytest.mark.parametrize("build", [llama, gemma])
def test_trainable_tokens_are_those_of_peft(build: Any) -> None:
    """peft keeps the new rows; here it is what is added to the old ones."""
    theirs: Any
    config = peft.TrainableTokensConfig(token_indices=[2, 1, 3], target_modules=["embed_tokens"])
    model, theirs = build(), peft.get_peft_model(build(), config)
    source = (EXAMPLES / "trainable_tokens.qa").read_text().replace("[1, 2, 3]", "[2, 1, 3]")
    adapter = moved(source.partition('config.json"')[2], model)
    (ours,) = adapter.parameters()
    layer = theirs.base_model.model.get_submodule("model.embed_tokens")
    rows = layer.trainable_tokens_delta["default"]
    assert rows.numel() == ours.numel() == theirs.get_nb_trainable_parameters()[0]
    with torch.no_grad():
        rows.add_(ours.T)
    qcompile.attach(model, adapter)
    expected = logits(theirs)
    torch.testing.assert_close(logits(model), expected, rtol=1e-10, atol=1e-10)
    assert not torch.allclose(expected, logits(build()), atol=1e-3)
    for one in (model, theirs):
        logits(one).square().sum().backward()  # type: ignore[no-untyped-call]
    assert ours.grad is not None and ours.grad.abs().sum() > 0
    torch.testing.assert_close(ours.grad.T, rows.grad, rtol=1e-10, atol=1e-10)
    found, other = qcompile.merge(model), theirs.merge_and_unload()
    for name, value in found.state_dict().items():
        torch.testing.assert_close(value, other.state_dict()[name], rtol=0, atol=1e-12)


def test_peft_merges_and_takes_out_again(tmp_path: Path) -> None:
    source = tmp_path / "e.qa"
    source.write_text("qa 1\n\n" + spec(LORA))
    model: Any = peft.get_peft_model(llama(), QCompileConfig(spec=str(source))).double()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.add_(0.3)
    weight = model.get_input_embeddings().weight
    base, expected = weight.clone(), logits(model)
    for _ in range(2):
        model.merge_adapter()
        assert not torch.equal(weight, base)
        torch.testing.assert_close(logits(model), expected, rtol=1e-9, atol=1e-9)
        with model.disable_adapter():
            torch.testing.assert_close(logits(model), logits(llama()), rtol=0, atol=0)
        model.unmerge_adapter()
        assert torch.equal(weight, base)
        torch.testing.assert_close(logits(model), expected, rtol=0, atol=0)
    assert torch.equal(logits(copy.deepcopy(model).unload()), logits(llama()))
    torch.testing.assert_close(logits(model.merge_and_unload()), expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", [*BODIES, *NOT_LINEAR])
def test_an_id_is_a_one_hot_vector(name: str, tmp_path: Path) -> None:
    """The same spec on a linear map with the rows as its columns, fed one-hot vectors."""
    body = (BODIES | NOT_LINEAR)[name]
    table = nn.Embedding(20, 6, dtype=torch.float64)
    linear = nn.Linear(20, 6, bias=False, dtype=torch.float64)
    with torch.no_grad():
        linear.weight.copy_(table.weight.T)
    looked_up, mapped = nn.Sequential(table), nn.Sequential(linear)
    adapter = moved(spec(body, '"0"'), looked_up)
    other = moved(spec(body, '"0"'), mapped)
    ids = torch.tensor([[3, 9, 4], [11, 2, 19]])
    one_hot = nn.functional.one_hot(ids, 20).double()
    qcompile.attach(looked_up, adapter)
    qcompile.attach(mapped, other)
    found, expected = looked_up(ids), mapped(one_hot)
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-9)
    for value in (found, expected):
        value.square().sum().backward()
    for ours, theirs in zip(adapter.parameters(), other.parameters(), strict=True):
        assert ours.grad is not None and theirs.grad is not None
        torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize("build", [llama, gemma])
def test_merging_gives_the_same_and_detach_the_base(build: Any, name: str, tmp_path: Path) -> None:
    model = build()
    before, keys = logits(model), list(model.state_dict())
    adapter = moved(spec(BODIES[name]), model)
    qcompile.attach(model, adapter)
    expected = logits(model)
    assert not torch.allclose(expected, before, atol=1e-3)
    merged = qcompile.merge(copy.deepcopy(model))
    assert list(merged.state_dict()) == keys
    torch.testing.assert_close(logits(merged), expected, rtol=1e-9, atol=1e-9)
    base = build().get_input_embeddings().weight
    if name != "output":
        assert torch.equal(merged.get_input_embeddings().weight[PAD], base[PAD])
    qcompile.detach(model)
    assert torch.equal(logits(model), before)
    assert list(model.state_dict()) == keys


@pytest.mark.parametrize("name", [*BODIES, *NOT_LINEAR])
def test_a_file_gives_the_same(name: str, tmp_path: Path) -> None:
    adapter = moved(spec((BODIES | NOT_LINEAR)[name]), llama())
    expected = logits(qcompile.attach(llama(), adapter))
    adapter.save(tmp_path / "e.pt")
    found = logits(qcompile.attach(llama(), qcompile.load(tmp_path / "e.pt")))
    torch.testing.assert_close(found, expected, rtol=0, atol=0)


@pytest.mark.parametrize("name", NOT_LINEAR)
def test_what_is_not_linear_is_not_merged(name: str, tmp_path: Path) -> None:
    model = llama()
    qcompile.attach(model, moved(spec(NOT_LINEAR[name]), model))
    with pytest.raises(AdapterError, match="QA6006"):
        qcompile.merge(model)


def test_rows_of_a_batch_have_adapters_of_their_own() -> None:
    model = llama()
    base = logits(model)
    qcompile.attach(model, moved(spec(LORA), model), name="one")
    one = logits(model)
    qcompile.attach(model, moved(spec(BODIES["tokens"]), model), name="two")
    with qcompile.disabled(model, "one"):
        two = logits(model)
    with qcompile.mixed_batch(model, ["two", "one"]):
        both = logits(model)
    torch.testing.assert_close(both, torch.stack([two[0], one[1]]))
    with qcompile.mixed_batch(model, ["__base__", "one"]):
        torch.testing.assert_close(logits(model), torch.stack([base[0], one[1]]))


def test_a_tied_head_keeps_the_weight_of_the_base(tmp_path: Path) -> None:
    """The adapter is at the embedding alone, as in peft, and the weight belongs to both."""
    model, other = llama(tie_word_embeddings=True), llama(tie_word_embeddings=True)
    adapter = moved(spec(LORA), model)
    delta = adapter["model.embed_tokens"].merge_weight().T
    qcompile.attach(model, adapter)
    assert model.lm_head.weight is model.model.embed_tokens.weight
    with pytest.raises(AdapterError, match="shared with another module"):
        qcompile.merge(model)
    own = nn.Embedding(40, 16, _weight=other.lm_head.weight + delta)
    other.model.embed_tokens = own
    torch.testing.assert_close(logits(model), logits(other), rtol=1e-9, atol=1e-9)


def test_the_vocabulary_stays_as_it_is(tmp_path: Path) -> None:
    model = qcompile.attach(llama(), moved(spec(LORA), llama()))
    with pytest.raises(AdapterError, match="its embedding has an adapter"):
        model.resize_token_embeddings(50)
    qcompile.detach(model)
    model.resize_token_embeddings(50)
    assert model.get_input_embeddings().num_embeddings == 50


def test_ids_outside_raise_as_torch_does(tmp_path: Path) -> None:
    model = qcompile.attach(llama(), moved(spec(LORA), llama()))
    with pytest.raises(IndexError):
        model(torch.tensor([[40]]))


def test_a_part_takes_ids(tmp_path: Path) -> None:
    adapter = moved(spec(LORA), llama())
    assert adapter(IDS).shape == (2, 4, 16)
    assert not adapter(IDS)[IDS == PAD].any()
    with pytest.raises(AdapterError, match="QA6064"):
        adapter(torch.zeros(3, 40))


def test_gradient_checkpointing_changes_nothing(tmp_path: Path) -> None:
    found = []
    for checkpointed in (False, True):
        model = llama()
        adapter = moved(spec(LORA), model)
        qcompile.attach(model, adapter)
        if checkpointed:
            model.gradient_checkpointing_enable()
        model.train()
        logits(model).square().sum().backward()  # type: ignore[no-untyped-call]
        found.append([parameter.grad for parameter in adapter.parameters()])
    for one, other in zip(*found, strict=True):
        assert one is not None
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("rslora", [False, True])
def test_folders_of_peft_come_and_go(rslora: bool, tmp_path: Path) -> None:
    config = peft.LoraConfig(
        r=3,
        lora_alpha=5,
        use_rslora=rslora,
        lora_dropout=0.1,  # of the input of linear maps alone
        target_modules=["embed_tokens", "q_proj"],
    )
    theirs: Any = peft.get_peft_model(llama().float(), config)
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for name, parameter in theirs.named_parameters():
            if parameter.requires_grad:
                parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator))
            if "lora_embedding_A" in name:
                parameter[:, PAD] = 0
    expected = logits(theirs.eval())
    theirs.save_pretrained(str(tmp_path / "theirs"))
    ours = adapter_from_peft(tmp_path / "theirs")
    model = qcompile.attach(llama().float(), ours)
    torch.testing.assert_close(logits(model), expected, rtol=1e-5, atol=1e-6)
    write_peft_method(ours, tmp_path / "same")
    folders = tmp_path / "theirs", tmp_path / "same"
    given, written = (load_file(it / "adapter_model.safetensors") for it in folders)
    # peft puts the embedding itself into its file.
    assert written.keys() == {key for key in given if "base_layer" not in key}
    assert all(torch.equal(tensor, given[key]) for key, tensor in written.items())
    first, second = (json.loads((it / "adapter_config.json").read_text()) for it in folders)
    for entry in ("r", "lora_alpha", "lora_dropout", "peft_type"):
        assert first[entry] == second[entry]
    same = peft.PeftModel.from_pretrained(llama().float(), str(tmp_path / "same"))
    torch.testing.assert_close(logits(same.eval()), expected, rtol=1e-5, atol=1e-6)
    lora_of(ours, 3).save(tmp_path / "back")
    back = peft.PeftModel.from_pretrained(llama().float(), str(tmp_path / "back"))
    torch.testing.assert_close(logits(back), expected, rtol=1e-4, atol=1e-5)


def test_lora_says_the_error_at_the_given_ids(tmp_path: Path) -> None:
    adapter = moved(spec(BODIES["table"]), llama())
    plain = lora_of(adapter, 4, samples=IDS)
    a, b = plain.factors["model.embed_tokens"]
    part = adapter["model.embed_tokens"]
    exact, near = part(IDS).detach().reshape(-1, 16), (b @ a).double().T[IDS.flatten()]
    error = float((exact - near).norm() / exact.norm())
    assert plain.output_errors["model.embed_tokens"] == pytest.approx(error, rel=1e-6)


def test_an_exported_part_takes_ids(tmp_path: Path) -> None:
    adapter = moved(spec(LORA), llama())
    program = adapter.export().module()
    torch.testing.assert_close(program(IDS), adapter(IDS))


def test_gates_are_pruned(tmp_path: Path) -> None:
    body = """g = vector(rank, init: constant(1))
    update linear(g * linear(x, to: rank), to: out_features, init: zero)"""
    adapter = moved(spec(body), llama())
    part = adapter["model.embed_tokens"]
    with torch.no_grad():
        part.get_parameter("g")[1:3] = 0
    expected = adapter(IDS)
    smaller = qcompile.prune(adapter)
    assert sum(p.numel() for p in smaller.parameters()) == 2 * (40 + 16)
    torch.testing.assert_close(smaller(IDS), expected)


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ("update linear(dropout(x, 0.1), to: out_features)", "dropout"),
        ("update linear(2 * x, to: out_features)", "scale"),
        ("update mpo(x, to: out_features, sites: 2, bond: 2)", "mpo"),
        ("update linear(concat(x, y), to: out_features)", "concat"),
    ],
)
def test_other_operations_are_refused(body: str, word: str, tmp_path: Path) -> None:
    with pytest.raises(CompileError, match=f"QA3014.*`{word}`"):
        moved(spec(body), llama())


@pytest.mark.parametrize("body", ["update linear(base(y), to: out_features)", "update flat(W)"])
def test_the_weight_is_not_read(body: str, tmp_path: Path) -> None:
    with pytest.raises(CompileError, match="QA3012"):
        moved(spec(body), llama())


def test_positions_that_a_forward_computes_are_refused(tmp_path: Path) -> None:
    config = transformers.BartConfig(
        d_model=16, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=16, decoder_ffn_dim=16, vocab_size=40,
    )  # fmt: skip
    model = transformers.BartModel(config)
    with pytest.raises(CompileError, match="forward of its own"):
        moved(spec(LORA, '"*.embed_positions"'), model)
    adapter = moved(spec(LORA), model)
    assert {site.module.rpartition(".")[2] for site in adapter.sites} <= {"shared", "embed_tokens"}


def test_texts_say_the_token_for_padding() -> None:
    (plan,) = moved(spec(LORA), llama()).manifest.planned.plans
    assert f"embedding padding {PAD}" in plan_lines(plan)[0]
    assert " lookup %0 " in "\n".join(plan_lines(plan))
