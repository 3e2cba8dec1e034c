"""One process of a distributed run: gradients of its half of the batch, averaged by DDP."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import torch
import torch.distributed
from torch.nn.parallel import DistributedDataParallel


def our_tests() -> None:
    """Let `tests` be this project's folder: other distributions install a package of that name."""
    package = ModuleType("tests")
    package.__path__ = [str(Path(__file__).resolve().parents[1])]
    sys.modules["tests"] = package


def main(output: str) -> None:
    our_tests()
    from tests.trainers.runs import MODELS, Tokens

    torch.distributed.init_process_group("gloo")
    rank, world = torch.distributed.get_rank(), torch.distributed.get_world_size()
    data = Tokens().ids[:8]
    gradients = {}
    for kind, make in MODELS.items():
        # In evaluation mode: dropout would draw other masks for half a batch.
        model = DistributedDataParallel(make().eval())
        ids = data.chunk(world)[rank]
        model(input_ids=ids, labels=ids).loss.backward()
        gradients[kind] = {
            name: p.grad for name, p in model.module.named_parameters() if p.requires_grad
        }
    torch.save(gradients, f"{output}/{rank}.pt")
    # Neither may leave while the other still reads from it.
    torch.distributed.barrier()
    torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main(sys.argv[1])
