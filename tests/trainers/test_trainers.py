"""transformers' Trainer and a plain loop: a resumed run is the straight one, bit for bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from peft import get_peft_model
from torch import nn
from transformers import Trainer, TrainingArguments

import qcompile
from qcompile.peft import QCompileConfig
from tests.adapter.models import TOKENS, checkpoint_activations, llama, logits, outputs, same
from tests.trainers.runs import MODELS, Tokens, trained_state

# peft asks transformers under a name that transformers 6 will drop.
pytestmark = [
    pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated"),
    pytest.mark.filterwarnings("ignore:.*pin_memory"),
    pytest.mark.filterwarnings("ignore:.*QA6059"),
]


def trainer(model: nn.Module, folder: Path, **settings: Any) -> Trainer:
    arguments = TrainingArguments(
        output_dir=str(folder),
        per_device_train_batch_size=4,
        max_steps=4,
        learning_rate=0.05,
        save_steps=2,
        save_strategy="steps",
        report_to=[],
        use_cpu=True,
        disable_tqdm=True,
        seed=1,
        logging_strategy="no",
        **settings,
    )
    return Trainer(model=model, args=arguments, train_dataset=Tokens())


@pytest.mark.parametrize("kind", MODELS)
def test_trainer_resumes_bit_for_bit_and_generates(kind: str, tmp_path: Path) -> None:
    model = MODELS[kind]()
    before = logits(model)
    straight = trainer(model, tmp_path / "run")
    straight.train()
    state = trained_state(model)
    assert not torch.equal(logits(model.eval()), before)

    again = MODELS[kind]()
    resumed = trainer(again, tmp_path / "again")
    resumed.train(resume_from_checkpoint=str(tmp_path / "run" / "checkpoint-2"))
    assert resumed.state.global_step == 4
    assert same(trained_state(again), state)

    found: Any = model
    tokens = found.generate(input_ids=TOKENS, max_new_tokens=3, do_sample=False)
    assert tokens.shape == (2, TOKENS.shape[1] + 3)


def test_trainer_with_activation_checkpointing_gives_the_same(tmp_path: Path) -> None:
    states = []
    for checkpointing in (False, True):
        model = MODELS["peft"]()
        if checkpointing:
            checkpoint_activations(model.base_model.model)
            model.enable_input_require_grads()
        trainer(model, tmp_path / str(checkpointing)).train()
        states.append(trained_state(model))
    assert same(*states)


@pytest.mark.parametrize("kind", MODELS)
def test_a_plain_loop_resumes_bit_for_bit(kind: str, tmp_path: Path) -> None:
    def optimiser_of(model: nn.Module) -> torch.optim.Optimizer:
        return torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=0.05)

    def step(model: nn.Module, optimiser: torch.optim.Optimizer) -> None:
        optimiser.zero_grad()
        outputs(model).loss.backward()
        optimiser.step()

    model = MODELS[kind]().train()
    optimiser = optimiser_of(model)
    torch.manual_seed(4)
    for number in range(4):
        if number == 2:
            kept = {
                "model": trained_state(model),
                "optimiser": optimiser.state_dict(),
                "generator": torch.get_rng_state(),
            }
            torch.save(kept, tmp_path / "kept.pt")
        step(model, optimiser)

    again = MODELS[kind]().train()
    kept = torch.load(tmp_path / "kept.pt", weights_only=True)
    _, extra = again.load_state_dict(kept["model"], strict=False)
    assert not extra
    optimiser = optimiser_of(again)
    optimiser.load_state_dict(kept["optimiser"])
    torch.set_rng_state(kept["generator"])
    for _ in range(2):
        step(again, optimiser)
    assert same(trained_state(again), trained_state(model))


def test_an_attached_model_exports() -> None:
    """The whole model with its adapter as one graph, for any batch."""
    model = MODELS["attach"]()
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data.add_(0.1)

    class Logits(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, ids: torch.Tensor) -> torch.Tensor:
            found: torch.Tensor = self.model(input_ids=ids, use_cache=False).logits
            return found

    program = torch.export.export(Logits(), (TOKENS,))
    with torch.no_grad():
        torch.testing.assert_close(program.module()(TOKENS), logits(model), rtol=0, atol=1e-6)


def test_one_part_exports_for_any_number_of_tokens(tmp_path: Path) -> None:
    adapter = qcompile.attached(MODELS["attach"]())[0].eval()
    part = adapter[adapter.sites[0].module]
    with torch.no_grad():
        for parameter in part.parameters():
            parameter.add_(0.1)
    x = torch.randn(4, 32, generator=torch.Generator().manual_seed(0))
    dynamic = {"x": {0: torch.export.Dim("tokens", min=2, max=512)}}
    program = torch.export.export(part, (x,), dynamic_shapes=dynamic)
    torch.export.save(program, tmp_path / "part.pt2")
    module = torch.export.load(tmp_path / "part.pt2").module()
    y = torch.randn(9, 32, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        torch.testing.assert_close(module(y), part(y), rtol=0, atol=1e-6)


def test_a_new_base_with_the_trained_adapter_is_the_trained_model(tmp_path: Path) -> None:
    model = MODELS["attach"]()
    trainer(model, tmp_path).train()
    (adapter,) = qcompile.attached(model)
    adapter.save(tmp_path / "adapter.safetensors")
    again = qcompile.attach(llama(), tmp_path / "adapter.safetensors")
    assert torch.equal(logits(again), logits(model.eval()))


SHARED = """qa 1

adapter tied(rank: int = 3) {
    attach "*.self_attn.{q,v}_proj"
    a = linear(x, to: rank, share: "down")
    update linear(a, to: out_features, init: zero)
}
"""


def shared_model(kind: str) -> Any:
    if kind == "peft":
        return get_peft_model(llama(), QCompileConfig(spec=SHARED))
    model = llama()
    qcompile.attach(model, qcompile.compile(SHARED, model=model))
    return Wrapped(model) if kind == "wrapped" else model


class Wrapped(torch.nn.Module):
    """A model of one's own, which torch and not transformers writes."""

    def __init__(self, inner: torch.nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, input_ids: torch.Tensor, labels: torch.Tensor | None = None) -> Any:
        return self.inner(input_ids=input_ids, labels=labels)


@pytest.mark.parametrize("kind", ["attach", "peft", "wrapped"])
def test_checkpoints_of_shared_tensors_resume_bit_for_bit(kind: str, tmp_path: Path) -> None:
    model = shared_model(kind)
    straight = trainer(model, tmp_path / "run")
    straight.train()
    straight.save_model(str(tmp_path / "whole"))
    if kind != "wrapped":
        model.save_pretrained(str(tmp_path / "pretrained"))

    again = shared_model(kind)
    resumed = trainer(again, tmp_path / "again")
    resumed.train(resume_from_checkpoint=str(tmp_path / "run" / "checkpoint-2"))
    assert same(trained_state(again), trained_state(model))
    assert torch.equal(logits(again.eval()), logits(model.eval()))
