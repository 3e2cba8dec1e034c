"""Specs for the tests of peft: two examples, and inline ones for options of the language."""

from __future__ import annotations

from pathlib import Path

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"

LORA = str(EXAMPLES / "lora.qa")
MPO = str(EXAMPLES / "mpo.qa")


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

GATED = """qa 1
adapter sora(rank: int = 4) {
    attach "*.self_attn.{q,v}_proj"
    g = vector(rank)
    train {
        regularise 0.1 * mean_abs(g)
        proximal soft_threshold(g, 1e-2)
    }
    update linear(g * linear(x, to: rank), to: out_features, init: zero)
}
"""

ROTATING = text("    replace cayley(y)\n", "*.{q_proj,up_proj}")

MIXING = text(
    "    a = linear(y, to: rank) + linear(x, to: rank)\n"
    "    update linear(a, to: out_features, init: zero)\n",
)

DOUBLE = (
    text(
        "    a = linear(x, to: rank)\n    update linear(a, to: out_features, init: zero)\n"
    ).replace(") {", ") on exact {")
    + "\ntarget exact { dtype: float64 }\n"
)

INLINE = {
    "activated": ACTIVATED,
    "double": DOUBLE,
    "dropped": DROPPED,
    "gated": GATED,
    "mixing": MIXING,
    "replacing": REPLACING,
    "rotating": ROTATING,
    "shared": SHARED,
    "two": TWO,
}
"""Name → text, for the table of the acceptance list."""
