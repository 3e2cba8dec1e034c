"""Kinds of modules that an adapter's update can be attached to."""

from __future__ import annotations

from dataclasses import dataclass

LINEAR_HOST = "linear"
EMBEDDING_HOST = "embedding"

HOST_KINDS: dict[str, str] = {
    LINEAR_HOST: "a linear map",
    EMBEDDING_HOST: "an embedding",
    "norm": "a norm over the last axis",
    "block": "a whole block, such as attention, a feed-forward network or a layer",
}
"""In the order in which a pattern prefers them: it takes modules of the first kind that it
matches."""


MERGING_HOSTS = (LINEAR_HOST, EMBEDDING_HOST)
"""Kinds with one weight, to which an update that is a linear map of x can be added."""


@dataclass(frozen=True, slots=True)
class HostSizes:
    """A module as an adapter sees it."""

    kind: str
    in_features: int
    out_features: int
    padding: int | None = None
    """Of an embedding: the token for which x is zero, so that its row stays as it is."""


def not_a_linear_map(kind: str) -> str:
    """Why what changes one weight, or is LoRA, cannot be made for a module of this kind."""
    return f"its module is {HOST_KINDS[kind]}, and no linear map"
