"""Folders that peft writes for methods of its own, converted: the same outputs without peft."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import peft
import pytest
import torch
from peft.tuners.boft import layer as boft_layer
from safetensors.torch import load_file, save_file
from transformers.models.gemma.modeling_gemma import GemmaRMSNorm

import qcompile
from qcompile.cli import main
from qcompile.diagnostics.errors import QCompileError
from qcompile.driver.from_peft import adapter_from_peft
from qcompile.driver.to_peft import write_peft_method
from qcompile.models.norms import NormForm, norm_form
from tests.adapter.models import TOKENS, llama

pytestmark = [
    pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated"),
    pytest.mark.filterwarnings("ignore:Sparse invariant checks:UserWarning"),
    pytest.mark.filterwarnings("ignore:Unsupported layer type:UserWarning"),
    pytest.mark.usefixtures("butterflies"),
]

TARGETS = ["q_proj", "v_proj"]

METHODS: dict[str, Callable[[], peft.PeftConfig]] = {
    "lora": lambda: peft.LoraConfig(r=4, lora_alpha=6, target_modules=TARGETS, lora_dropout=0.1),
    "lora_patterns": lambda: peft.LoraConfig(
        r=4,
        lora_alpha=6,
        target_modules=TARGETS,
        rank_pattern={"layers.1.self_attn.q_proj": 2},
        alpha_pattern={"v_proj": 5},
    ),
    "lora_one_layer": lambda: peft.LoraConfig(r=2, target_modules=TARGETS, layers_to_transform=[1]),
    "rslora": lambda: peft.LoraConfig(r=4, target_modules=TARGETS, use_rslora=True),
    "dora": lambda: peft.LoraConfig(r=4, lora_alpha=6, target_modules=TARGETS, use_dora=True),
    "adalora": lambda: peft.AdaLoraConfig(init_r=4, target_modules=TARGETS, total_step=10),
    "ia3": lambda: peft.IA3Config(
        target_modules=["k_proj", "down_proj"], feedforward_modules=["down_proj"]
    ),
    "vera": lambda: peft.VeraConfig(r=4, target_modules=TARGETS, vera_dropout=0.1),
    "hira": lambda: peft.HiraConfig(r=4, target_modules=TARGETS),
    "loha": lambda: peft.LoHaConfig(r=4, alpha=6, target_modules=TARGETS),
    "lokr": lambda: peft.LoKrConfig(r=2, alpha=6, target_modules=TARGETS),
    "lokr_both": lambda: peft.LoKrConfig(
        r=1, alpha=6, target_modules=TARGETS, decompose_both=True, decompose_factor=4
    ),
    "hra": lambda: peft.HRAConfig(r=4, target_modules=TARGETS),
    "c3a": lambda: peft.C3AConfig(block_size=16, target_modules=TARGETS),
    "miss": lambda: peft.MissConfig(r=4, target_modules=TARGETS),
    "miss_mini": lambda: peft.MissConfig(
        r=4, mini_r=8, miss_dropout=0.1, init_weights="mini", target_modules=TARGETS
    ),
    "oft": lambda: peft.OFTConfig(
        r=0, oft_block_size=8, target_modules=TARGETS, use_cayley_neumann=False
    ),
    "oft_series": lambda: peft.OFTConfig(r=0, oft_block_size=8, target_modules=TARGETS),
    "oft_series_of_six": lambda: peft.OFTConfig(
        r=0, oft_block_size=8, target_modules=TARGETS, num_cayley_neumann_terms=6
    ),
    "boft": lambda: peft.BOFTConfig(boft_block_size=4, target_modules=TARGETS),
    "boft_three": lambda: peft.BOFTConfig(
        boft_block_size=4, boft_n_butterfly_factor=3, target_modules=TARGETS
    ),
    "road_1": lambda: peft.RoadConfig(variant="road_1", group_size=8, target_modules=TARGETS),
    "road_2": lambda: peft.RoadConfig(variant="road_2", group_size=8, target_modules=TARGETS),
    "road_4": lambda: peft.RoadConfig(variant="road_4", group_size=16, target_modules=TARGETS),
    "randlora": lambda: peft.RandLoraConfig(
        r=6, randlora_alpha=9, target_modules=["q_proj", "down_proj", "up_proj"]
    ),
    "vblora": lambda: peft.VBLoRAConfig(
        r=2, num_vectors=9, vector_length=8, topk=3, vblora_dropout=0.1, target_modules=TARGETS
    ),
    "fourierft": lambda: peft.FourierFTConfig(
        n_frequency=50, scaling=20.0, random_loc_seed=5, target_modules=TARGETS
    ),
    "fourierft_patterns": lambda: peft.FourierFTConfig(
        n_frequency=50, scaling=20.0, n_frequency_pattern={"v_proj": 20}, target_modules=TARGETS
    ),
    "waveft": lambda: peft.WaveFTConfig(n_frequency=50, scaling=2.5, target_modules=TARGETS),
    "waveft_plain": lambda: peft.WaveFTConfig(
        n_frequency=50, scaling=2.5, use_idwt=False, target_modules=TARGETS
    ),
    "shira": lambda: peft.ShiraConfig(r=2, target_modules=TARGETS, random_seed=11),
    "shira_no_seed": lambda: peft.ShiraConfig(r=2, target_modules=TARGETS),
    "psoft": lambda: peft.PsoftConfig(r=6, psoft_alpha=3, target_modules=TARGETS),
    "psoft_series": lambda: peft.PsoftConfig(
        r=6, use_cayley_neumann=True, num_cayley_neumann_terms=4, target_modules=TARGETS
    ),
    "psoft_free": lambda: peft.PsoftConfig(
        r=6, psoft_orth=False, psoft_mag_a=False, psoft_dropout=0.1, target_modules=TARGETS
    ),
    "psoft_pissa": lambda: peft.PsoftConfig(
        r=6, psoft_mag_b=False, ab_svd_init="pissa_init", target_modules=TARGETS
    ),
    "ln_tuning": lambda: peft.LNTuningConfig(
        target_modules=["input_layernorm", "post_attention_layernorm", "norm"]
    ),
}

NEED_THE_MODEL = {
    "ia3", "vera", "hra", "miss", "miss_mini", "oft", "oft_series", "oft_series_of_six", "road_1",
    "road_2", "road_4", "randlora", "psoft_series", "fourierft", "fourierft_patterns", "waveft",
    "waveft_plain", "shira", "shira_no_seed", "psoft", "psoft_free", "psoft_pissa", "ln_tuning",
}  # fmt: skip


IN_DOUBLE = METHODS.keys() - {
    "fourierft", "fourierft_patterns",  # peft's transform is in float32
    "psoft", "psoft_series", "psoft_free", "psoft_pissa",  # peft takes weights in float32 or less
    "boft", "boft_three",  # peft's permutations are in float32
    "c3a",  # peft's transform is in float32
    "adalora",  # peft's count of ranks is in float32
    "ln_tuning",  # the model's norms are in float32
}  # fmt: skip


@pytest.fixture
def butterflies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let peft take several butterfly factors, for which it wants a CUDA extension."""

    class Blocks:
        @staticmethod
        def apply(blocks: torch.Tensor) -> torch.Tensor:
            diagonals = [torch.block_diag(*factor) for factor in blocks]  # type: ignore[no-untyped-call]
            return torch.stack(diagonals)

    monkeypatch.setattr(boft_layer, "get_fbd_cuda", lambda: True)
    monkeypatch.setattr(boft_layer, "FastBlockDiag", Blocks)


