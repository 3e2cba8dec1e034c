"""Classification of short texts: an encoder, mean pooling, a linear head."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from evidence.compilation import Places
from evidence.data.labelled import FOLDS, Labelled
from evidence.data.naive_bayes import NaiveBayes
from evidence.methods import Reference
from evidence.tasks.encoder import Encoder, Upper, keep_lower, kept_in
from evidence.tasks.task import Figures, Trial


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassificationSettings:
    """Sizes."""

    batch: int
    layers: int
    """Upper layers of the encoder that adapters sit in; those below are run only once."""
    longest: int
    """Tokens of a text."""
    judged: int | None
    """Validation texts, at most; None: all."""


class Classifier(nn.Module):
    """Upper layers and head, on the outputs of the lower layers."""

    def __init__(self, upper: Upper, head: nn.Linear) -> None:
        super().__init__()
        self.upper = upper
        self.head = head

    def forward(self, hidden: Tensor, mask: Tensor) -> Tensor:
        """Logits (batch, classes)."""
        logits: Tensor = self.head(self.upper(hidden, mask))
        return logits


class Classification:
    """A task on labelled texts; seed s tests on fold s mod 5."""

    score = "accuracy"
    higher_is_better = True
    references: tuple[Reference, ...] = (
        Reference.MAJORITY,
        Reference.BAYES,
        Reference.HEAD,
        Reference.FULL,
    )

    def __init__(
        self,
        name: str,
        data: Labelled,
        encoder: Encoder,
        settings: ClassificationSettings,
        device: torch.device,
        folder: Path | None = None,
    ) -> None:
        """`folder` keeps the outputs of the lower layers for other processes."""
        self.name = name
        self.data = data
        self.settings = settings
        self.device = device
        self.width = encoder.width
        texts = [example.text for example in data.examples]
        lower = encoder.layers - settings.layers
        if folder is None:
            self.kept = keep_lower(encoder, lower, texts, settings.longest, device)
        else:
            self.kept = kept_in(folder, encoder, lower, texts, settings.longest).to(device)
        self.labels = torch.tensor([e.label for e in data.examples], device=device)
        self.upper = Upper(encoder, settings.layers).to(device).requires_grad_(False)
        tokens = len(self.kept.states) * settings.batch // len(texts)
        names = [
            f"encoder.layer.{layer}.attention.self.{part}"
            for layer in range(settings.layers)
            for part in ("query", "value")
        ]
        self.places = Places.of(self.upper, names, tokens)
        self.facts = {
            "data sha256": data.digest,
            "examples": str(len(texts)),
            "classes": " ".join(data.classes),
            "encoder": encoder.name,
            "layers with adapters": f"{settings.layers} of {encoder.layers}",
            "tokens of a step": str(tokens),
        }

    def trial(self, seed: int) -> Trial:
        split = self.data.split(seed % FOLDS)
        generator = torch.Generator().manual_seed(seed)
        head = nn.Linear(self.width, len(self.data.classes))
        nn.init.normal_(head.weight, std=self.width**-0.5, generator=generator)
        nn.init.zeros_(head.bias)
        upper = copy.deepcopy(self.upper)
        model = Classifier(upper, head.to(self.device))

        def loss(batch: tuple[Tensor, ...]) -> Tensor:
            (indices,) = batch
            return functional.cross_entropy(model(*self.kept.batch(indices)), self.labels[indices])

        def judge() -> Figures:
            validation = split.validation[:: self.stride(len(split.validation))]
            return self._judge(model, validation, "validation_") | self._judge(
                model, split.test, ""
            )

        return Trial(
            model=upper,
            head=model.head,
            batches=self._batches(split.learn, generator),
            loss=loss,
            judge=judge,
            base=tuple(upper.parameters()),
        )

    def stride(self, count: int) -> int:
        """Every which validation text is taken, so that there are not too many."""
        most = self.settings.judged
        return 1 if most is None else -(-count // most)

    def baseline(self, reference: Reference, seed: int) -> Figures:
        split = self.data.split(seed % FOLDS)
        examples = self.data.examples
        learn = [examples[index] for index in split.learn]
        test = [examples[index] for index in split.test]
        if reference is Reference.MAJORITY:
            (label, _), *_ = Counter(example.label for example in learn).most_common(1)
            return {"score": sum(e.label == label for e in test) / len(test)}
        assert reference is Reference.BAYES
        texts, labels = [e.text for e in learn], [e.label for e in learn]
        bayes = NaiveBayes(texts, labels, len(self.data.classes))
        return {"score": bayes.accuracy([e.text for e in test], [e.label for e in test])}

    def _batches(
        self, indices: tuple[int, ...], generator: torch.Generator
    ) -> Iterator[tuple[Tensor, ...]]:
        """Whole passes over the examples in random order, the rest of each left out."""
        pool = torch.tensor(indices)
        batch = min(self.settings.batch, len(pool))
        while True:
            order = torch.randperm(len(pool), generator=generator)
            for start in range(0, len(pool) - batch + 1, batch):
                yield (pool[order[start : start + batch]].to(self.device),)

    @torch.no_grad()
    def _judge(self, model: Classifier, indices: tuple[int, ...], prefix: str) -> Figures:
        # Texts of like length together, so that little is computed on padding.
        lengths = (self.kept.starts[1:] - self.kept.starts[:-1]).cpu()
        chosen = torch.tensor(indices)
        chosen = chosen[lengths[chosen].argsort(stable=True)].to(self.device)
        loss, hits = 0.0, 0
        for start in range(0, len(chosen), 128):
            chunk = chosen[start : start + 128]
            logits = model(*self.kept.batch(chunk))
            labels = self.labels[chunk]
            loss += float(functional.cross_entropy(logits, labels, reduction="sum"))
            hits += int((logits.argmax(-1) == labels).sum())
        return {f"{prefix}loss": loss / len(chosen), f"{prefix}score": hits / len(chosen)}
