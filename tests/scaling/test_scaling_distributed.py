"""Two processes compute what one does: DDP and FSDP2, for each kind of adapter."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import qcompile
from tests.scaling.launch import TIMEOUT, torchrun
from tests.scaling.worker import (
    WAYS,
    base,
    batch,
    gradients,
    half_precision_base,
    model_of,
    nothing,
    steps,
)

ROOT = Path(__file__).resolve().parents[2]
WORKER = str(ROOT / "tests" / "scaling" / "worker.py")

FAMILIES: dict[str, dict[str, bool | int | float | str]] = {
    "lora": {"rank": 2},
    "qtha": {"rank": 2, "bus": 16, "bond": 2},
    "qaa": {},
    "mpo": {"bond": 2, "sites": 2},
    "hybrid": {"rank": 2},
    "sora": {"rank": 3},
    "lotr": {},
    "quantum_peft": {"rank": 2},
    "quanta": {},
    "cayley": {},
    "dora": {"rank": 2},
    "hra": {"rank": 2},
    "qpa": {"rank": 2, "chunk": 32, "depth": 1},
    "hosts": {"rank": 2},
}

HOSTS = """qa 1

adapter hosts(rank: int) {
    attach "*.embed", "*.conv", "*.norm", "*.attn.{q,k,v,out}_proj"
    attach "*.gate.weight", "*.experts.down_proj.*"
    h = linear(x, to: rank)
    update linear(h, to: out_features)
}
"""

pytestmark = pytest.mark.timeout(TIMEOUT)


def adapter_of(name: str) -> qcompile.CompiledAdapter:
    """An example for the model of the workers, with random tensors, so that none is idle."""
    file = ROOT / "examples" / f"{name}.qa"
    text = HOSTS if name == "hosts" else file.read_text("utf-8")
    # What examples attach to is named differently from model to model.
    text = text.replace("*.attention.self.{query,value}", "*.self_attn.{q,v}_proj")
    text = text.replace("*.self_attn.{q,k,v,o}_proj", "*.self_attn.{q,v}_proj")
    text = text.replace(', "*.mlp.down_proj"', "")
    text = "".join(line for line in text.splitlines(True) if ".mlp." not in line)
    adapter = qcompile.compile(text, model=base(name), parameters=FAMILIES[name]).double()
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for parameter in adapter.parameters():
            noise = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
            # Small enough that no signal grows from layer to layer.
            parameter.copy_(min(0.3, parameter.shape[-1] ** -0.5) * noise)
    return adapter


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The adapters' files; in `out`, what the two processes found."""
    place = tmp_path_factory.mktemp("distributed")
    for name in FAMILIES:
        adapter_of(name).save(place / f"{name}.pt")
    (place / "out").mkdir()
    torchrun(WORKER, str(place), str(place / "out"))
    return place


@pytest.fixture(scope="module")
def found(folder: Path) -> list[dict[str, dict[str, Tensor]]]:
    """What each process found: case → parameter → gradient or value."""
    return [load(folder, rank)["tensors"] for rank in (0, 1)]


def load(folder: Path, rank: int) -> Any:
    return torch.load(folder / "out" / f"{rank}.pt", weights_only=True)


def compare(
    found: list[dict[str, dict[str, Tensor]]],
    case: str,
    wanted: dict[str, Tensor],
    rtol: float,
    atol: float,
) -> None:
    for tensors in found:
        # FSDP2 and checkpoints name parameters as the plain model does.
        assert tensors[case].keys() == wanted.keys()
        for name, value in wanted.items():
            torch.testing.assert_close(
                tensors[case][name], value, rtol=rtol, atol=atol, msg=f"{case}: {name}"
            )


@pytest.mark.parametrize("family", FAMILIES)
def test_gradients_of_two_processes_are_those_of_one(
    family: str, folder: Path, found: list[dict[str, dict[str, Tensor]]]
) -> None:
    wanted = gradients(model_of(folder / f"{family}.pt"), batch(), nothing)
    assert all(bool(gradient.any()) for gradient in wanted.values())
    for way in (*WAYS, "ddp, checkpointing"):
        compare(found, f"{family}, {way}", wanted, rtol=1e-11, atol=1e-14)


@pytest.mark.parametrize("way", WAYS)
def test_train_clauses_act_as_in_one_process(
    way: str, folder: Path, found: list[dict[str, dict[str, Tensor]]]
) -> None:
    wanted = steps(model_of(folder / "sora.pt"), batch(), nothing)
    compare(found, f"sora, {way}, steps", wanted, rtol=1e-9, atol=1e-12)


HALF = ("ddp, autocast", "fsdp, mixed", "fsdp base, mixed")


@pytest.mark.parametrize("case", HALF)
def test_half_precision_of_two_processes_is_near_full_precision(
    case: str, folder: Path, found: list[dict[str, dict[str, Tensor]]]
) -> None:
    wanted = gradients(model_of(folder / "hybrid.pt", torch.float32), batch(torch.float32), nothing)
    full = torch.cat([wanted[name].flatten() for name in sorted(wanted)])
    left, right = (tensors[case] for tensors in found)
    half = torch.cat([left[name].flatten() for name in sorted(wanted)])
    assert 0 < (half - full).norm() < 0.05 * full.norm()
    assert all(torch.equal(left[name], right[name]) for name in wanted)


def test_a_half_precision_base_with_a_full_precision_adapter_is_sharded(
    folder: Path, found: list[dict[str, dict[str, Tensor]]]
) -> None:
    wanted = gradients(half_precision_base(folder), batch(torch.bfloat16), nothing)
    assert {value.dtype for value in wanted.values()} == {torch.float32}
    compare(found, "fsdp, bf16 base", wanted, rtol=1e-3, atol=1e-6)


def test_a_sharded_adapter_is_gathered_and_saved_exactly(folder: Path) -> None:
    before, after = (qcompile.load(f) for f in (folder / "hybrid.pt", folder / "out/gathered.pt"))
    assert (folder / "hybrid.pt").read_bytes() == (folder / "out/gathered.pt").read_bytes()
    full = torch.load(folder / "out" / "full_state_dict.pt", weights_only=True)
    model = qcompile.attach(base(), after)
    named = {name: p for name, p in model.named_parameters() if p.requires_grad}
    assert full.keys() == named.keys()
    assert all(torch.equal(full[name], parameter) for name, parameter in named.items())
    assert before.state_dict().keys() == after.state_dict().keys()


def test_what_would_lose_tensors_is_refused(folder: Path) -> None:
    for rank in (0, 1):
        refused = load(folder, rank)["refused"]
        assert refused["save"] == "QA6121"
        assert refused["finite"] == "none"
        # torch's own refusal: no silent second copy of a shared tensor.
        assert "shared" in refused["shared by two groups"]
    assert not (folder / "out" / "never.pt").exists()
