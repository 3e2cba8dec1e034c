"""Adapters at experts that are slices of one parameter, and at routers, against peft's LoRA."""

from __future__ import annotations

import contextlib
import copy
import pickle
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from torch import Tensor, nn

import qcompile
from qcompile.adapter.parameters import parameters_of
from qcompile.diagnostics.errors import AdapterError, CompileError
from qcompile.passes.memory import step_memory
from tests.adapter.models import TOKENS, checkpoint_activations, same, snapshot
from tests.executors.counted import Kept

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated")

SPEC = """qa 1

adapter low() {
    attach PATTERN
    update linear(linear(x, to: 2), to: out_features, init: zero)
}
"""
SIZES: dict[str, Any] = {
    "vocab_size": 64, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2,
    "num_key_value_heads": 2, "max_position_embeddings": 32, "pad_token_id": 0,
    "bos_token_id": 1, "eos_token_id": 2,
}  # fmt: skip


def mixtral(**more: Any) -> Any:
    config = transformers.MixtralConfig(
        **SIZES, intermediate_size=24, num_local_experts=4, num_experts_per_tok=2, **more
    )
    return _seeded(transformers.MixtralForCausalLM, config)


def qwen3() -> Any:
    config = transformers.Qwen3MoeConfig(
        **SIZES, moe_intermediate_size=24, num_experts=4, num_experts_per_tok=2, head_dim=8
    )
    return _seeded(transformers.Qwen3MoeForCausalLM, config)


def gpt_oss() -> Any:
    config = transformers.GptOssConfig(
        **SIZES, intermediate_size=24, num_local_experts=4, num_experts_per_tok=2, head_dim=8
    )
    return _seeded(transformers.GptOssForCausalLM, config)


def llama4() -> Any:
    config = transformers.Llama4TextConfig(
        **SIZES, intermediate_size=24, intermediate_size_mlp=24, num_local_experts=4, head_dim=8
    )
    return _seeded(transformers.Llama4ForCausalLM, config)


def _seeded(kind: Any, config: Any) -> Any:
    torch.manual_seed(0)
    model = kind(config).double().eval()
    if kind is not transformers.Llama4ForCausalLM:
        # The grouped kernel knows no float64.
        model.set_experts_implementation("eager")
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        # Some keep experts that are empty or zero until weights are loaded.
        for parameter in model.parameters():
            if parameter.dim() == 3:
                noise = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
                parameter.copy_(0.3 * noise)
    return model


MODELS: dict[str, Callable[..., Any]] = {
    "mixtral": mixtral,
    "qwen3": qwen3,
    "gpt_oss": gpt_oss,
    "llama4": llama4,
}


def adapted(model: nn.Module, pattern: str, dtype: torch.dtype = torch.float64) -> Any:
    """An adapter with random tensors."""
    adapter = qcompile.compile(SPEC.replace("PATTERN", pattern), model=model).to(dtype)
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for parameter in adapter.parameters():
            noise = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
            parameter.copy_(0.2 * noise)
    return adapter


def loss(model: Any) -> Any:
    return model(input_ids=TOKENS).logits.square().mean()


def logits(model: Any) -> Tensor:
    with torch.no_grad():
        found: Tensor = model(input_ids=TOKENS).logits
    return found


def factors_of(part: nn.Module) -> tuple[Tensor, Tensor]:
    """Matrices (rank, in) and (out, rank)."""
    up, down = sorted(part.parameters(), key=lambda it: it.shape[0] == 2)
    return down, up


def with_peft(
    model: Any, names: list[str], adapter: Any, flipped: bool
) -> tuple[Any, dict[str, Tensor]]:
    """peft's LoRA on the same parameters with the same tensors, and where their gradients are.

    `flipped`: peft takes (experts, in, out) for (experts, out, in), as for Llama 4.
    """
    from peft import LoraConfig, get_peft_model

    config = LoraConfig(r=2, lora_alpha=2, target_modules=[], target_parameters=names)
    wrapped = get_peft_model(model, config)
    factors: dict[str, Tensor] = {}
    with torch.no_grad():
        for name, layer in wrapped.named_modules():
            parameter = getattr(layer, "parameter_name", None)
            if parameter is None:
                continue
            site = name.removeprefix("base_model.model.").replace(".base_layer", "")
            a, b = layer.lora_A["default"].weight, layer.lora_B["default"].weight
            count = layer.num_experts
            for expert in range(count):
                own = f"{site}.{parameter}" if count == 1 else f"{site}.{parameter}.{expert}"
                down, up = factors_of(adapter[own])
                down, up = (up.T, down.T) if flipped else (down, up)
                rank = len(down)
                a[expert * rank : (expert + 1) * rank] = down
                b.view(len(b), rank, count)[:, :, expert] = up
            factors[f"{site}.{parameter}"] = a
    return wrapped, factors


