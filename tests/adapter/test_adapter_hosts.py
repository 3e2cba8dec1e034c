"""Updates of norms and of whole blocks, held to modules written by hand and to peft's LN tuning."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from peft import LNTuningConfig, PeftModel, get_peft_model
from torch import Tensor, nn
from torch.nn.functional import gelu, linear

import qcompile
from qcompile.adapter.lora import lora_of
from qcompile.diagnostics.errors import AdapterError, CompileError
from qcompile.peft import QCompileConfig
from tests.adapter.models import checkpoint_activations

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*gradient_checkpointing.* is deprecated"),
    pytest.mark.filterwarnings("ignore:Unsupported layer type"),
]

EXAMPLES = Path(__file__).parents[2] / "examples"
SIZES: dict[str, Any] = {
    "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24,
    "vocab_size": 40, "num_key_value_heads": 2, "pad_token_id": 0,
}  # fmt: skip
IDS = torch.tensor([[3, 9, 4, 1], [7, 2, 2, 5]])


def llama(**other: Any) -> Any:
    torch.manual_seed(0)
    return transformers.LlamaForCausalLM(transformers.LlamaConfig(**SIZES, **other)).double().eval()


def roberta() -> Any:
    torch.manual_seed(0)
    config = transformers.RobertaConfig(**SIZES, num_labels=3)
    return transformers.RobertaForSequenceClassification(config).double().eval()


def trained(spec: str | Path, model: nn.Module, **parameters: Any) -> qcompile.CompiledAdapter:
    adapter = qcompile.compile(spec, model=model, parameters=parameters).double()
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in adapter.parameters():
            noise = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
            parameter.add_(0.3 * noise)
    return adapter


def logits(model: Any, **kwargs: Any) -> Tensor:
    found: Tensor = model(IDS, **kwargs).logits
    return found


def by_hand(model: nn.Module, change: Any) -> None:
    """Let a function change the first tensor of each output."""
    for name, module in model.named_modules():
        if name.endswith(("self_attn", "mlp")):

            def hook(_: nn.Module, args: Any, kwargs: Any, output: Any, name: str = name) -> Any:
                x = args[0] if args else kwargs["hidden_states"]
                if isinstance(output, tuple):
                    return (change(name, x, output[0]), *output[1:])
                return change(name, x, output)

            module.register_forward_hook(hook, with_kwargs=True)


def test_houlsby_is_a_bottleneck_behind_every_sublayer() -> None:
    model, other = llama(), llama()
    adapter = trained(EXAMPLES / "houlsby.qa", model, rank=3)
    assert [site.module.rpartition(".")[2] for site in adapter.sites] == ["self_attn", "mlp"] * 2

    def change(name: str, x: Tensor, y: Tensor) -> Tensor:
        t = dict(adapter[name].named_parameters())
        h = gelu(linear(y, t["down.weight"], t["down.bias"]))
        return y + linear(h, t["up.weight"], t["up.bias"])

    by_hand(other, change)
    qcompile.attach(model, adapter)
    torch.testing.assert_close(logits(model), logits(other), rtol=1e-9, atol=1e-9)


def test_a_parallel_adapter_takes_the_input_of_the_block() -> None:
    model, other = llama(), llama()
    adapter = trained(EXAMPLES / "parallel_adapter.qa", model, rank=3)

    def change(name: str, x: Tensor, y: Tensor) -> Tensor:
        if name.endswith("self_attn"):
            return y
        t = dict(adapter[name].named_parameters())
        h = gelu(linear(x, t["down.weight"], t["down.bias"]))
        return y + 4 * linear(h, t["up.weight"], t["up.bias"])

    by_hand(other, change)
    qcompile.attach(model, adapter)
    torch.testing.assert_close(logits(model), logits(other), rtol=1e-9, atol=1e-9)


def test_ln_tuning_is_that_of_peft() -> None:
    """w' = scale · w, so the gradient of scale is w times that of w'."""
    model = llama()
    theirs: Any = get_peft_model(llama(), LNTuningConfig(target_modules=r".*norm"))
    adapter = trained(EXAMPLES / "ln_tuning.qa", model)
    assert sum(p.numel() for p in adapter.parameters()) == theirs.get_nb_trainable_parameters()[0]
    weights = {}
    for name, module in theirs.base_model.model.named_modules():
        if type(module).__name__ == "LNTuningLayer":
            own = module.ln_tuning_layers["default"].weight
            scale = adapter[name].get_parameter("scale")
            with torch.no_grad():
                own.mul_(scale)
            weights[name] = own
    qcompile.attach(model, adapter)
    torch.testing.assert_close(logits(model), logits(theirs), rtol=1e-9, atol=1e-9)
    for one in (model, theirs):
        logits(one).square().sum().backward()  # type: ignore[no-untyped-call]
    for name, own in weights.items():
        base = model.get_submodule(name).weight
        ours = adapter[name].get_parameter("scale").grad
        assert ours is not None and own.grad is not None
        torch.testing.assert_close(ours, base * own.grad, rtol=1e-8, atol=1e-8)


def test_bitfit_is_new_biases() -> None:
    model, other = roberta(), roberta()
    adapter = trained(EXAMPLES / "bitfit.qa", model)
    names = {site.module for site in adapter.sites}
    assert len(names) == len(adapter.sites)
    with torch.no_grad():
        for name in names:
            other.get_submodule(name).bias.add_(adapter[name].get_parameter("b"))
    qcompile.attach(model, adapter)
    torch.testing.assert_close(logits(model), logits(other), rtol=1e-9, atol=1e-9)


CASES = ("houlsby", "parallel_adapter", "ln_tuning")


@pytest.mark.parametrize("name", CASES)
def test_a_file_gives_the_same_and_detach_the_base(name: str, tmp_path: Path) -> None:
    model = llama()
    before, keys = logits(model), list(model.state_dict())
    adapter = trained(EXAMPLES / f"{name}.qa", model)
    adapter.save(tmp_path / "a.pt")
    qcompile.attach(model, adapter)
    attached = logits(model)
    assert not torch.allclose(attached, before)
    assert [key for key in model.state_dict() if "beside_output" not in key] == keys
    with qcompile.disabled(model):
        assert torch.equal(logits(model), before)
    copied = copy.deepcopy(model)
    assert torch.equal(logits(copied), attached)
    qcompile.detach(model)
    assert torch.equal(logits(model), before)
    assert not any(module._forward_hooks_with_kwargs for module in model.modules())
    assert torch.equal(logits(copied), attached)
    again = qcompile.attach(llama(), tmp_path / "a.pt")
    assert torch.equal(logits(again), attached)


@pytest.mark.parametrize("name", CASES)
def test_peft_trains_saves_loads_and_unloads(name: str, tmp_path: Path) -> None:
    model = get_peft_model(llama(), QCompileConfig(spec=str(EXAMPLES / f"{name}.qa")))
    before = logits(llama())
    torch.testing.assert_close(logits(model), before)
    optimiser = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.1)
    (logits(model) - 1).square().mean().backward()  # type: ignore[no-untyped-call]
    optimiser.step()
    after = logits(model).detach()
    assert not torch.allclose(after, before)
    model.save_pretrained(str(tmp_path))
    again = PeftModel.from_pretrained(llama(), str(tmp_path))
    torch.testing.assert_close(logits(again), after)
    if name == "ln_tuning":
        torch.testing.assert_close(logits(copy.deepcopy(again).merge_and_unload()), after)
    else:
        with pytest.raises(AdapterError, match="QA6006"):
            again.merge_and_unload()
    assert torch.equal(logits(again.unload()), before)


def test_a_folder_for_peft_holds_the_same(tmp_path: Path) -> None:
    adapter = trained(EXAMPLES / "houlsby.qa", llama())
    adapter.save(f"{tmp_path}/folder/")
    found = PeftModel.from_pretrained(llama(), f"{tmp_path}/folder")
    own = logits(qcompile.attach(llama(), adapter))
    torch.testing.assert_close(logits(found), own)
    assert torch.equal(logits(qcompile.attach(llama(), f"{tmp_path}/folder/")), own)


def test_checkpointing_gives_the_same_gradients() -> None:
    found = []
    for on in (False, True):
        model = llama().train()
        adapter = trained(EXAMPLES / "houlsby.qa", model)
        qcompile.attach(model, adapter)
        if on:
            checkpoint_activations(model)
        logits(model).square().sum().backward()  # type: ignore[no-untyped-call]
        found.append([p.grad for p in adapter.parameters()])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other)


def test_what_cannot_be_merged_or_be_lora_says_why() -> None:
    model = llama()
    adapter = trained(EXAMPLES / "ln_tuning.qa", model)
    with pytest.raises(AdapterError, match="its module is a norm"):
        lora_of(adapter)
    qcompile.attach(model, trained(EXAMPLES / "houlsby.qa", model))
    before = logits(model)
    with pytest.raises(AdapterError, match="its module is a whole block"):
        qcompile.merge(model)
    assert torch.equal(logits(model), before)


SPEC = """qa 1

