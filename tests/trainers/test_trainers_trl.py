"""TRL's SFTTrainer makes the adapter itself from `peft_config`."""

from __future__ import annotations

from math import log
from pathlib import Path
from typing import Any

import pytest
import torch
from datasets import Dataset
from peft import PeftModel
from trl import DPOConfig, DPOTrainer, GRPOConfig, GRPOTrainer, SFTConfig, SFTTrainer

from qcompile.adapter.trainer_callback import trainer_callback
from qcompile.diagnostics import AdapterError
from qcompile.peft import QCompileConfig, QCompileLayer, load
from tests.adapter.models import llama, logits, same
from tests.peft.specs import EXAMPLES, GATED
from tests.trainers.runs import WORDS, tokenizer

# peft and trl ask transformers under names that transformers 6 will drop.
pytestmark = [
    pytest.mark.filterwarnings("ignore:.*gradient_checkpointing.* is deprecated:FutureWarning"),
    pytest.mark.filterwarnings("ignore:.*pin_memory"),
    pytest.mark.filterwarnings("ignore:.*QA6059"),
]


def texts() -> Any:
    return Dataset.from_dict(
        {"text": [" ".join(WORDS[start : start + 6]) for start in range(8)] * 2}
    )


def sft(folder: Path, spec: str, callbacks: list[Any], **settings: Any) -> Any:
    arguments = SFTConfig(
        output_dir=str(folder),
        per_device_train_batch_size=2,
        learning_rate=0.05,
        max_length=16,
        report_to=[],
        use_cpu=True,
        bf16=False,
        disable_tqdm=True,
        seed=1,
        **settings,
    )
    return SFTTrainer(
        model=llama(),
        args=arguments,
        train_dataset=texts(),
        processing_class=tokenizer(),
        peft_config=QCompileConfig(spec=spec, parameters={"rank": 3}, task_type="CAUSAL_LM"),
        callbacks=callbacks,
    )


@pytest.mark.parametrize("name", ["lora", "qtha"])
def test_sft_trains_saves_and_resumes(name: str, tmp_path: Path) -> None:
    spec = str(EXAMPLES / f"{name}.qa")
    base = logits(llama())
    straight = sft(tmp_path / "run", spec, [], max_steps=4, save_steps=2)
    model = straight.model
    assert isinstance(model, PeftModel)
    trained = {n for n, p in model.named_parameters() if p.requires_grad}
    assert trained and all("qcompile_core.default" in n for n in trained)
    before = logits(model.eval())
    assert torch.equal(before, base)
    straight.train()
    after = logits(model.eval())
    assert not torch.equal(after, before)
    straight.save_model(str(tmp_path / "saved"))
    assert torch.equal(logits(load(llama(), tmp_path / "saved")), after)

    again = sft(tmp_path / "again", spec, [], max_steps=4, save_steps=2)
    again.train(resume_from_checkpoint=str(tmp_path / "run" / "checkpoint-2"))
    assert torch.equal(logits(again.model.eval()), after)


def test_train_clauses_act(tmp_path: Path) -> None:
    def gates(callbacks: list[Any]) -> tuple[Any, dict[str, torch.Tensor]]:
        trainer = sft(
            tmp_path,
            GATED,
            callbacks,
            max_steps=3,
            logging_steps=1,
            save_strategy="no",
            gradient_accumulation_steps=2,
        )
        trainer.train()
        layers = [m for m in trainer.model.modules() if isinstance(m, QCompileLayer)]
        assert len(layers) == 4
        named = trainer.model.named_parameters()
        return trainer, {n: p.detach().clone() for n, p in named if n.endswith(".g")}

    plain, without = gates([])
    # A threshold above every gate leaves nothing of them.
    harsh, none = gates([trainer_callback(lambda _: 1e3)])
    assert all(bool(gate.all()) for gate in without.values())
    assert not any(bool(gate.any()) for gate in none.values())
    assert same(none, {name: torch.zeros_like(gate) for name, gate in none.items()})
    assert "regulariser" in harsh.state.log_history[0]
    assert "regulariser" not in plain.state.log_history[0]


def grpo(folder: Path, spec: str, **settings: Any) -> Any:
    arguments = GRPOConfig(
        output_dir=str(folder),
        per_device_train_batch_size=2,
        num_generations=2,
        max_completion_length=4,
        max_steps=1,
        learning_rate=0.05,
        report_to=[],
        use_cpu=True,
        bf16=False,
        disable_tqdm=True,
        **settings,
    )
    return GRPOTrainer(
        model=llama(),
        args=arguments,
        reward_funcs=lambda completions, **_: [float(k) for k in range(len(completions))],
        train_dataset=Dataset.from_dict({"prompt": ["a b", "b c"]}),
        processing_class=tokenizer(),
        peft_config=QCompileConfig(
            spec=str(EXAMPLES / spec), parameters={"rank": 3}, task_type="CAUSAL_LM"
        ),
        callbacks=[trainer_callback()],
    )


def test_grpo_trains_without_merging(tmp_path: Path) -> None:
    trainer = grpo(tmp_path, "qtha.qa")
    trainer.train()
    assert trainer.state.global_step == 1


def test_grpo_with_vllm_is_refused_where_nothing_can_be_merged(tmp_path: Path) -> None:
    with pytest.raises(AdapterError, match="QA7304"):
        grpo(tmp_path, "qtha.qa", use_vllm=True)


def test_dpo_compares_with_the_base(tmp_path: Path) -> None:
    arguments = DPOConfig(
        output_dir=str(tmp_path),
        per_device_train_batch_size=2,
        max_steps=4,
        learning_rate=0.05,
        logging_steps=1,
        report_to=[],
        use_cpu=True,
        bf16=False,
        disable_tqdm=True,
    )
    pair = {"prompt": "the adapter", "chosen": " learns a circuit", "rejected": " so few"}
    trainer = DPOTrainer(
        model=llama(),
        args=arguments,
        train_dataset=Dataset.from_list([pair] * 8),
        processing_class=tokenizer(),
        peft_config=QCompileConfig(
            spec=str(EXAMPLES / "qtha.qa"), parameters={"rank": 3}, task_type="CAUSAL_LM"
        ),
        callbacks=[trainer_callback()],
    )
    trainer.train()
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    # At the start the adapter changes nothing, so that both models agree on every pair.
    assert losses[0] == pytest.approx(log(2), abs=1e-6)
    assert losses[-1] < losses[0] - 1e-4