@pytest.mark.parametrize("implementation", ["grouped_mm", "batched_mm"])
def test_all_implementations_of_experts_give_the_same(implementation: str) -> None:
    model = mixtral().float()
    qcompile.attach(model, adapted(model, "experts, router", torch.float32))
    expected = logits(model)
    model.set_experts_implementation(implementation)
    assert torch.allclose(logits(model), expected, rtol=0, atol=1e-5)
    loss(model).backward()
    assert all(p.grad is not None for p in model.parameters() if p.requires_grad)


@pytest.mark.parametrize("name", MODELS)
def test_outputs_and_gradients_are_those_of_peft(name: str) -> None:
    make = MODELS[name]
    model, other = make(), make()
    adapter = adapted(model, "experts, router" if name != "llama4" else "experts")
    targets = ["experts.gate_up_proj", "experts.down_proj"]
    targets += ["mlp.router.weight" if name == "gpt_oss" else "mlp.gate.weight"]
    flipped = name == "llama4"
    wrapped, factors = with_peft(other, targets[:2] if flipped else targets, adapter, flipped)
    before = logits(model)
    qcompile.attach(model, adapter)
    found, expected = logits(model), logits(wrapped)
    assert not torch.allclose(found, before, atol=1e-4)
    assert torch.allclose(found, expected, rtol=0, atol=1e-10)
    loss(model).backward()
    loss(wrapped).backward()
    assert factors
    for site, factor in factors.items():
        whole = [part for at, part in adapter.parts() if at.module == site]
        each = [part for at, part in adapter.parts() if at.module.rpartition(".")[0] == site]
        owned = [factors_of(part) for part in whole or each]
        grads: list[Any] = [up.grad if flipped else down.grad for down, up in owned]
        assert factor.grad is not None and all(grad is not None for grad in grads)
        found = torch.cat([it.T if flipped else it for it in grads])
        assert torch.allclose(found, factor.grad, rtol=0, atol=1e-10)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("pattern", ["experts", "experts.tied", "router"])
def test_merging_gives_the_same_and_detaching_the_base(name: str, pattern: str) -> None:
    model = MODELS[name]()
    kept, before = snapshot(model), logits(model)
    adapter = adapted(model, pattern)
    qcompile.attach(model, adapter)
    found = logits(model)
    assert not torch.allclose(found, before, atol=1e-5)
    with qcompile.disabled(model):
        assert torch.equal(logits(model), before)
    twin = copy.deepcopy(model)
    qcompile.detach(model)
    assert same(snapshot(model), kept) and torch.equal(logits(model), before)
    assert all("beside" not in key for key, _ in model.named_modules())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())
    qcompile.merge(twin)
    assert torch.allclose(logits(twin), found, rtol=0, atol=1e-10)
    assert list(twin.state_dict()) == list(kept)


def test_a_shared_adapter_is_one_for_all_experts() -> None:
    model = mixtral()
    shared = adapted(model, "experts.tied")
    assert [site.module for site in shared.sites[:2]] == [
        "model.layers.0.mlp.experts.gate_up_proj",
        "model.layers.0.mlp.experts.down_proj",
    ]
    each = adapted(model, "experts")
    assert len(each.sites) == 4 * len(shared.sites)
    with torch.no_grad():
        for site, part in each.parts():
            like = shared[site.module.rpartition(".")[0]]
            for own, other in zip(part.parameters(), like.parameters(), strict=True):
                own.copy_(other)
    twin = copy.deepcopy(model)
    qcompile.attach(model, shared)
    qcompile.attach(twin, each)
    assert torch.allclose(logits(model), logits(twin), rtol=0, atol=1e-12)