Found = tuple[torch.Tensor, torch.Tensor]


def computed(model: Any) -> Found:
    """The logits in evaluation, and the gradient of a sum of them by the embedded tokens."""
    embedded = model.get_input_embeddings()(TOKENS).detach().requires_grad_()
    logits = model.eval()(inputs_embeds=embedded).logits
    weights = torch.randn(logits.shape, generator=torch.Generator().manual_seed(5)).to(logits)
    (gradient,) = torch.autograd.grad((logits * weights).sum(), embedded)
    return logits.detach(), gradient


def saved(
    config: peft.PeftConfig, folder: Path, dtype: torch.dtype = torch.float32
) -> tuple[Any, Found]:
    """peft's model with random tensors, which stand in the folder, and what it computes."""
    model: Any = peft.get_peft_model(llama(), config).eval().to(dtype)
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.requires_grad and "ranknum" not in name:
                parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator))
    model.save_pretrained(str(folder))
    return model, computed(model)


@pytest.fixture
def config_json(tmp_path: Path) -> str:
    model: Any = llama()
    model.config.save_pretrained(str(tmp_path))
    return str(tmp_path / "config.json")


@pytest.mark.parametrize("name", METHODS)
def test_outputs_are_those_of_peft_there_and_back(
    name: str, tmp_path: Path, config_json: str
) -> None:
    double = name in IN_DOUBLE
    dtype = torch.float64 if double else torch.float32
    _, (expected, slope) = saved(METHODS[name](), tmp_path / "theirs", dtype)
    folder, output = str(tmp_path / "theirs"), str(tmp_path / "ours.pt")
    if name in NEED_THE_MODEL:
        with pytest.raises(QCompileError, match="QA6227"):
            adapter_from_peft(folder)
    model = ["--model", config_json] if name in NEED_THE_MODEL else []
    assert main(["convert", folder, output, *model]) == 0
    adapted = qcompile.attach(llama().to(dtype), output)
    found, gradient = computed(adapted)
    near = 1e-10 if double else 2e-5
    torch.testing.assert_close(found, expected, atol=near, rtol=near)
    if name != "c3a":  # whose backward in peft is not the derivative of its forward
        torch.testing.assert_close(gradient, slope, atol=near, rtol=near)
    assert not torch.allclose(found, computed(llama().to(dtype))[0], atol=1e-3)
    back = str(tmp_path / "back")
    assert main(["convert", output, back, "--to", "peft", "--base", "a/base"]) == 0
    assert stated(back)["base_model_name_or_path"] == "a/base"
    assert stated(back)["peft_type"] == stated(folder)["peft_type"]
    theirs: Any = peft.PeftModel.from_pretrained(
        llama().to(dtype), back, autocast_adapter_dtype=False
    )
    torch.testing.assert_close(computed(theirs)[0], expected, atol=near, rtol=near)
    read = [adapter_from_peft(it, model=config_json) for it in (folder, back)]
    first, second = (it.state_dict() for it in read)
    assert first.keys() == second.keys()
    for key, value in first.items():
        # What the weight starts is NaN until then.
        assert torch.equal(value.nan_to_num(), second[key].nan_to_num()), key


