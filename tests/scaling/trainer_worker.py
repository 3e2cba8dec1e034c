"""One process of transformers' Trainer under torchrun."""

from __future__ import annotations

import faulthandler
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn
from transformers import Trainer, TrainingArguments

import qcompile
from qcompile.adapter.trainer_callback import trainer_callback

SPEC = """qa 1

adapter gated(rank: int = 3) {
    attach "*.self_attn.{q,v}_proj"
    g = vector(rank, init: normal)
    train {
        regularise 0.1 * mean_abs(g)
        proximal soft_threshold(g, 0.001)
    }
    update linear(g * linear(x, to: rank), to: out_features, init: normal(0.1))
}
"""


PREFIX = """qa 1

adapter stem() {
    attach "*.self_attn"
    keys = table(4, out_features, init: normal(0.02))
    values = table(4, out_features, init: normal(0.02))
    prefix keys, values
}
"""


def our_tests() -> None:
    """Let `tests` be this project's folder: other distributions install a package of that name."""
    package = ModuleType("tests")
    package.__path__ = [str(Path(__file__).resolve().parents[1])]
    sys.modules["tests"] = package


def models() -> dict[str, nn.Module]:
    """A small Llama with the adapter, attached and by peft, and with a prefix."""
    from peft import get_peft_model

    from qcompile.peft import QCompileConfig
    from tests.adapter.models import llama

    model = llama()
    attached = qcompile.attach(model, qcompile.compile(SPEC, model=model))
    by_peft: Any = get_peft_model(llama(), QCompileConfig(spec=SPEC))
    model = llama()
    prefixed = qcompile.attach(model, qcompile.compile(PREFIX, model=model))
    return {"attach": attached, "peft": by_peft, "prefix": prefixed}


def train(folder: Path, rows: int) -> dict[str, dict[str, Tensor]]:
    """The adapters' tensors after three steps of `rows` sequences in each process."""
    from tests.trainers.runs import Tokens, trained_state

    states = {}
    for kind, model in models().items():
        arguments = TrainingArguments(
            output_dir=str(folder),
            per_device_train_batch_size=rows,
            max_steps=3,
            learning_rate=0.5,
            optim="sgd",
            lr_scheduler_type="constant",
            max_grad_norm=0.0,
            save_strategy="no",
            logging_strategy="no",
            report_to=[],
            use_cpu=True,
            disable_tqdm=True,
            seed=1,
        )
        callbacks = [trainer_callback()]
        Trainer(model=model, args=arguments, train_dataset=Tokens(), callbacks=callbacks).train()
        states[kind] = trained_state(model)
    return states


def main(output: Path) -> None:
    faulthandler.dump_traceback_later(200.0, repeat=True)
    our_tests()
    states = train(output, rows=2)
    torch.save(states, output / f"{torch.distributed.get_rank()}.pt")
    torch.distributed.barrier()
    torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