def test_some_experts_alone() -> None:
    model = mixtral()
    adapter = adapted(model, '"*.experts.down_proj.[12]" layers 0..1')
    assert [site.module for site in adapter.sites] == [
        f"model.layers.0.mlp.experts.down_proj.{k}" for k in (1, 2)
    ]
    weight = model.get_parameter("model.layers.0.mlp.experts.down_proj")
    before = weight.detach().clone()
    qcompile.merge(qcompile.attach(model, adapter))
    changed = [not torch.equal(old, new) for old, new in zip(before, weight, strict=True)]
    assert changed == [False, True, True, False]


def test_several_adapters_with_weights() -> None:
    model = mixtral()
    one, two = adapted(model, "experts"), adapted(model, "experts.tied, router")
    with torch.no_grad():
        for parameter in two.parameters():
            parameter.mul_(-0.5)
    qcompile.attach(model, one, name="one")
    alone = logits(model)
    qcompile.attach(model, two, name="two")
    both = logits(model)
    qcompile.set_adapter(model, "one")
    assert torch.equal(logits(model), alone)
    qcompile.set_adapter(model, {"one": 0.5, "two": 1.0})
    weighted = logits(model)
    assert not torch.allclose(weighted, both, atol=1e-5)
    with (
        pytest.raises(AdapterError, match="the same for all rows"),
        qcompile.mixed_batch(model, ["one", "two"]),
    ):
        pass
    qcompile.merge(model)
    assert torch.allclose(logits(model), weighted, rtol=0, atol=1e-10)


def test_files_copies_and_pickles(tmp_path: Path) -> None:
    model = mixtral()
    adapter = adapted(model, "experts, router", torch.float32)
    for name in ("a.pt", "a.safetensors"):
        adapter.save(tmp_path / name)
        fresh = mixtral()
        qcompile.attach(fresh, tmp_path / name)
        if name == "a.pt":
            qcompile.attach(model, adapter)
        for found in (fresh, copy.deepcopy(fresh), pickle.loads(pickle.dumps(fresh))):
            assert torch.equal(logits(found), logits(model))


def test_checkpointing_and_training_reach_every_expert() -> None:
    model = mixtral().train()
    qcompile.attach(model, adapted(model, "experts, router"))
    loss(model).backward()
    plain = {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}
    model.zero_grad()
    checkpoint_activations(model)
    loss(model).backward()
    again = {n: p.grad for n, p in model.named_parameters() if p.grad is not None}
    trained = {n for n, p in model.named_parameters() if p.requires_grad}
    assert plain.keys() == again.keys() == trained
    assert all(torch.allclose(plain[n], again[n], rtol=0, atol=1e-12) for n in plain)


