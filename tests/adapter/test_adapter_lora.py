"""Linear adapters as plain LoRA: the smallest rank for an error, and what other programs read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from peft import PeftModel, get_peft_model
from safetensors.torch import load_file
from torch import Tensor

import qcompile
from qcompile.adapter.compiled import CompiledAdapter
from qcompile.adapter.lora import lora_of
from qcompile.adapter.low_rank import remaining, singular_values
from qcompile.cli import main
from qcompile.peft import QCompileConfig, to_lora
from tests.adapter.models import llama, logits
from tests.peft.specs import MPO

# peft asks transformers under a name that transformers 6 will drop.
pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated")

ROOT = Path(__file__).resolve().parents[2]


def random(path: str, **parameters: int) -> CompiledAdapter:
    adapter = qcompile.compile(ROOT / "examples" / path, parameters=parameters)
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for parameter in adapter.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator))
    return adapter


@pytest.fixture(scope="module")
def mpo() -> CompiledAdapter:
    return random("mpo.qa", bond=2)


def updates(adapter: CompiledAdapter) -> dict[str, np.ndarray]:
    return {site.module: part.merge_weight().numpy() for site, part in adapter.parts()}


def test_an_adapter_of_rank_three_gives_rank_three() -> None:
    lora = lora_of(random("lora.qa", rank=3), error=1e-3)
    assert {a.shape[0] for a, _ in lora.factors.values()} == {3}
    assert lora.error < 1e-6


@pytest.mark.parametrize("error", [0.5, 0.1, 1e-3])
def test_each_module_takes_the_smallest_rank_that_meets_the_error(
    error: float, mpo: CompiledAdapter
) -> None:
    lora = lora_of(mpo, error=error)
    for module, delta in updates(mpo).items():
        a, b = (factor.double().numpy() for factor in lora.factors[module])
        values = np.linalg.svd(delta, compute_uv=False)
        rank = len(a)
        assert np.linalg.norm(values[rank:]) <= error * np.linalg.norm(values)
        assert np.linalg.norm(values[rank - 1 :]) > error * np.linalg.norm(values)
        measured = np.linalg.norm(delta - b @ a) / np.linalg.norm(delta)
        assert lora.errors[module] == pytest.approx(measured, rel=1e-9)
        assert lora.kept[module] == pytest.approx(1 - measured**2, abs=1e-9)
    assert lora.error == max(lora.errors.values()) <= error * (1 + 1e-6)


def test_the_error_of_outputs_is_that_over_the_samples(mpo: CompiledAdapter) -> None:
    generator = torch.Generator().manual_seed(1)
    shown = "model.layers.0.self_attn.q_proj"
    x = torch.randn(2, 3, 128, generator=generator)
    lora = lora_of(mpo, 4, samples={shown: x})
    delta = updates(mpo)[shown]
    a, b = (factor.double().numpy() for factor in lora.factors[shown])
    rows = x.reshape(-1, 128).double().numpy()
    expected = np.linalg.norm(rows @ (delta - b @ a).T) / np.linalg.norm(rows @ delta.T)
    assert lora.output_errors == {shown: pytest.approx(expected, rel=1e-9)}


def test_all_that_is_wrong_with_samples_is_said_at_once(mpo: CompiledAdapter) -> None:
    samples = {"q_proj": torch.ones(3, 128), "model.layers.0.self_attn.q_proj": torch.ones(3, 7)}
    with pytest.raises(qcompile.QCompileError) as caught:
        lora_of(mpo, 2, samples=samples)
    assert [diagnostic.code for diagnostic in caught.value.diagnostics] == ["QA6222"] * 2


@pytest.mark.parametrize("error", [0.0, 1.0, 1e-9, -0.1, True, 1, "1e-3", float("nan")])
def test_errors_that_cannot_be_are_refused(error: float, mpo: CompiledAdapter) -> None:
    with pytest.raises(qcompile.QCompileError, match="QA6221"):
        lora_of(mpo, error=error)


def test_a_rank_and_an_error_are_too_much(mpo: CompiledAdapter) -> None:
    with pytest.raises(qcompile.QCompileError, match="QA6013"):
        lora_of(mpo, 2, error=0.1)


@pytest.mark.parametrize("rank", [1, 40, 100, 520])
def test_singular_values_of_large_matrices_are_those_of_the_whole(rank: int) -> None:
    generator = torch.Generator().manual_seed(rank)
    left, right = (torch.randn(size, rank, generator=generator) for size in (530, 600))
    delta = left.double() @ right.double().T
    u, s, vh = singular_values(delta)
    expected = torch.linalg.svdvals(delta)
    torch.testing.assert_close(s, expected[: len(s)], rtol=1e-9, atol=1e-9 * float(expected[0]))
    torch.testing.assert_close((u * s) @ vh, delta, rtol=1e-9, atol=1e-9)
    tails = [float(expected[k + 1 :].norm() / expected.norm()) for k in range(len(s))]
    torch.testing.assert_close(remaining(s), torch.tensor(tails).double(), rtol=1e-6, atol=1e-9)


def of_peft(config: dict[str, object], module: str, a: Tensor, b: Tensor) -> Tensor:
    """peft: alpha_pattern and rank_pattern before lora_alpha and r."""
    assert not config.get("rank_pattern") and not config.get("alpha_pattern")
    return of_vllm(config, module, a, b)


def of_vllm(config: dict[str, object], module: str, a: Tensor, b: Tensor) -> Tensor:
    """vLLM's PEFTHelper: one scaling, and r bounds the rank of every tensor."""
    rank, alpha = config["r"], config["lora_alpha"]
    assert isinstance(rank, int) and isinstance(alpha, int) and a.shape[0] <= rank
    assert not config.get("modules_to_save") and not config.get("use_dora")
    assert config["bias"] == "none" and module in str(config["target_modules"])
    return b @ a * (alpha / rank)


