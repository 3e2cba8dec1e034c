"""Portable patterns: words of `attach` that stand for modules of every architecture.

A module has a role, which `qcompile.models.roles` finds. It is the name of a group, such as
`attention`, and the letters or the words of what the module holds of it: `attention.qkv` is one
linear map for queries, keys and values, `mlp.gate_up` one for gates and values.
"""

from __future__ import annotations

from dataclasses import dataclass

LINEAR = "linear"
HEAD = "head"
EMBEDDING = "embedding"
CONVOLUTION = "convolution"
ROUTER = "router"
LINEAR_ROUTER = "linear.router"
"""The role of a router that is a linear map; that of one that is a parameter is `router`."""
LINEAR_GROUPS = frozenset({"linear", "attention", "mlp"})
"""What `linear` stands for."""

GROUPS: dict[str, str] = {
    "linear": "all linear maps but the heads",
    "attention": "the linear maps of attention",
    "mlp": "the linear maps of feed-forward networks",
    "head": "what makes logits of hidden states, and the maps before it in the same module",
    "embedding": "the embeddings of tokens, not those of positions",
    "convolution": "all convolutions",
    "norm": "the norms but those of heads",
    "sublayer": "whole attention modules and feed-forward networks",
    "residual": "whole layers, whose output is the residual stream",
    "experts": "the weights of each expert by itself, where one parameter holds those of all",
    "router": "what chooses among experts",
}
"""Words with what they stand for."""

PARTS: dict[str, dict[str, str]] = {
    "attention": {"q": "queries", "k": "keys", "v": "values", "o": "the output"},
    "mlp": {
        "up": "the maps to the wide side",
        "gate": "those to the gates",
        "down": "the map back",
    },
    "sublayer": {"attention": "whole attention modules", "mlp": "whole feed-forward networks"},
    "experts": {"tied": "the same with one adapter for all experts of a parameter"},
}
"""What may follow a word and a dot: letters in a row of attention, one word of the others."""


@dataclass(frozen=True, slots=True)
class Portable:
    """A portable pattern, such as `attention.qv`."""

    text: str
    alternatives: tuple[str, ...]
    """Roles: `attention.q` and `attention.v`, or the word alone."""

    def matching(self, role: str | None) -> tuple[int, ...]:
        """Indices of the alternatives that a module with this role is one of."""
        if role is None:
            return ()
        return tuple(k for k, one in enumerate(self.alternatives) if _is_one(role, one))


def parse_portable(text: str) -> Portable | None:
    """The pattern that a word, or two with a dot between them, stand for; None: there is none."""
    group, dot, part = text.partition(".")
    if group not in GROUPS:
        return None
    if not dot:
        return Portable(text, (group,))
    known = PARTS.get(group, {})
    if part in known:
        return Portable(text, (text,))
    letters = all(len(one) == 1 for one in known)
    if not letters or not part or len(set(part)) < len(part) or not set(part) <= set(known):
        return None
    return Portable(text, tuple(f"{group}.{letter}" for letter in part))


def all_portables() -> tuple[str, ...]:
    """Every pattern of one word or one part."""
    parts = tuple(f"{group}.{part}" for group, found in PARTS.items() for part in found)
    return (*GROUPS, *parts)


def _is_one(role: str, wanted: str) -> bool:
    group, _, part = wanted.partition(".")
    own, _, held = role.partition(".")
    if wanted == LINEAR:
        return own in LINEAR_GROUPS
    if wanted == ROUTER:
        return role in (ROUTER, LINEAR_ROUTER)
    if wanted == "experts":
        return role == wanted
    if group != own or not part:
        return group == own
    return part in held if len(part) == 1 else part in held.split("_")
