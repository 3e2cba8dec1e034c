"""How much is run: everything that decides a result, in one place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from evidence.methods import Budget

TaskName = Literal["man_section", "prose", "package"]
TASKS: tuple[TaskName, ...] = ("man_section", "prose", "package")

RATES = (1e-3, 3e-3, 1e-2, 3e-2)
FULL_RATES = (3e-5, 1e-4, 3e-4, 1e-3)
"""Whole weight matrices want smaller steps than any adapter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Common:
    """What tasks of all kinds have."""

    steps: int
    batch: int
    seeds: tuple[int, ...]
    rates: tuple[float, ...] = RATES
    full_rates: tuple[float, ...] = FULL_RATES
    search_seed: int = 0
    """The learning rate is chosen with it, by the validation loss."""
    methods: tuple[str, ...] | None = None
    """For budget `steps`; None: all of the table."""
    matched: tuple[str, ...] | None = None
    """For budget `parameters`; None: all that have a size to choose."""

    def includes(self, name: str, budget: Budget) -> bool:
        """Whether a method is run for a budget."""
        names = self.methods if budget == "steps" else self.matched
        return names is None or name in names


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassificationPreset(Common):
    """Tasks man_section and package."""

    task: Literal["man_section", "package"]
    layers: int
    """Upper layers with adapters."""
    longest: int = 32
    """Tokens of a text."""
    judged: int | None = None
    """Validation texts that choose the rate, at most, evenly taken; None: all."""
    encoder: Literal["minilm", "random"] = "minilm"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProsePreset(Common):
    """Task prose."""

    context: int
    windows: int
    quick: bool = False
    task: Literal["prose"] = "prose"


TaskPreset = ClassificationPreset | ProsePreset


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """A whole comparison."""

    name: str
    tasks: tuple[TaskPreset, ...]
    cost_rounds: int
    """Steps of each method whose time is taken."""


SEEDS = (0, 1, 2, 3, 4)

CORE = (
    "lora",
    "mpo",
    "qtha",
    "qtha-control",
    "quantum_peft",
    "qaa",
    "qaa-control",
    "quanta",
    "cayley",
    "qpa",
    "prefix_tuning",
    "c",
    "c-control",
    "qtha_v1",
    "bd",
    "hybrid",
    "sora",
    "lotr",
)
"""One of every family, and the controls of the circuits, for a machine with little time."""

MATCHED = ("lora", "mpo", "qtha", "qtha-control", "cayley", "c", "c-control")

FEW_RATES = (2e-3, 8e-3, 3e-2)
FEW_FULL_RATES = (2e-4, 8e-4, 3.2e-3)

_PRESETS = (
    Preset(
        name="smoke",
        tasks=(
            ClassificationPreset(
                task="man_section",
                steps=4,
                batch=8,
                seeds=(0,),
                rates=(1e-2,),
                full_rates=(1e-3,),
                methods=("lora", "qtha"),
                matched=(),
                layers=1,
                encoder="random",
            ),
            ProsePreset(
                steps=4,
                batch=2,
                seeds=(0,),
                rates=(1e-2,),
                full_rates=(1e-3,),
                methods=("lora", "qtha"),
                matched=("lora", "qtha"),
                context=32,
                windows=8,
                quick=True,
            ),
        ),
        cost_rounds=2,
    ),
    Preset(
        name="small",
        tasks=(
            ClassificationPreset(
                task="man_section",
                steps=120,
                batch=8,
                seeds=SEEDS,
                rates=FEW_RATES,
                full_rates=FEW_FULL_RATES,
                methods=CORE,
                matched=MATCHED,
                layers=2,
                longest=24,
                judged=256,
            ),
            ProsePreset(
                steps=120,
                batch=4,
                seeds=SEEDS,
                rates=FEW_RATES,
                full_rates=FEW_FULL_RATES,
                methods=CORE,
                matched=MATCHED,
                context=64,
                windows=48,
            ),
            ClassificationPreset(
                task="package",
                steps=120,
                batch=8,
                seeds=SEEDS,
                rates=FEW_RATES,
                full_rates=FEW_FULL_RATES,
                methods=("lora", "qtha", "qtha-control"),
                matched=(),
                layers=2,
                longest=24,
                judged=256,
            ),
        ),
        cost_rounds=10,
    ),
    Preset(
        name="full",
        tasks=(
            ClassificationPreset(task="man_section", steps=600, batch=16, seeds=SEEDS, layers=6),
            ProsePreset(steps=600, batch=8, seeds=SEEDS, context=128, windows=256),
            ClassificationPreset(task="package", steps=1000, batch=16, seeds=SEEDS, layers=6),
        ),
        cost_rounds=50,
    ),
)

PRESETS: Mapping[str, Preset] = {preset.name: preset for preset in _PRESETS}