def of_llama_cpp(config: dict[str, object], module: str, a: Tensor, b: Tensor) -> Tensor:
    """llama.cpp: alpha of all by the rank of the module's own tensors (llama-adapter.h)."""
    alpha = config["lora_alpha"]
    assert isinstance(alpha, int) and "base_model_name_or_path" in config
    return b @ a * (alpha / b.shape[1])


def test_every_reader_sees_the_same_update(tmp_path: Path, mpo: CompiledAdapter) -> None:
    lora = lora_of(mpo, error=0.5)
    assert len({a.shape[0] for a, _ in lora.factors.values()}) > 1
    lora.save(tmp_path)
    config = json.loads((tmp_path / "adapter_config.json").read_text())
    tensors = load_file(tmp_path / "adapter_model.safetensors")
    assert all(key.endswith((".lora_A.weight", ".lora_B.weight")) for key in tensors)
    for module, (a, b) in lora.factors.items():
        stored = [tensors[f"base_model.model.{module}.lora_{name}.weight"] for name in "AB"]
        for reader in (of_peft, of_vllm, of_llama_cpp):
            update = reader(config, module, stored[0], stored[1])
            torch.testing.assert_close(update, b @ a)


def test_the_base_model_is_kept_from_peft_to_the_folder(tmp_path: Path) -> None:
    name = f"{tmp_path}/base"
    base: Any = llama()
    base.config.save_pretrained(name)
    base.name_or_path = name
    model = get_peft_model(base, QCompileConfig(spec=MPO, task_type="CAUSAL_LM"))
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.copy_(0.2 * torch.randn(parameter.shape, generator=generator))
    model.save_pretrained(str(tmp_path / "ours"))
    folders = [tmp_path / name for name in ("direct", "converted", "named")]
    to_lora(model, error=1e-4).save(folders[0])
    common = ["convert", f"{tmp_path}/ours", "--to=lora", "--error=1e-4", "-q"]
    assert main([*common, f"{folders[1]}/"]) == 0
    assert main([*common, f"{folders[2]}/", "--base", "another"]) == 0
    for folder, stated in zip(folders, (name, name, "another"), strict=True):
        config = json.loads((folder / "adapter_config.json").read_text())
        assert (config["base_model_name_or_path"], config["task_type"]) == (stated, "CAUSAL_LM")
        plain = PeftModel.from_pretrained(llama(), str(folder)).eval()
        torch.testing.assert_close(logits(plain), logits(model.eval()), rtol=1e-3, atol=1e-3)


def test_the_command_prints_rank_and_errors_of_each_module(
    tmp_path: Path, mpo: CompiledAdapter, capsys: pytest.CaptureFixture[str]
) -> None:
    mpo.save(tmp_path / "a.pt")
    shown = "model.layers.0.self_attn.q_proj"
    samples = torch.randn(4, 128, generator=torch.Generator().manual_seed(1))
    torch.save({shown: samples}, tmp_path / "x.pt")
    call = ["convert", f"{tmp_path}/a.pt", f"{tmp_path}/lora/", "--to=lora", "--error=0.2"]
    call += ["--data", f"{tmp_path}/x.pt", "-q"]
    assert main([*call, "--format=json"]) == 0
    lora = lora_of(mpo, error=0.2, samples={shown: samples})
    modules = json.loads(capsys.readouterr().out)["modules"]
    assert [entry["module"] for entry in modules] == list(lora.factors)
    for entry in modules:
        assert entry["rank"] == lora.factors[entry["module"]][0].shape[0]
        assert entry["error"] == pytest.approx(lora.errors[entry["module"]])
    assert modules[0]["output_error"] == pytest.approx(lora.output_errors[shown])
    assert main(call) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["module", "rank", "error", "error", "of", "outputs"]
    assert lines[2].split()[:2] == [shown, str(modules[0]["rank"])]


def test_an_update_of_zero_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    qcompile.compile(ROOT / "examples" / "lora.qa").save(tmp_path / "a.pt")
    assert main(["convert", f"{tmp_path}/a.pt", f"{tmp_path}/lora/", "--to=lora"]) == 0
    assert "is zero in every module" in capsys.readouterr().err