def test_threads_do_not_mix_what_is_on() -> None:
    model = mixtral()
    before = logits(model)
    qcompile.attach(model, adapted(model, "experts"))
    after = logits(model)
    wrong: list[bool] = []

    def run(off: bool) -> None:
        expected = before if off else after
        for _ in range(5):
            with qcompile.disabled(model) if off else contextlib.nullcontext():
                found = logits(model)
            if not torch.allclose(found, expected, rtol=0, atol=1e-9):
                wrong.append(off)

    threads = [threading.Thread(target=run, args=(k % 2 == 0,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_failed_call_leaves_the_parameter() -> None:
    model = mixtral()
    before = logits(model)
    qcompile.attach(model, adapted(model, "experts"))
    after = logits(model)
    experts = model.get_submodule("model.layers.0.mlp.experts")
    with pytest.raises(RuntimeError):
        experts(torch.zeros(2, 5, dtype=torch.float64), torch.zeros(2, 2).long(), torch.ones(2, 2))
    assert "down_proj" not in vars(experts)
    assert torch.equal(logits(model), after)
    assert torch.equal(logits(qcompile.detach(model)), before)


@pytest.mark.parametrize(
    ("update", "reason"),
    [
        ("tanh(linear(x, to: out_features))", "not linear in `x`"),
        ("linear(y, to: out_features)", "it reads `y`"),
        ("linear(dropout(x, 0.1), to: out_features)", "dropout acts on inputs"),
    ],
)
def test_what_is_no_matrix_is_refused(update: str, reason: str) -> None:
    text = SPEC.replace("PATTERN", "experts").replace(
        "linear(linear(x, to: 2), to: out_features, init: zero)", update
    )
    with pytest.raises(CompileError, match=reason) as caught:
        qcompile.compile(text, model=mixtral())
    assert {found.code for found in caught.value.diagnostics} == {"QA6401"}


def test_another_model_is_refused_whole() -> None:
    adapter = adapted(mixtral(), "experts, router")
    other = qwen3()
    kept = snapshot(other)
    with pytest.raises(AdapterError) as caught:
        qcompile.attach(gpt_oss(), adapter)
    assert {found.code for found in caught.value.diagnostics} <= {"QA6001", "QA6002", "QA6003"}
    qcompile.attach(other, adapter)
    qcompile.detach(other)
    assert same(snapshot(other), kept)


def test_peft_takes_the_same_adapter(tmp_path: Path) -> None:
    from peft import PeftModel, get_peft_model

    from qcompile.peft import QCompileConfig

    text = SPEC.replace("PATTERN", "experts, router, attention.q")
    model = mixtral()
    before, kept = logits(model), snapshot(model)
    found: Any = get_peft_model(model, QCompileConfig(spec=text))
    assert torch.equal(logits(found), before)
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for parameter in found.parameters():
            if parameter.requires_grad:
                noise = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
                parameter.copy_(0.2 * noise)
    after = logits(found)
    assert not torch.allclose(after, before, atol=1e-4)
    with found.disable_adapter():
        assert torch.equal(logits(found), before)
    loss(found).backward()
    assert all(p.grad is not None for p in found.parameters() if p.requires_grad)
    found.save_pretrained(tmp_path)
    again = PeftModel.from_pretrained(mixtral(), tmp_path)
    assert torch.allclose(logits(again), after, rtol=0, atol=1e-12)
    with pytest.raises(AdapterError, match="peft merges into linear maps alone"):
        found.merge_adapter()
    base = found.unload()
    assert same(snapshot(base), kept) and torch.equal(logits(base), before)
    assert not any("beside" in name for name, _ in base.named_modules())
    # The same folder without peft.
    adapter = qcompile.load(tmp_path)
    qcompile.attach(base, adapter)
    assert torch.allclose(logits(base), after, rtol=0, atol=1e-12)


EXAMPLE = Path(__file__).parents[2] / "examples" / "experts" / "experts_lora.qa"


def kept_by_a_step(model: nn.Module) -> int:
    """Elements that the backward pass keeps of what changes parameters."""
    values: list[Tensor] = []
    found = Kept(without=list(model.parameters()))
    with found.hooks:
        for module in model.modules():
            holder = parameters_of(module)
            if holder is not None:
                values += holder(dict(module.named_parameters(recurse=False))).values()
        for value in values:
            experts = value if value.dim() == 3 else value.unsqueeze(0)
            x = torch.ones(len(experts), 1, value.shape[-1], requires_grad=True)
            torch.bmm(x, experts.transpose(-1, -2))
    return found.total


def test_memory_is_that_of_the_report() -> None:
    adapter = qcompile.compile(EXAMPLE)
    planned = adapter.manifest.planned
    config = transformers.AutoConfig.from_pretrained(EXAMPLE.parents[1] / "models/tiny-qwen3-moe")
    base = transformers.AutoModelForCausalLM.from_config(config)
    qcompile.attach(base, adapter)
    predicted = step_memory(planned, tokens=8).activations / 4
    assert predicted == step_memory(planned, tokens=800).activations / 4
    assert kept_by_a_step(base) == pytest.approx(predicted, rel=0.1)


def test_distributed_training_gives_the_same_gradients(tmp_path: Path) -> None:
    from torch import distributed
    from torch.nn.parallel import DistributedDataParallel

    model = mixtral()
    qcompile.attach(model, adapted(model, "experts, router"))
    loss(model).backward()
    plain = {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}
    model.zero_grad()
    place = f"file://{tmp_path / 'group'}"
    distributed.init_process_group("gloo", init_method=place, rank=0, world_size=1)
    try:
        loss(DistributedDataParallel(model)).backward()
    finally:
        distributed.destroy_process_group()
    again = {n: p.grad for n, p in model.named_parameters() if p.grad is not None}
    assert plain.keys() == again.keys()
    assert all(torch.allclose(plain[n], again[n], rtol=0, atol=1e-12) for n in plain)