def test_modules_of_all_layers_are_one_pattern(tmp_path: Path) -> None:
    saved(METHODS["lora"](), tmp_path)
    source = adapter_from_peft(tmp_path).manifest.sources[0].text
    assert '"model.layers.*.self_attn.q_proj", "model.layers.*.self_attn.v_proj"' in source


def stated(folder: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((Path(folder) / "adapter_config.json").read_text())
    return found


def changed(folder: Path, **entries: Any) -> None:
    path = folder / "adapter_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | entries))


@pytest.mark.parametrize(
    ("entries", "code"),
    [
        ({"bias": "all"}, "QA6225"),
        ({"modules_to_save": ["lm_head"]}, "QA6225"),
        ({"init_lora_weights": "loftq"}, "QA6225"),
        ({"use_qalora": True}, "QA6225"),
        ({"a_setting_of_tomorrow": 3}, "QA6225"),
        ({"peft_type": "SHIRRA"}, "QA6223"),
        ({"peft_type": 3}, "QA5011"),
    ],
)
def test_what_is_not_converted_is_named(entries: dict[str, Any], code: str, tmp_path: Path) -> None:
    saved(METHODS["lora"](), tmp_path)
    changed(tmp_path, **entries)
    with pytest.raises(QCompileError, match=code) as caught:
        adapter_from_peft(tmp_path)
    if code == "QA6225":
        assert next(iter(entries)) in str(caught.value)


@pytest.mark.parametrize("change", ["missing", "extra", "misshapen"])
def test_tensors_are_those_of_the_method(change: str, tmp_path: Path) -> None:
    saved(METHODS["lora"](), tmp_path)
    path = tmp_path / "adapter_model.safetensors"
    tensors = load_file(path)
    first = next(iter(tensors))
    if change == "missing":
        del tensors[first]
    elif change == "extra":
        tensors[first.replace("lora_A.weight", "lora_C.weight")] = torch.ones(2)
    else:
        tensors[first] = torch.ones(3, 3)
    save_file(tensors, path)
    with pytest.raises(QCompileError, match="QA5009"):
        adapter_from_peft(tmp_path)


@pytest.mark.filterwarnings("ignore:(PiSSA|OLoRA) changes the base weights")
@pytest.mark.parametrize("init", ["pissa", "olora"])
def test_starts_that_change_the_base_are_taken_off_the_update(init: Any, tmp_path: Path) -> None:
    config = peft.LoraConfig(r=4, lora_alpha=6, target_modules=TARGETS, init_lora_weights=init)
    model: Any = peft.get_peft_model(llama(), config).eval()
    # As peft's own documentation does it.
    model.peft_config["default"].init_lora_weights = True
    model.save_pretrained(str(tmp_path / "start"))
    model.peft_config["default"].init_lora_weights = init
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator))
        expected = model(input_ids=TOKENS).logits
    model.save_pretrained(str(tmp_path / "changed"))
    # peft's conversion to plain LoRA does the same with frozen copies in the file.
    start = str(tmp_path / "start")
    model.save_pretrained(str(tmp_path / "plain"), path_initial_model_for_weight_conversion=start)
    for name in ("changed", "plain"):
        base = llama().eval()
        assert main(["convert", str(tmp_path / name), f"{tmp_path}/{name}.pt"]) == 0
        qcompile.attach(base, f"{tmp_path}/{name}.pt").eval()
        with torch.no_grad():
            found = base(input_ids=TOKENS).logits
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.filterwarnings("ignore:Adapter 'default'.*invalid shape")
def test_ranks_that_adalora_took_away_stay_away(tmp_path: Path) -> None:
    config = peft.AdaLoraConfig(init_r=4, target_modules=TARGETS, total_step=10)
    model, _ = saved(config, tmp_path / "whole")
    kept = {"q_proj": [True, False, True, True], "v_proj": [False] * 4}
    for name, parameter in model.named_parameters():
        if "lora_E" in name:
            rows = torch.tensor(kept[name.split(".lora_E")[0].rpartition(".")[2]])
            parameter.data *= rows[:, None]
    model.peft_config["default"].rank_pattern = {
        f"model.layers.{layer}.self_attn.{name}.lora_E.default": rows
        for layer in range(2)
        for name, rows in kept.items()
    }
    expected = computed(model)[0]
    model.save_pretrained(str(tmp_path / "pruned"))
    adapter = adapter_from_peft(tmp_path / "pruned")
    shapes = {part.plan.tensors[0].shape[0] for _, part in adapter.parts()}
    assert shapes == {3, 1}
    found = computed(qcompile.attach(llama(), adapter))[0]
    torch.testing.assert_close(found, expected, atol=2e-5, rtol=2e-5)


