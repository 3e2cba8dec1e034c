"""The table of all adapters for peft's acceptance list: every example, and options of the language.

An example that is added joins by itself. One that cannot do what all others do has a line in
`EXCEPTIONS` that says why.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from tests.peft.specs import EXAMPLES, INLINE

SMALL = {"rank": 3, "bus": 16, "bond": 2, "layers": 1}
"""What parameters of these names are set to, so that nothing takes long."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """An adapter, the model that it is for, and what is different about it."""

    spec: str
    """A path, or the text itself."""
    model: str
    """A key of `MODELS` in the fixtures."""
    parameters: dict[str, int | float | str] = field(default_factory=dict)
    starts_at_zero: bool = True
    """Whether the untrained adapter changes nothing."""
    slow: bool = False


@dataclass(frozen=True, kw_only=True)
class Special:
    """Why an example is not like the others, and in what."""

    reason: str
    parameters: dict[str, int | float | str] = field(default_factory=dict)
    starts_at_zero: bool = True
    slow: bool = False


PREFIX = "a prefix takes a share of the attention, whatever it holds"

EXCEPTIONS: dict[str, Special] = {
    "hra": Special(
        reason="reflections cancel in pairs, up to rounding",
        parameters={"rank": 4},
        starts_at_zero=False,
    ),
    "hra_orthogonal": Special(reason="it reflects from the start", starts_at_zero=False),
    "prefix_mlp": Special(reason=PREFIX, starts_at_zero=False),
    "prefix_tuning": Special(reason=PREFIX, starts_at_zero=False),
    "vblora": Special(reason="its bank is small, not zero", starts_at_zero=False),
    "qpa": Special(reason="zeros in generated weights would never learn", starts_at_zero=False),
}


FROM_DATA = {"corda", "eva", "loftq", "lora_ga"}
"""They have no values before they are calibrated; `test_peft_calibrated.py` has their tests."""


def rows() -> dict[str, Row]:
    """Name → row: each example that defines an adapter, then the inline adapters of `specs`."""
    found = {}
    for path in sorted([*EXAMPLES.glob("*.qa"), *EXAMPLES.glob("relatives/*.qa")]):
        text = path.read_text("utf-8")
        if re.search(r"^adapter ", text, re.M) is None:
            continue  # Imported by others, and no adapter itself.
        if path.stem in FROM_DATA:
            continue
        special = EXCEPTIONS.get(path.stem, Special(reason="none"))
        header = "".join(re.findall(r"^adapter \w+(\(.*?\))[^()]*{$", text, re.M | re.S))
        small = {k: v for k, v in SMALL.items() if re.search(rf"\b{k}: int\b", header)}
        found[path.stem] = Row(
            spec=str(path),
            model="roberta" if "models/roberta" in text else "llama",
            parameters={**small, **special.parameters},
            starts_at_zero=special.starts_at_zero,
            slow=special.slow,
        )
    for name, text in INLINE.items():
        # A rotation replaces the output by itself at the start.
        starts_at_zero = name != "replacing"
        found[f"inline-{name}"] = Row(spec=text, model="llama", starts_at_zero=starts_at_zero)
    return found


ROWS = rows()

KINDS = {
    "llama add block output": "houlsby",
    "llama add block": "parallel_adapter",
    "llama add embedding merged": "lora_embedding",
    "llama add linear base merged": "delora",
    "llama add linear circuits": "qtha",
    "llama add linear frozen circuits": "daruan",
    "llama add linear frozen merged": "cp",
    "llama add linear frozen shared merged several": "randlora",
    "llama add linear frozen shared merged": "vera",
    "llama add linear merged circuits": "qpa",
    "llama add linear merged several": "inline-two",
    "llama add linear merged": "lora",
    "llama add linear output base merged": "dora",
    "llama add linear output merged": "inline-mixing",
    "llama add linear shared merged": "metatt",
    "llama add linear shared": "lily",
    "llama add linear": "mixture_of_lora",
    "llama prefix linear shared": "prefix_mlp",
    "llama prefix linear": "prefix_tuning",
    "llama replace linear base frozen merged": "quic",
    "llama replace linear base merged": "boft",
    "llama replace linear merged": "inline-replacing",
    "llama replace linear output base merged several": "ia3",
    "llama replace linear output merged": "cayley",
    "llama replace norm output merged": "ln_tuning",
    "roberta add linear shared merged": "lotr",
    "roberta add linear+norm merged several": "bitfit",
}
"""Kind of a plan, see `kind_of` in the tests, → the row that stands for all of that kind.

What peft does with an adapter depends on its kind alone, and what the adapter computes on the rest.
"""
