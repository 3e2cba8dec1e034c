"""Small random models, and what is done to them in every test."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import transformers
from torch import nn

TINY_LLAMA = Path(__file__).resolve().parents[2] / "examples" / "models" / "tiny-llama"

IDS = torch.tensor([[5, 9, 2, 44, 17, 8], [1, 2, 3, 60, 5, 6]])


def base(kind: str) -> Any:
    """The same model in every call."""
    if kind == "llama":
        auto: Any = transformers.AutoModelForCausalLM
        config = transformers.AutoConfig.from_pretrained(TINY_LLAMA)
    else:
        auto = transformers.AutoModelForMaskedLM
        config = transformers.RobertaConfig(
            vocab_size=64,
            hidden_size=32,
            intermediate_size=48,
            num_hidden_layers=2,
            num_attention_heads=4,
            max_position_embeddings=64,
            tie_word_embeddings=False,
        )
    torch.manual_seed(0)
    return auto.from_config(config).eval()


def loss(model: nn.Module) -> torch.Tensor:
    """The loss on a fixed batch; noise and dropout are those of a fixed seed."""
    torch.manual_seed(3)
    found: torch.Tensor = model(input_ids=IDS, labels=IDS).loss
    return found


def logits(model: nn.Module) -> torch.Tensor:
    """The outputs in evaluation for a fixed batch, with a fixed seed, without gradients."""
    model.eval()
    torch.manual_seed(3)
    with torch.no_grad():
        found: torch.Tensor = model(input_ids=IDS).logits
    return found


def trainable(model: nn.Module) -> dict[str, nn.Parameter]:
    """What is trained, by all its names: shared parameters have several."""
    named = model.named_parameters(remove_duplicate=False)
    return {name: p for name, p in named if p.requires_grad}


def train(model: nn.Module, steps: int = 3, rate: float = 0.02) -> None:
    """A few steps of AdamW on what requires gradients."""
    model.train()
    chosen = [p for p in model.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(chosen, lr=rate, weight_decay=0.0)
    for _ in range(steps):
        optimiser.zero_grad()
        loss(model).backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    model.eval()
