"""One step of SGD under a stage of ZeRO and in plain torch: the largest difference, as JSON."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import torch

import qcompile
from tests.adapter.models import TOKENS, llama

EXAMPLES = Path(__file__).parents[2] / "examples"


def stepped(name: str, stage: int) -> list[torch.Tensor]:
    model = llama()
    path = EXAMPLES / f"{name}.qa"
    adapter = qcompile.compile(path, model=model, parameters={"rank": 3})
    with torch.no_grad():
        for parameter in adapter.parameters():
            parameter.add_(0.05)
    qcompile.attach(model, adapter)
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimiser = torch.optim.SGD(trained, lr=0.5)
    if not stage:
        model(input_ids=TOKENS, labels=TOKENS).loss.backward()
        optimiser.step()
    else:
        import deepspeed

        zero = {"stage": stage, "stage3_param_persistence_threshold": 0}
        engine, *_ = deepspeed.initialize(
            model=model,
            optimizer=optimiser,
            config={
                "train_micro_batch_size_per_gpu": 2,
                "gradient_clipping": 0.0,
                "zero_allow_untested_optimizer": True,
                "zero_optimization": zero,
            },
        )
        engine.backward(engine(input_ids=TOKENS, labels=TOKENS).loss)
        engine.step()
    return [parameter.detach().clone() for parameter in adapter.gathered().parameters()]


def main() -> None:
    found: dict[str, Any] = {}
    for name in ("lora", "qtha"):
        plain = stepped(name, 0)
        for stage in (1, 2, 3):
            pairs = zip(plain, stepped(name, stage), strict=True)
            found[f"{name} {stage}"] = max(float((a - b).abs().max()) for a, b in pairs)
    Path(sys.argv[1]).write_text(json.dumps(found), "utf-8")


if __name__ == "__main__":
    os.environ.update(RANK="0", LOCAL_RANK="0", WORLD_SIZE="1", MASTER_ADDR="127.0.0.1")
    main()
