"""The example files at small sizes: every level agrees with the oracle, every process writes the
same bytes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from qcompile.adapter import CompiledAdapter
from qcompile.backends.simulator.module import AdapterModule
from qcompile.diagnostics.source import Source
from qcompile.driver.options import Options
from qcompile.driver.phases import Compilation
from qcompile.grammar.files import read_source
from qcompile.ir.plan import Plan
from qcompile.ir.program import Program
from tests.compiled import compilation
from tests.end_to_end.whole import base, close, inputs, oracle, shared_tensors

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
WITH_MODULE = {
    *("boft", "delora", "dora", "hira", "hra", "ia3", "oft", "olora", "pissa", "psoft"),
    *("corda", "eva", "hra_orthogonal", "loftq", "lora_ga", "quic", "tinylora"),
}
"""They compute with the frozen module or start from it; other tests hold them to oracles, most of
them to peft's code."""
NAMES = sorted({path.stem for path in EXAMPLES.glob("*.qa")} - WITH_MODULE)
SMALL = {
    "adalora": ("rank=3",),
    "bitfit": (),
    "houlsby": ("rank=2",),
    "ln_tuning": (),
    "parallel_adapter": ("rank=2",),
    "c3a": ("size=4",),
    "cayley": ("size=2",),
    "fourierft": ("coefficients=5",),
    "loha": ("rank=2",),
    "lokr": ("factor=4",),
    "lora_fa": ("rank=2",),
    "miss": ("rank=2",),
    "mixture_of_lora": ("rank=2",),
    "cp": ("components=3", "in_mode=2", "out_mode=2"),
    "daruan": ("rank=2", "layers=1"),
    "lily": ("rank=2",),
    "loca": ("coefficients=5",),
    "lorta": ("rank=2",),
    "metatt": ("rank=2",),
    "loretta": ("rank=2", "bond=2"),
    "paca": ("rank=2",),
    "tt_lora": ("bond=2",),
    "tensor_ring": ("bond=2", "in_mode=2", "out_mode=2"),
    "tenslora": ("rank=2",),
    "tucker": ("rank=2", "in_mode=2", "out_mode=2"),
    "waveft": ("rank=1",),
    "randlora": ("rank=3",),
    "road": ("size=4",),
    "rslora": ("rank=2",),
    "vblora": ("rank=2", "vectors=5", "size=4"),
    "shira": ("rank=2",),
    "vera": ("rank=3", "width=32"),
    "monarch": ("count=2",),
    "lora": ("rank=2",),
    "lora_embedding": ("rank=2",),
    "trainable_tokens": (),
    "quanta": ("sites=2",),
    "qtha": ("rank=3", "bus=16", "bond=2"),
    "qaa": ("layers=1", "norm=keep"),
    "mpo": ("bond=2", "sites=3"),
    "hybrid": ("rank=3",),
    "noisy_target": ("rank=2", "layers=1"),
    "noise_aware": ("rank=2", "layers=1"),
    "lotr": ("rank=2",),
    "sora": ("rank=3",),
    "prefix_mlp": ("tokens=3", "hidden=5"),
    "prefix_tuning": ("tokens=3",),
    "qpa": ("rank=2", "chunk=32", "depth=1"),
    "quantum_peft": ("rank=2",),
}
STARTS_ELSEWHERE = {"prefix_mlp", "prefix_tuning", "qpa", "vblora"}
"""Prefixes are no updates; zeros in the weights that QPA generates would never learn."""
CONFIGURATION = {
    "model_type": "llama",
    "architectures": ["LlamaForCausalLM"],
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "vocab_size": 32,
}
ENCODER = {
    **CONFIGURATION,
    "model_type": "roberta",
    "architectures": ["RobertaModel"],
    "num_hidden_layers": 2,
}
"""For the examples that attach to an encoder's modules."""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("model")
    (folder / "encoder.json").write_text(json.dumps(ENCODER))
    path = folder / "config.json"
    path.write_text(json.dumps(CONFIGURATION))
    return str(path)


