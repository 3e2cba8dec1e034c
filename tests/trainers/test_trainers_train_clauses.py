"""`train` clauses of adapters inside peft, under transformers' Trainer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel, get_peft_model
from torch import nn
from transformers import Trainer, TrainingArguments

from qcompile.adapter.trainer_callback import trainer_callback
from qcompile.adapter.training import after_step, with_regulariser
from qcompile.peft import QCompileConfig
from tests.adapter.models import TOKENS, llama, logits, outputs
from tests.peft.specs import GATED
from tests.trainers.runs import Tokens

# peft asks transformers under a name that transformers 6 will drop.
pytestmark = [
    pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated"),
    pytest.mark.filterwarnings("ignore:.*pin_memory"),
    pytest.mark.filterwarnings("ignore:.*QA6059"),
]


class Same(torch.utils.data.Dataset[dict[str, torch.Tensor]]):
    """Two texts, again and again."""

    def __len__(self) -> int:
        return 16

    def __getitem__(self, place: int) -> dict[str, torch.Tensor]:
        row = TOKENS[place % 2]
        return {"input_ids": row, "labels": row}


def gated() -> Any:
    return get_peft_model(llama(), QCompileConfig(spec=GATED, modules_to_save=["lm_head"]))


def sgd(model: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.5)


@pytest.mark.parametrize("accumulation", [1, 2])
def test_trainer_does_what_the_plain_loop_does(accumulation: int, tmp_path: Path) -> None:
    model, plain = gated(), gated().train()
    arguments = TrainingArguments(
        output_dir=str(tmp_path),
        max_steps=3,
        per_device_train_batch_size=2 // accumulation,
        gradient_accumulation_steps=accumulation,
        max_grad_norm=0.0,
        save_steps=3,
        logging_steps=1,
        report_to=[],
        use_cpu=True,
        disable_tqdm=True,
        train_sampling_strategy="sequential",
    )
    optimiser = sgd(model)
    constant = torch.optim.lr_scheduler.ConstantLR(optimiser, factor=1.0)
    trainer = Trainer(
        model=model,
        args=arguments,
        train_dataset=Same(),
        optimizers=(optimiser, constant),
        callbacks=[trainer_callback(lambda step: 1.0 + step)],
    )
    trainer.train()

    optimiser = sgd(plain)
    for step in range(3):
        optimiser.zero_grad()
        with_regulariser(outputs(plain).loss, plain).backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        after_step(plain, 1.0 + step)
    left, right = model.state_dict(), plain.state_dict()
    for name, value in left.items():
        torch.testing.assert_close(value, right[name], rtol=1e-5, atol=1e-6)
    assert trainer.state.log_history[0]["regulariser"] > 0
    again = PeftModel.from_pretrained(llama(), str(tmp_path / "checkpoint-3"))
    assert torch.equal(logits(again), logits(model.eval()))


class Worse(Trainer):  # type: ignore[misc, unused-ignore]
    """Every evaluation is worse than the one before."""

    count = 0.0

    def evaluate(self, *_: Any, **__: Any) -> dict[str, float]:
        self.count += 1.0
        found = {"eval_loss": self.count}
        self.log(dict(found))
        control: Any = vars(self)["control"]
        self.callback_handler.on_evaluate(self.args, self.state, control, found)
        return found


def test_trainer_ends_with_the_best_checkpoint(tmp_path: Path) -> None:
    model = gated()
    arguments = TrainingArguments(
        output_dir=str(tmp_path),
        max_steps=4,
        per_device_train_batch_size=4,
        learning_rate=0.05,
        save_steps=1,
        eval_strategy="steps",
        eval_steps=1,
        load_best_model_at_end=True,
        metric_for_best_model="loss",
        report_to=[],
        use_cpu=True,
        disable_tqdm=True,
        seed=1,
    )
    trainer = Worse(
        model=model,
        args=arguments,
        train_dataset=Tokens(),
        eval_dataset=Tokens(),
        callbacks=[trainer_callback()],
    )
    trainer.train()
    assert trainer.state.best_model_checkpoint == str(tmp_path / "checkpoint-1")
    first, last = (
        logits(PeftModel.from_pretrained(llama(), str(tmp_path / f"checkpoint-{step}")))
        for step in (1, 4)
    )
    assert not torch.equal(first, last)
    assert torch.equal(logits(model.eval()), first)
    generated = model.generate(input_ids=TOKENS, max_new_tokens=3, min_new_tokens=3)
    assert generated.shape == (2, TOKENS.shape[1] + 3)
