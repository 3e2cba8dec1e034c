"""One process of a run under torchrun: gradients and tensors for its share of the batch.

It imports torch and the adapter alone, no transformers, no compiler: two interpreters that start
at once on a busy machine are slow enough. `tests` is the name of other distributions, too, so
nothing is imported from there.
"""

from __future__ import annotations

import faulthandler
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard
from torch.nn.parallel import DistributedDataParallel
from torch.utils.checkpoint import checkpoint

import qcompile
from qcompile.adapter.finite import check_finite
from qcompile.adapter.training import after_step, with_regulariser

WIDTH = 16
STACKS_AFTER = 200.0
"""Seconds after which a process prints what it is doing."""

Found = dict[str, dict[str, Tensor]]


class Attention(nn.Module):
    """The two projections that the examples attach to, and a sum."""

    def __init__(self, dtype: torch.dtype) -> None:
        super().__init__()
        self.q_proj = nn.Linear(WIDTH, WIDTH, dtype=dtype)
        self.v_proj = nn.Linear(WIDTH, WIDTH, dtype=dtype)

    def forward(self, x: Tensor) -> Tensor:
        mixed: Tensor = torch.softmax(self.q_proj(x) @ x.mT, dim=-1) @ self.v_proj(x)
        return mixed


class Layer(nn.Module):
    """A residual block."""

    def __init__(self, dtype: torch.dtype) -> None:
        super().__init__()
        self.self_attn = Attention(dtype)
        self.norm = nn.LayerNorm(WIDTH, dtype=dtype)

    def forward(self, x: Tensor) -> Tensor:
        output: Tensor = x + self.self_attn(self.norm(x))
        return output


class Gate(nn.Module):
    """A router that gives all experts their shares."""

    def __init__(self, dtype: torch.dtype) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(2, WIDTH, dtype=dtype) / WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        return torch.softmax(x @ self.weight.T, dim=-1)


class Experts(nn.Module):
    """Two matrices in one parameter."""

    def __init__(self, dtype: torch.dtype) -> None:
        super().__init__()
        self.down_proj = nn.Parameter(torch.randn(2, WIDTH, WIDTH, dtype=dtype) / WIDTH)

    def forward(self, x: Tensor, shares: Tensor) -> Tensor:
        return torch.einsum("btd,eod,bte->bto", x, self.down_proj, shares)


class Hosts(nn.Module):
    """One of each kind of module that is no linear map, and torch's attention."""

    def __init__(self, dtype: torch.dtype) -> None:
        super().__init__()
        self.embed = nn.Embedding(WIDTH, WIDTH, dtype=dtype)
        self.conv = nn.Conv1d(WIDTH, WIDTH, 3, padding=1, dtype=dtype)
        self.attn = nn.MultiheadAttention(WIDTH, 2, batch_first=True, dtype=dtype)
        self.gate = Gate(dtype)
        self.experts = Experts(dtype)
        self.norm = nn.LayerNorm(WIDTH, dtype=dtype)

    def forward(self, x: Tensor) -> Tensor:
        h = self.conv((x + self.embed(x.argmax(-1))).mT).mT
        h = h + self.attn(h, h, h, need_weights=False)[0]
        output: Tensor = x + self.norm(h + self.experts(h, self.gate(h)))
        return output


class Model(nn.Module):
    """Two layers; (…, WIDTH) → the mean square of the outputs, 0-dim."""

    def __init__(self, kind: type[nn.Module], dtype: torch.dtype, recompute: bool) -> None:
        super().__init__()
        self.layers = nn.ModuleList(kind(dtype) for _ in range(2))
        self.recompute = recompute

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            if self.recompute:
                x = checkpoint(layer, x, use_reentrant=False)
            else:
                x = layer(x)
        return x.square().mean()


def base(family: str = "", dtype: torch.dtype = torch.float64, recompute: bool = False) -> Model:
    """The same model in every process."""
    torch.manual_seed(3)
    return Model(Hosts if family == "hosts" else Layer, dtype, recompute)


def model_of(file: Path, dtype: torch.dtype = torch.float64, recompute: bool = False) -> Model:
    """The base with an adapter beside it; both in evaluation mode, where nothing is random."""
    return qcompile.attach(base(file.stem, dtype, recompute), file).to(dtype).eval()


def half_precision_base(folder: Path) -> Model:
    """A base in bf16 with an adapter in float32, which `attach` leaves so."""
    adapter = qcompile.load(folder / "hybrid.pt").float()
    return qcompile.attach(base(dtype=torch.bfloat16), adapter).eval()


def batch(dtype: torch.dtype = torch.float64) -> Tensor:
    """(8, 3, WIDTH)"""
    generator = torch.Generator().manual_seed(5)
    return torch.randn(8, 3, WIDTH, generator=generator, dtype=torch.float64).to(dtype)


def trained(model: nn.Module) -> Iterator[tuple[str, nn.Parameter]]:
    """The parameters of adapters by the names that they have without wrappers."""
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            yield name.removeprefix("module."), parameter


def full(tensor: Tensor | None) -> Tensor:
    """All of a tensor, whoever holds it; a copy."""
    assert tensor is not None
    whole: Tensor = tensor.full_tensor() if hasattr(tensor, "full_tensor") else tensor
    return whole.detach().clone()