def test_bone_is_miss_under_its_old_name(tmp_path: Path, config_json: str) -> None:
    _, (expected, _) = saved(METHODS["miss"](), tmp_path)
    changed(tmp_path, peft_type="BONE", mini_r=None)
    path = tmp_path / "adapter_model.safetensors"
    save_file({k.replace("miss", "bone"): v for k, v in load_file(path).items()}, path)
    adapter = adapter_from_peft(tmp_path, model=config_json)
    found = computed(qcompile.attach(llama(), adapter))[0]
    torch.testing.assert_close(found, expected, atol=2e-5, rtol=2e-5)


def test_entries_that_no_seed_draws_are_refused(tmp_path: Path, config_json: str) -> None:
    saved(METHODS["shira"](), tmp_path)
    changed(tmp_path, random_seed=12)
    with pytest.raises(QCompileError, match=r"QA5009.*at other places than those"):
        adapter_from_peft(tmp_path, model=config_json)


def test_norms_and_maps_are_told_apart(tmp_path: Path, config_json: str) -> None:
    saved(METHODS["fourierft"](), tmp_path)
    path = tmp_path / "adapter_model.safetensors"
    moved = {
        k.replace("self_attn.q_proj", "input_layernorm"): v for k, v in load_file(path).items()
    }
    save_file(moved, path)
    with pytest.raises(QCompileError, match=r"QA5009.*is of no linear map of the model"):
        adapter_from_peft(tmp_path, model=config_json)