adapter low() {{
    attach {place}
    update linear(linear({value}, to: 2), to: out_features)
}}
"""


def test_a_star_is_still_the_linear_maps() -> None:
    adapter = qcompile.compile(SPEC.format(place='"*"', value="x"), model=llama())
    assert {part.plan.host for _, part in adapter.parts()} == {"linear"}
    text = SPEC.format(place='"model.layers.*.{mlp,q_proj,input_layernorm}"', value="x")
    kinds = {
        s.module.rpartition(".")[2]: p.plan.host
        for s, p in qcompile.compile(text, model=llama()).parts()
    }
    assert kinds == {"mlp": "block", "q_proj": "linear", "input_layernorm": "norm"}


def test_residual_is_the_layers() -> None:
    model = llama()
    adapter = qcompile.compile(SPEC.format(place="residual layers 1..2", value="y"), model=model)
    assert [site.module for site in adapter.sites] == ["model.layers.1"]
    before = logits(model)
    assert not torch.allclose(logits(qcompile.attach(model, adapter.double())), before)


class Wide(nn.Module):
    """Gives another width than its linear maps say."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(4, 8), nn.Linear(8, 4)

    def forward(self, x: Tensor, whole: bool = True) -> Any:
        y = self.b(self.a(x))
        return torch.cat([y, y], -1) if whole else {"y": y}