def average_gradients(model: nn.Module) -> None:
    """What FSDP2 leaves to the caller for parameters that it ignores."""
    for _, parameter in trained(model):
        assert parameter.grad is not None
        dist.all_reduce(parameter.grad)
        parameter.grad /= dist.get_world_size()


def gradients(model: nn.Module, x: Tensor, after: Callable[[nn.Module], None]) -> dict[str, Tensor]:
    model(x).backward()
    after(model)
    return {name: full(parameter.grad) for name, parameter in trained(model)}


def steps(model: nn.Module, x: Tensor, after: Callable[[nn.Module], None]) -> dict[str, Tensor]:
    """The tensors after three steps, with the penalties and proximal steps of `train` clauses."""
    optimiser = torch.optim.AdamW([p for _, p in trained(model)], lr=0.05, weight_decay=0.0)
    for _ in range(3):
        optimiser.zero_grad()
        with_regulariser(model(x), model).backward()  # type: ignore[no-untyped-call]
        after(model)
        optimiser.step()
        after_step(model)
    return {name: full(parameter) for name, parameter in trained(model)}


def nothing(model: nn.Module) -> None:
    """DDP and FSDP2 average what they know."""


def sharded(model: Model, one_group: bool, **options: Any) -> Model:
    """Everything cut up: each layer a group, or the model one."""
    if not one_group:
        for layer in model.layers:
            fully_shard(layer, **options)
    fully_shard(model, **options)
    return model


def base_sharded(model: Model, **options: Any) -> Model:
    """The frozen base cut up, the adapter whole in every process."""
    adapters = {parameter for _, parameter in trained(model)}
    for layer in model.layers:
        fully_shard(layer, ignored_params=adapters, **options)
    fully_shard(model, ignored_params=adapters, **options)
    return model


def wrapped(file: Path, way: str, **settings: Any) -> tuple[nn.Module, Callable[[nn.Module], None]]:
    """The model of a file made ready in one of three ways, and what follows `backward`."""
    model = model_of(file, **settings)
    match way:
        case "ddp":
            return DistributedDataParallel(model), nothing
        case "fsdp":
            return sharded(model, one_group=file.stem.startswith("lotr")), nothing
        case _:
            return base_sharded(model), average_gradients


WAYS = ("ddp", "fsdp", "fsdp base")


def families(folder: Path, x: Tensor) -> Iterator[tuple[str, dict[str, Tensor]]]:
    for file in sorted(folder.glob("*.pt")):
        for way in WAYS:
            model, after = wrapped(file, way)
            yield f"{file.stem}, {way}", gradients(model, x, after)
        model, after = wrapped(file, "ddp", recompute=True)
        yield f"{file.stem}, ddp, checkpointing", gradients(model, x, after)
    for way in WAYS:
        model, after = wrapped(folder / "sora.pt", way)
        yield f"sora, {way}, steps", steps(model, x, after)


def half_precision(folder: Path, x: Tensor) -> Iterator[tuple[str, dict[str, Tensor]]]:
    file = folder / "hybrid.pt"
    model: nn.Module = DistributedDataParallel(model_of(file, torch.float32))
    with torch.autocast("cpu", torch.bfloat16):
        loss = model(x.float())
    loss.backward()
    yield "ddp, autocast", {name: full(p.grad) for name, p in trained(model)}
    model = sharded(half_precision_base(folder), one_group=False)
    yield "fsdp, bf16 base", gradients(model, x.bfloat16(), nothing)
    policy = MixedPrecisionPolicy(param_dtype=torch.bfloat16, reduce_dtype=torch.float32)
    model = sharded(model_of(file, torch.float32), one_group=False, mp_policy=policy)
    yield "fsdp, mixed", gradients(model, x.float(), nothing)
    model = base_sharded(model_of(file, torch.float32), mp_policy=policy)
    yield "fsdp base, mixed", gradients(model, x.float(), average_gradients)


def saved(folder: Path, output: Path) -> dict[str, str]:
    """Files of a sharded adapter, and how what would lose tensors is refused."""
    from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict

    model = sharded(model_of(folder / "hybrid.pt"), one_group=False)
    (adapter,) = qcompile.attached(model)
    refused = {"save": refusal(lambda: adapter.save(output / "never.pt"))}
    refused["finite"] = refusal(lambda: check_finite(model))
    options = StateDictOptions(full_state_dict=True, ignore_frozen_params=True)
    state = get_model_state_dict(model, options=options)
    whole = adapter.gathered()
    if dist.get_rank() == 0:
        whole.save(output / "gathered.pt")
        torch.save(state, output / "full_state_dict.pt")
    model = sharded(model_of(folder / "lotr.pt"), one_group=False)
    refused["shared by two groups"] = refusal(lambda: model(batch()))
    return refused


def refusal(action: Callable[[], object]) -> str:
    try:
        action()
    except qcompile.QCompileError as error:
        return error.diagnostics[0].code
    except ValueError as error:
        return str(error)
    return "none"


def main(folder: Path, output: Path) -> None:
    faulthandler.dump_traceback_later(STACKS_AFTER, repeat=True)
    dist.init_process_group("gloo")
    rank = dist.get_rank()
    x = batch().chunk(dist.get_world_size())[rank]
    found: Found = dict(families(folder, x))
    found.update(half_precision(folder, x))
    refused = saved(folder, output)
    torch.save({"tensors": found, "refused": refused}, output / f"{rank}.pt")
    # Neither may leave while the other still reads from it.
    dist.barrier()
    dist.destroy_process_group()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
