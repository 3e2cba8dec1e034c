"""Task prose: a tiny Llama that knows code learns English, and forgets some of the code."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import log
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from evidence.compilation import Places
from evidence.methods import Reference
from evidence.tasks.task import Figures, Trial
from examples.tiny_llama import CONFIG, QUICK, Settings, Tokens, base_model, batches


@dataclass(frozen=True, slots=True, kw_only=True)
class ProseSettings:
    """Sizes."""

    batch: int
    context: int
    windows: int
    """Windows of a text that it is judged by, each as long as `context`."""
    quick: bool = False
    """A base that has hardly learnt anything: to see the machinery run."""


class Prose:
    """Bits per byte of held-out prose, lower is better, and of held-out code beside it."""

    name = "prose"
    score = "bits per byte of prose"
    higher_is_better = False
    references: tuple[Reference, ...] = (Reference.FROZEN, Reference.FULL)

    def __init__(self, settings: ProseSettings, folder: Path, device: torch.device) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        pretraining = QUICK if settings.quick else Settings()
        self.sizes = replace(pretraining, batch=settings.batch, context=settings.context)
        self.settings = settings
        self.device = device
        vocabulary = json.loads(CONFIG.read_text("utf-8"))["vocab_size"]
        self.tokens = Tokens(pretraining, vocabulary=vocabulary)
        model: Any = base_model(self.tokens, pretraining, folder)
        self.base: nn.Module = model.to(device).requires_grad_(False)
        self.bytes = byte_lengths(self.tokens.tokenizer).to(device)
        layers = int(model.config.num_hidden_layers)
        names = [
            f"model.layers.{layer}.self_attn.{part}_proj"
            for layer in range(layers)
            for part in ("q", "v")
        ]
        self.places = Places.of(self.base, names, settings.batch * settings.context)
        self.facts = {
            "model": f"Llama, {sum(p.numel() for p in self.base.parameters()):,} parameters,"
            f" pretrained for {pretraining.pretrain_steps} steps on the standard library",
            "layers with adapters": f"{layers} of {layers}",
            "tokens of a step": str(settings.batch * settings.context),
        }
        self.before = self._bits(self.base, self.tokens.code.held_out)

    def trial(self, seed: int) -> Trial:
        model = copy.deepcopy(self.base)

        def loss(batch: tuple[Tensor, ...]) -> Tensor:
            (ids,) = batch
            logits: Tensor = model(input_ids=ids).logits
            return functional.cross_entropy(logits[:, :-1].flatten(0, 1), ids[:, 1:].flatten())

        return Trial(
            model=model,
            batches=self._batches(seed),
            loss=loss,
            judge=lambda: self._judge(model),
            base=tuple(model.parameters()),
        )

    def baseline(self, reference: Reference, seed: int) -> Figures:
        assert reference is Reference.FROZEN
        return self._judge(self.base)

    def _batches(self, seed: int) -> Iterator[tuple[Tensor, ...]]:
        for ids in batches(self.tokens.prose.learn, self.sizes, seed):
            yield (ids.to(self.device),)

    def _judge(self, model: nn.Module) -> Figures:
        texts = self.tokens.prose
        prose = self._bits(model, texts.held_out)
        code = self._bits(model, self.tokens.code.held_out)
        return {
            "validation_loss": self._bits(model, texts.validation),
            "loss": prose,
            "score": prose,
            "code": code,
            "forgotten": code - self.before,
        }

    @torch.no_grad()
    def _bits(self, model: nn.Module, stream: Tensor) -> float:
        """Bits per byte on consecutive windows; the first token of each is given, not predicted."""
        context = self.settings.context
        count = min(self.settings.windows, len(stream) // context)
        windows = stream[: count * context].view(count, context).to(self.device)
        nats, size = 0.0, 0
        for start in range(0, count, 16):
            ids = windows[start : start + 16]
            logits = model(input_ids=ids).logits[:, :-1].flatten(0, 1)
            targets = ids[:, 1:].flatten()
            nats += float(functional.cross_entropy(logits, targets, reduction="sum"))
            size += int(self.bytes[targets].sum())
        return nats / log(2) / size


def byte_lengths(tokenizer: Any) -> Tensor:
    """Bytes of text behind each token of a byte-level BPE, whose alphabet has a sign per byte."""
    count = tokenizer.get_vocab_size()
    return torch.tensor([len(tokenizer.id_to_token(token)) for token in range(count)])