@pytest.mark.parametrize("norm", [torch.nn.LayerNorm(6), torch.nn.RMSNorm(6, eps=0.1)])
def test_the_form_of_a_norm_is_found_by_trying_it(norm: torch.nn.Module) -> None:
    form = norm_form(norm.to("meta"))
    assert form is not None and form.offset == 0
    assert form.centred == isinstance(norm, torch.nn.LayerNorm)
    assert norm_form(torch.nn.GroupNorm(2, 6)) is None
    gemma = GemmaRMSNorm(6)
    assert norm_form(gemma) == NormForm(centred=False, eps=1e-6, offset=1.0)


def test_the_base_model_stays_stated(tmp_path: Path) -> None:
    saved(METHODS["lora"](), tmp_path / "first")
    changed(tmp_path / "first", base_model_name_or_path="a/base", task_type="CAUSAL_LM")
    names = ("first", "a.pt", "b/", "c.safetensors")
    first, *rest = (f"{tmp_path}/{name}" for name in names)
    for output in rest:
        assert main(["convert", first, output]) == 0
        first = output
    for to, name in (("peft", "d"), ("lora", "e")):
        assert main(["convert", first, f"{tmp_path}/{name}", "--to", to]) == 0
    for folder in ("b", "d", "e"):
        found = stated(str(tmp_path / folder))
        assert found["base_model_name_or_path"] == "a/base"
        assert found["task_type"] == "CAUSAL_LM"


def test_modules_of_several_methods_are_refused(tmp_path: Path) -> None:
    saved(METHODS["lora"](), tmp_path)
    text = adapter_from_peft(tmp_path).manifest.sources[0].text
    text += """
adapter other() {
    attach "model.layers.*.self_attn.k_proj"
    turned = reflections(x, count: 2)
    replace base(turned)
}
"""
    adapter = qcompile.compile(text, model=llama())
    with pytest.raises(QCompileError, match=r"QA6231.*some modules have LoRA.*`model\.layers"):
        write_peft_method(adapter, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_the_spec_may_be_written_otherwise(tmp_path: Path) -> None:
    """The same map by other words is the same method."""
    text = """qa 1
adapter mine() {
    attach "model.layers.*.self_attn.q_proj"
    up = table(out_features, 3)
    down = table(3, in_features)
    update 3 * linear(0.5 * linear(x, to: 3, weight: down), to: out_features, weight: up)
}
"""
    model = llama()
    adapter = qcompile.compile(text, model=model)
    assert write_peft_method(adapter, tmp_path).startswith("LoRA")
    expected = computed(qcompile.attach(model, adapter))[0]
    theirs = peft.PeftModel.from_pretrained(llama(), str(tmp_path))
    torch.testing.assert_close(computed(theirs)[0], expected, atol=2e-5, rtol=2e-5)
