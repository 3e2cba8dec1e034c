"""Labelled texts, divided by their sources into folds that share no source."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

FOLDS = 5
PARTS = FOLDS + 1
"""The folds, and one part that only chooses learning rates."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One text."""

    text: str
    label: int
    source: str
    """What it was taken from; texts of one source always stay together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """Indices of examples."""

    learn: tuple[int, ...]
    validation: tuple[int, ...]
    """The same for every fold: it chooses learning rates and is in no fold's test."""
    test: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """A classification task's data."""

    classes: tuple[str, ...]
    examples: tuple[Example, ...]
    origin: tuple[str, ...] = ()
    """What it was made of, for the record: packages with their versions."""

    @property
    def digest(self) -> str:
        """sha256 of the examples."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()

    def to_json(self) -> str:
        """Canonical: the same examples give the same bytes."""
        record = {
            "classes": self.classes,
            "examples": [[e.text, e.label, e.source] for e in self.examples],
            "origin": self.origin,
        }
        return json.dumps(record, ensure_ascii=False, indent=0) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Labelled:
        """The inverse of `to_json`."""
        record = json.loads(text)
        return cls(
            classes=tuple(record["classes"]),
            examples=tuple(
                Example(text=text, label=label, source=source)
                for text, label, source in record["examples"]
            ),
            origin=tuple(record["origin"]),
        )

    def save(self, path: Path) -> None:
        """Write the JSON form."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self.to_json(), "utf-8")

    def split(self, fold: int) -> Split:
        """Test on one fold, learn from the four others."""
        if not 0 <= fold < FOLDS:
            raise ValueError(f"there is no fold {fold} of {FOLDS}")
        part = parts_of(self.examples)
        indices: dict[int, list[int]] = {number: [] for number in range(PARTS)}
        for index, example in enumerate(self.examples):
            indices[part[example.source]].append(index)
        learn = [i for number in range(FOLDS) if number != fold for i in indices[number]]
        return Split(
            learn=tuple(learn), validation=tuple(indices[FOLDS]), test=tuple(indices[fold])
        )


def parts_of(examples: tuple[Example, ...]) -> dict[str, int]:
    """A part for every source, so that each part has about its share of every class.

    The largest sources come first, each to the part where it adds least to the squares of the
    classes' shares; ties go to the part with the lowest number.
    """
    sizes: dict[str, Counter[int]] = {}
    for example in examples:
        sizes.setdefault(example.source, Counter())[example.label] += 1
    totals = Counter(example.label for example in examples)
    loads: list[Counter[int]] = [Counter() for _ in range(PARTS)]

    def growth(part: int, size: Counter[int]) -> float:
        return sum(
            ((loads[part][label] + count) ** 2 - loads[part][label] ** 2) / totals[label] ** 2
            for label, count in size.items()
        )

    chosen = {}
    largest_first = sorted(sizes, key=lambda name: (-max_share(sizes[name], totals), name))
    for source in largest_first:
        size = sizes[source]
        part = min(range(PARTS), key=lambda number: (growth(number, size), number))
        loads[part].update(size)
        chosen[source] = part
    return chosen


def max_share(size: Counter[int], totals: Counter[int]) -> float:
    """The largest share that a source has of any class."""
    return max(count / totals[label] for label, count in size.items())


def distinct(examples: list[Example], most: int, most_of_source: int) -> tuple[Example, ...]:
    """Each text once, at most so many of one class and of one class from one source.

    What is kept depends on the texts' digests alone, not on the order in which they were found.
    Texts that occur with two labels are left out: they could be learnt only by heart.
    """
    labels: dict[str, set[int]] = {}
    for example in examples:
        labels.setdefault(_normal(example.text), set()).add(example.label)
    seen: set[str] = set()
    of_class: Counter[int] = Counter()
    of_source: Counter[tuple[int, str]] = Counter()
    kept = []
    for example in sorted(examples, key=lambda e: (_hash(e.text), e.source, e.label)):
        normal = _normal(example.text)
        place = (example.label, example.source)
        if normal in seen or len(labels[normal]) > 1:
            continue
        if of_class[example.label] >= most or of_source[place] >= most_of_source:
            continue
        seen.add(normal)
        of_class[example.label] += 1
        of_source[place] += 1
        kept.append(example)
    return tuple(kept)


def _normal(text: str) -> str:
    return " ".join(text.lower().split())


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
