"""A tiny Llama that knows code and no prose: its texts, its tokens, its pretraining.

`finetune.py` and the comparison in `evidence/` start from it. No download: it is trained on the
sources of Python's standard library, and the prose are the help texts of `pydoc_data.topics`.
"""

from __future__ import annotations

import json
import math
import sysconfig
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import torch
from tqdm import tqdm
from transformers import LlamaConfig, LlamaForCausalLM

CONFIG = Path(__file__).resolve().parent / "models" / "tiny-llama" / "config.json"


@dataclass(frozen=True)
class Settings:
    """Sizes of the run."""

    pretrain_steps: int = 800
    steps: int = 300
    batch: int = 8
    context: int = 128
    pretrain_rate: float = 2e-3
    evaluations: int = 10
    """Times that the held-out loss is taken during fine-tuning."""
    evaluation_batches: int = 8
    corpus_bytes: int = 4_000_000
    seed: int = 0


QUICK = Settings(
    pretrain_steps=25,
    steps=20,
    batch=4,
    context=32,
    evaluations=2,
    evaluation_batches=4,
    corpus_bytes=200_000,
)


@dataclass(frozen=True)
class Texts:
    """One token stream cut in three: to train on, to choose with, to judge by."""

    learn: torch.Tensor
    validation: torch.Tensor
    held_out: torch.Tensor

    @classmethod
    def cut(cls, stream: torch.Tensor) -> Texts:
        """Eight, one and one tenths."""
        first, second = len(stream) * 8 // 10, len(stream) * 9 // 10
        return cls(stream[:first], stream[first:second], stream[second:])


@dataclass
class Curve:
    """What a training run went through."""

    losses: list[float] = field(default_factory=list)
    """Of every step, on its own batch."""
    held_out: list[tuple[int, float]] = field(default_factory=list)
    """(steps done, loss on the held-out text)"""
    seconds: float = 0.0
    """Of the steps alone."""


def standard_library(limit: int) -> str:
    """Python sources of the running interpreter, about `limit` characters."""
    texts: list[str] = []
    total = 0
    for path in sorted(Path(sysconfig.get_path("stdlib")).rglob("*.py")):
        if total >= limit:
            break
        if {"site-packages", "test", "tests", "pydoc_data"} & set(path.parts):
            continue
        text = path.read_text(encoding="utf-8", errors="ignore")
        texts.append(text)
        total += len(text)
    return "\n".join(texts)


def prose() -> str:
    """The help texts of pydoc: English about Python."""
    from pydoc_data.topics import topics

    return "\n\n".join(topics[name] for name in sorted(topics))


class Tokens:
    """A byte-level BPE tokenizer and the token streams of the two corpora."""

    def __init__(self, settings: Settings, vocabulary: int) -> None:
        from tokenizers import ByteLevelBPETokenizer

        code, text = standard_library(settings.corpus_bytes), prose()
        self.tokenizer = ByteLevelBPETokenizer()
        self.tokenizer.train_from_iterator(
            _chunks(code), vocab_size=vocabulary, show_progress=False
        )
        self.code = Texts.cut(self._encode(code))
        self.prose = Texts.cut(self._encode(text))

    def _encode(self, text: str) -> torch.Tensor:
        pieces = self.tokenizer.encode_batch(list(_chunks(text)))
        return torch.tensor([token for piece in pieces for token in piece.ids])


def _chunks(text: str) -> Iterator[str]:
    for start in range(0, len(text), 4096):
        yield text[start : start + 4096]


def batches(stream: torch.Tensor, settings: Settings, seed: int) -> Iterator[torch.Tensor]:
    """Endless random windows, (batch, context); the same sequence for the same seed."""
    generator = torch.Generator().manual_seed(seed)
    while True:
        starts = torch.randint(
            len(stream) - settings.context, (settings.batch,), generator=generator
        )
        yield torch.stack([stream[start : start + settings.context] for start in starts.tolist()])


@torch.no_grad()
def evaluate(model: LlamaForCausalLM, stream: torch.Tensor, settings: Settings) -> float:
    """Mean loss on windows that are the same for every call."""
    model.eval()
    windows = batches(stream, settings, seed=1234)
    losses: list[float] = [
        model(input_ids=ids, labels=ids).loss.item()
        for ids, _ in zip(windows, range(settings.evaluation_batches), strict=False)
    ]
    return sum(losses) / len(losses)


def train(
    model: LlamaForCausalLM,
    stream: torch.Tensor,
    settings: Settings,
    *,
    steps: int,
    rate: float,
    title: str,
    judge: Callable[[], float] | None = None,
) -> Curve:
    """Train whatever requires gradients: AdamW, warm-up, cosine decay."""
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimiser = torch.optim.AdamW(parameters, lr=rate, weight_decay=0.0)
    warmup = max(1, steps // 20)
    interval = max(1, steps // settings.evaluations)

    def factor(step: int) -> float:
        decay = 0.5 * (1 + math.cos(math.pi * step / steps))
        return min(1.0, (step + 1) / warmup) * decay

    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, factor)
    curve = Curve()
    stream_of_batches = batches(stream, settings, settings.seed)
    bar = tqdm(range(steps), desc=f"{title:>17}", unit="step", mininterval=0.5)
    for step in bar:
        if judge is not None and step % interval == 0:
            curve.held_out.append((step, judge()))
        model.train()
        start = time.perf_counter()
        ids = next(stream_of_batches)
        loss = model(input_ids=ids, labels=ids).loss
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
        schedule.step()
        curve.seconds += time.perf_counter() - start
        curve.losses.append(loss.item())
        bar.set_postfix(loss=f"{loss.item():.3f}", refresh=False)
    if judge is not None:
        curve.held_out.append((steps, judge()))
    return curve


def base_model(tokens: Tokens, settings: Settings, folder: Path) -> LlamaForCausalLM:
    """The pretrained base; kept in `folder` for the next run with the same settings."""
    from safetensors.torch import load_file, save_file

    torch.manual_seed(settings.seed)
    # None of this is for fine-tuning: it makes a base model that knows code and no prose.
    model = LlamaForCausalLM(LlamaConfig(**json.loads(CONFIG.read_text())))
    key = f"{settings.pretrain_steps}-{settings.batch}x{settings.context}-{settings.corpus_bytes}"
    kept = folder / f"base-{key}-{settings.seed}.safetensors"
    if kept.exists():
        model.load_state_dict(load_file(kept))
        return model
    train(
        model,
        tokens.code.learn,
        settings,
        steps=settings.pretrain_steps,
        rate=settings.pretrain_rate,
        title="pretrain the base",
    )
    save_file(model.state_dict(), kept)
    return model
