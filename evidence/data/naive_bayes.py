"""Multinomial naive Bayes on words, the baseline that no neural network stands behind."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence

_WORD = re.compile(r"[a-z]+|\d+|[^\w\s]")


def words(text: str) -> list[str]:
    """Lower-case runs of letters, runs of digits, single signs."""
    return _WORD.findall(text.lower())


class NaiveBayes:
    """Word counts for each class, smoothed by `smoothing` (Laplace: 1); new words say nothing."""

    def __init__(
        self, texts: Sequence[str], labels: Sequence[int], classes: int, smoothing: float = 0.3
    ) -> None:
        self.counts: list[Counter[str]] = [Counter() for _ in range(classes)]
        seen = Counter(labels)
        for text, label in zip(texts, labels, strict=True):
            self.counts[label].update(words(text))
        self.smoothing = smoothing
        self.vocabulary = set().union(*self.counts)
        self.totals = [
            sum(counts.values()) + smoothing * len(self.vocabulary) for counts in self.counts
        ]
        self.priors = [(seen[label] + 1) / (len(labels) + classes) for label in range(classes)]

    def predict(self, text: str) -> int:
        """The most probable class; the first of several equal ones."""
        found = [word for word in words(text) if word in self.vocabulary]
        scores = [
            math.log(prior)
            + sum(math.log((counts[word] + self.smoothing) / total) for word in found)
            for counts, total, prior in zip(self.counts, self.totals, self.priors, strict=True)
        ]
        return scores.index(max(scores))

    def accuracy(self, texts: Sequence[str], labels: Sequence[int]) -> float:
        """Share of texts that are given their label."""
        hits = sum(self.predict(t) == label for t, label in zip(texts, labels, strict=True))
        return hits / len(texts)