def compiled(name: str, options: Options, extra: str = "") -> Compilation:
    source = read_source(str(EXAMPLES / f"{name}.qa"))
    if name == "lotr":
        assert options.model is not None
        options = replace(options, model=str(Path(options.model).with_name("encoder.json")))
    return compilation(Source(source.name, source.text + extra), options)


def value(part: AdapterModule, x: torch.Tensor) -> torch.Tensor:
    """The update, the replacement, or the table of a prefix."""
    if part.plan.mode == "prefix":
        return torch.cat(part.prefix(), 1)
    y = base(x, part.plan.out_features)
    result: torch.Tensor = part(x.argmax(-1) if part.plan.host == "embedding" else x, y)
    return result


def inputs_of(program: Program | Plan, seed: int) -> NDArray[np.float64]:
    """Of an embedding the vectors that stand for its first tokens."""
    x = inputs(program.in_features, seed)
    return np.eye(*x.shape) if program.host == "embedding" else x


def test_every_example_has_small_sizes() -> None:
    assert sorted(SMALL) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_levels_agree_with_the_oracle(name: str, model: str) -> None:
    target = "target exact { dtype: float64 }\n"
    if name in ("noisy_target", "noise_aware"):
        # Native couplings need a device; noise and shots are measured elsewhere.
        target = "target exact { device: grid(2, 3); dtype: float64 }\n"
    options = Options(definitions=SMALL[name], model=model, target="exact", tokens=8, verify=True)
    seen = []
    for level in range(4):
        way = compiled(name, replace(options, optimisation=level), "\n" + target)
        module = CompiledAdapter(way.manifest).eval()
        outputs = []
        for site, part in module.parts():
            program = way.lowered.programs[site.unit]
            values, x = shared_tensors(program, 5), inputs_of(program, 7)
            with torch.no_grad():
                for tensor in part.plan.tensors:
                    part.get_parameter(tensor.name).copy_(torch.from_numpy(values[tensor.name]))
                found = value(part, torch.from_numpy(x))
            close(found, oracle(program, x, values), f"{name} -O{level} {site.module}", 1e-9)
            outputs.append(found)
        seen.append(torch.cat([found.flatten() for found in outputs]))
    assert all(bool(values.abs().max() > 1e-6) for values in seen)


@pytest.mark.parametrize("name", sorted({*NAMES} - STARTS_ELSEWHERE))
@pytest.mark.parametrize("level", [0, 3])
def test_updates_start_at_exactly_zero(name: str, level: int, model: str) -> None:
    way = compiled(name, Options(definitions=SMALL[name], model=model, optimisation=level))
    module = CompiledAdapter(way.manifest)
    for _, part in module.parts():
        x = torch.from_numpy(inputs_of(part.plan, 3)).float()
        y = base(x, part.plan.out_features)
        result = value(part, x)
        assert torch.equal(result, y if part.plan.mode == "replace" else torch.zeros_like(y))
        # Weights of its own for each element: the sum sees few frequencies of fourierft alone.
        weights = torch.arange(1.0, 1.0 + result.numel()).reshape(result.shape)
        (weights * result).sum().backward()  # type: ignore[no-untyped-call]
        if name != "mpo":
            assert any(bool(p.grad is not None and p.grad.any()) for p in part.parameters())


def test_three_processes_write_the_same_bytes(model: str, tmp_path: Path) -> None:
    names = ("qtha", "noisy_target")
    written = set()
    for seed in ("0", "1", "4711"):
        commands = []
        for name in names:
            definitions = [word for text in SMALL[name] for word in ("-D", text)]
            path, output = str(EXAMPLES / f"{name}.qa"), str(tmp_path / f"{name}.{seed}.pt")
            commands.append(["-q", path, "-o", output, "--model", model, *definitions])
        script = f"from qcompile.cli import main\nassert not any(map(main, {commands!r}))"
        subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
            check=True,
        )
        written.add(tuple((tmp_path / f"{name}.{seed}.pt").read_bytes() for name in names))
    assert len(written) == 1