@pytest.mark.parametrize(("whole", "found"), [(True, "not 4 wide"), (False, "type dict")])
def test_a_call_that_does_not_fit_is_an_error(whole: bool, found: str) -> None:
    model = nn.ModuleDict({"wide": Wide()})
    qcompile.attach(model, qcompile.compile(SPEC.format(place='"wide"', value="x"), model=model))
    with pytest.raises(AdapterError, match=f"(?s)QA6018.*{found}"):
        model["wide"](torch.ones(2, 4), whole)
    qcompile.detach(model)
    model["wide"](torch.ones(2, 4), whole)


def test_what_reads_the_weight_is_for_linear_maps() -> None:
    text = SPEC.format(place="norm", value="base(x)")
    with pytest.raises(CompileError, match="QA3012"):
        qcompile.compile(text, model=llama())


def test_norms_of_torchs_encoder_are_called() -> None:
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    model = nn.TransformerEncoder(layer, 2).eval()
    x = torch.randn(2, 3, 8, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        before = model(x)
        adapter = qcompile.compile(SPEC.format(place='"*.norm?"', value="y"), model=model)
        qcompile.attach(model, adapter)
        assert not torch.allclose(model(x), before, atol=1e-3)


@pytest.mark.parametrize("place", ["sublayer.attention", '"*.self_attn"'])
def test_attention_of_torch_takes_an_update_of_its_output(place: str) -> None:
    """Its maps are read by a function; the module is called once the fast path is off."""
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    model = nn.TransformerEncoder(layer, 2).eval()
    other = copy.deepcopy(model)
    x = torch.randn(2, 3, 8, generator=torch.Generator().manual_seed(0))
    adapter = qcompile.compile(SPEC.format(place=place, value="x"), model=model)
    layers: Any = other.layers
    for one in layers:
        one.self_attn.register_forward_hook(_plus_part(adapter, other, one))
    with torch.no_grad():
        qcompile.attach(model, adapter)
        found = model(x)
        with torch.enable_grad():
            expected = other(x)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
    assert len(adapter.sites) == 2


def _plus_part(adapter: qcompile.CompiledAdapter, model: nn.Module, layer: Any) -> Any:
    (name,) = (n for n, m in model.named_modules() if m is layer.self_attn)

    def hook(_: nn.Module, args: Any, output: Any) -> Any:
        return (output[0] + adapter[name](args[0]), *output[1:])

    return hook


def test_adapters_by_name_in_a_batch_and_off_again() -> None:
    model = llama()
    base = logits(model)
    spec = EXAMPLES / "houlsby.qa"
    qcompile.attach(model, trained(spec, model, rank=2), name="one")
    one = logits(model)
    qcompile.attach(model, trained(spec, model, rank=3), name="two")
    with qcompile.disabled(model, "one"):
        two = logits(model)
    assert not torch.allclose(one, two)
    with qcompile.mixed_batch(model, ["two", "__base__"]):
        both = logits(model)
    torch.testing.assert_close(both, torch.stack([two[0], base[1]]))
    qcompile.detach(model, "two")
    assert torch.equal(logits(model), one)
    qcompile.detach(model)
    assert torch.equal(logits(model), base)


def test_a_pruned_adapter_is_for_the_same_modules() -> None:
    model = llama()
    text = (EXAMPLES / "sora.qa").read_text().replace('"models/', f'"{EXAMPLES}/models/')
    place = next(line for line in text.splitlines() if line.strip().startswith("attach"))
    adapter = trained(text.replace(place, "    attach sublayer.mlp"), model)
    own = logits(qcompile.attach(llama(), adapter))
    pruned = qcompile.prune(adapter)
    torch.testing.assert_close(logits(qcompile.attach(model, pruned)), own)
