"""Kinds of modules that an adapter's update can be attached to."""

from __future__ import annotations

from dataclasses import dataclass

LINEAR_HOST = "linear"
EMBEDDING_HOST = "embedding"
CONVOLUTION_HOST = "convolution"
NORM_HOST = "norm"
PARAMETER_HOST = "parameter"
EXPERT_HOST = "expert"
PARAMETER_HOSTS = frozenset({PARAMETER_HOST, EXPERT_HOST})
"""Matrices that are no modules: what an adapter adds is added to them."""

HOST_KINDS: dict[str, str] = {
    LINEAR_HOST: "a linear map",
    EMBEDDING_HOST: "an embedding",
    CONVOLUTION_HOST: "a convolution",
    NORM_HOST: "a norm over the last axis",
    "block": "a whole block, such as attention, a feed-forward network or a layer",
    PARAMETER_HOST: "a parameter, all experts of it alike",
    EXPERT_HOST: "one expert's slice of a parameter",
}
"""In the order in which a pattern prefers them: it takes modules of the first kind that it
matches. Parameters and their slices have names like modules: `….experts.down_proj`,
`….experts.down_proj.3`."""


MERGING_HOSTS = (LINEAR_HOST, EMBEDDING_HOST, CONVOLUTION_HOST)
"""Kinds with one weight, to which an update that is a linear map of x can be added."""
AFFINE_HOSTS = (LINEAR_HOST, CONVOLUTION_HOST)
"""Those whose bias a constant can be added to."""
READ_HOSTS = (LINEAR_HOST, CONVOLUTION_HOST)
"""Kinds whose weight a spec can compute with."""


@dataclass(frozen=True, slots=True)
class HostSizes:
    """A module as an adapter sees it."""

    kind: str
    in_features: int
    out_features: int
    padding: int | None = None
    """Of an embedding: the token for which x is zero, so that its row stays as it is."""
    slices: int = 1
    """Of a parameter, (out_features, in_features) each, which all change alike."""


def not_a_linear_map(kind: str) -> str:
    """Why what is made for linear maps alone cannot be made for a module of this kind."""
    return f"its module is {HOST_KINDS[kind]}, and no linear map"


def parameter_of(site: str, host: str) -> tuple[str, str, int | None]:
    """Name of the module, of its parameter, and the number of the slice, of a site at one."""
    whole, _, last = site.rpartition(".")
    expert = int(last) if host == EXPERT_HOST else None
    module, _, parameter = (site if expert is None else whole).rpartition(".")
    return module, parameter, expert


def target_name(parameter: str, expert: int | None) -> str:
    """A parameter or its slice as one word."""
    return parameter if expert is None else f"{parameter}-{expert}"
