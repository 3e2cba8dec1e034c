"""The adapters that peft's acceptance list is run with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@dataclass(frozen=True)
class Case:
    """An adapter and what it can do."""

    spec: str
    linear: bool
    lora: bool = True
    """Whether a linear one has the form of LoRA."""
    parameters: tuple[tuple[str, int], ...] = ()


def text(body: str, attach: str = "*.self_attn.{q,v}_proj") -> str:
    """A file with one adapter."""
    return f'qa 1\n\nadapter small(rank: int = 2) {{\n    attach "{attach}"\n{body}}}\n'


SHARED = text(
    "    a = linear(x, to: rank)\n"
    '    b = linear(a, to: rank, share: "middle")\n'
    "    update linear(b, to: out_features, init: zero)\n"
)

REPLACING = text(
    "    a = linear(x, to: rank)\n    replace linear(a, to: out_features)\n", "*.mlp.gate_proj"
)

TWO = (
    'qa 1\n\nadapter first() {\n    attach "*.q_proj"\n    a = linear(x, to: 2)\n'
    "    update linear(a, to: out_features, init: zero)\n}\n\n"
    'adapter second() {\n    attach "*.{q,o}_proj"\n'
    "    update mpo(x, to: out_features, sites: 2, bond: 2, init: zero)\n}\n"
)

ACTIVATED = text(
    "    a = tanh(linear(x, to: rank))\n    update linear(a, to: out_features, init: zero)\n"
)

DROPPED = text(
    "    a = linear(dropout(x, 0.1), to: rank)\n"
    "    update linear(a, to: out_features, init: zero)\n"
)

ROTATING = text("    replace cayley(y)\n", "*.{q_proj,up_proj}")

MIXING = text(
    "    a = linear(y, to: rank) + linear(x, to: rank)\n"
    "    update linear(a, to: out_features, init: zero)\n",
)

CASES = {
    "lora": Case(str(EXAMPLES / "lora.qa"), linear=True, parameters=(("rank", 2),)),
    "mpo": Case(str(EXAMPLES / "mpo.qa"), linear=True, parameters=(("bond", 2),)),
    "qtha": Case(
        str(EXAMPLES / "qtha.qa"), linear=False, parameters=(("rank", 3), ("bus", 16), ("bond", 2))
    ),
    "qaa": Case(str(EXAMPLES / "qaa.qa"), linear=False, parameters=(("layers", 1),)),
    "hybrid": Case(str(EXAMPLES / "hybrid.qa"), linear=False, parameters=(("rank", 3),)),
    "noisy": Case(str(EXAMPLES / "noisy_target.qa"), linear=False, parameters=(("rank", 2),)),
    "shared": Case(SHARED, linear=True),
    "quanta": Case(str(EXAMPLES / "quanta.qa"), linear=True),
    "rotating": Case(ROTATING, linear=True, lora=False),
    "mixing": Case(MIXING, linear=True, lora=False),
    "two": Case(TWO, linear=True),
    "activated": Case(ACTIVATED, linear=False),
    "dropped": Case(DROPPED, linear=True),
}
