"""Fine-tune with a compiled adapter in one process or in many. Plain torch, no download.

    qcompile examples/lora.qa -D rank=4 -o lora.pt
    python examples/train_distributed.py --adapter lora.pt
    torchrun --nproc-per-node=2 examples/train_distributed.py --adapter lora.pt
    torchrun --nproc-per-node=2 examples/train_distributed.py --adapter lora.pt --strategy fsdp

`ddp` keeps the model whole in every process; `fsdp` cuts up the frozen base, which is nearly all
of it, and keeps the adapter whole. Both average the adapter's gradients and nothing else. The
batches of a step are the same for any number of processes, and so, up to rounding, is the result.

The model is built from its configuration, with random weights where its folder holds none; the
text is Python's own documentation, byte by byte.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.fsdp import fully_shard
from torch.nn.parallel import DistributedDataParallel
from transformers import AutoConfig, AutoModelForCausalLM

import qcompile
from qcompile.adapter.training import after_step, with_regulariser

HERE = Path(__file__).resolve().parent


def start() -> torch.device:
    """Join the other processes, if torchrun started any; the device of this one."""
    device = torch.device("cpu")
    if torch.cuda.is_available():
        device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
        torch.cuda.set_device(device)
    if "RANK" in os.environ:
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    return device


def rank_and_world() -> tuple[int, int]:
    return (dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else (0, 1)


def base_model(folder: Path) -> nn.Module:
    """The same in every process: its weights are read, or drawn with one seed."""
    if any(folder.glob("*.safetensors")):
        return AutoModelForCausalLM.from_pretrained(folder)
    torch.manual_seed(0)
    return AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(folder))


def distribute(model: nn.Module, strategy: str) -> nn.Module:
    """What is called to run the model; `model` itself where there is one process."""
    if not dist.is_initialized():
        return model
    if strategy == "ddp":
        # Frozen parameters take no part in it.
        return DistributedDataParallel(model)
    adapters = {parameter for parameter in model.parameters() if parameter.requires_grad}
    for layer in model.model.layers:
        fully_shard(layer, ignored_params=adapters)
    fully_shard(model, ignored_params=adapters)
    return model


def average_gradients(parameters: list[nn.Parameter]) -> None:
    """For parameters that FSDP2 ignores: one message for all of them."""
    gradients = [p.grad for p in parameters if p.grad is not None]
    flat = torch.cat([gradient.flatten() for gradient in gradients])
    dist.all_reduce(flat)
    flat /= dist.get_world_size()
    for gradient, mean in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
        gradient.copy_(mean.view_as(gradient))


def text() -> torch.Tensor:
    from pydoc_data.topics import topics

    joined = "\n\n".join(topics[name] for name in sorted(topics))
    return torch.frombuffer(bytearray(joined.encode()), dtype=torch.uint8).long()


def batch(stream: torch.Tensor, step: int, arguments: argparse.Namespace) -> torch.Tensor:
    """This process's rows of a step's windows, which depend on the step alone."""
    generator = torch.Generator().manual_seed(step)
    high = len(stream) - arguments.context
    starts = torch.randint(high, (arguments.batch,), generator=generator)
    rank, world = rank_and_world()
    return torch.stack([stream[s : s + arguments.context] for s in starts.tolist()[rank::world]])


def seed(step: int) -> None:
    """Dropout and shots differ between processes, and a resumed run draws what a straight one did.

    With one seed for all, the noise of the processes would be the same and would not average out.
    """
    torch.manual_seed(1_000_003 * step + rank_and_world()[0])


def train(arguments: argparse.Namespace) -> None:
    device = start()
    rank, world = rank_and_world()
    if arguments.batch % world:
        raise SystemExit(f"--batch {arguments.batch} cannot be shared by {world} processes")
    run_state = arguments.output.with_suffix(".run")
    model = base_model(arguments.model).to(device).train()
    qcompile.attach(model, arguments.output if arguments.resume else arguments.adapter)
    (adapter,) = qcompile.attached(model)
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimiser = torch.optim.AdamW(parameters, lr=arguments.rate, weight_decay=0.0)
    first = 0
    if arguments.resume:
        kept = torch.load(run_state, map_location=device, weights_only=True)
        optimiser.load_state_dict(kept["optimiser"])
        first = kept["step"]
    call = distribute(model, arguments.strategy)
    stream = text()
    for step in range(first, arguments.steps):
        seed(step)
        ids = batch(stream, step, arguments).to(device)
        loss = with_regulariser(call(input_ids=ids, labels=ids).loss, model)
        optimiser.zero_grad()
        loss.backward()
        if call is model and world > 1:
            average_gradients(parameters)
        optimiser.step()
        after_step(model)
        shown = loss.detach()
        if world > 1:
            dist.all_reduce(shown)
        if rank == 0:
            print(f"step {step + 1} of {arguments.steps}: loss {shown.item() / world:.4f}")
    # The adapter and the optimiser's state are whole, and the same, in every process.
    if rank == 0:
        adapter.save(arguments.output)
        torch.save({"optimiser": optimiser.state_dict(), "step": arguments.steps}, run_state)
        print(f"wrote {arguments.output}")
    if world > 1:
        dist.barrier()
    if dist.is_initialized():
        dist.destroy_process_group()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--adapter", type=Path, default=Path("lora.pt"))
    parser.add_argument("--model", type=Path, default=HERE / "models" / "tiny-llama")
    parser.add_argument("--strategy", choices=("ddp", "fsdp"), default="ddp")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--batch", type=int, default=8, help="sequences of a step, all processes")
    parser.add_argument("--context", type=int, default=64, help="bytes of a sequence")
    parser.add_argument("--rate", type=float, default=5e-3)
    parser.add_argument("--output", type=Path, default=Path("trained.pt"))
    parser.add_argument("--resume", action="store_true", help="go on from --output")
    try:
        train(parser.parse_args())
    except qcompile.QCompileError as error:
        raise SystemExit(str(error)) from None


if __name__ == "__main__":
    main()
