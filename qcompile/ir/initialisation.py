"""How a trainable tensor starts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

InitKind = Literal[
    "zero",
    "constant",
    "normal",
    "uniform",
    "kaiming_uniform",
    "kaiming_normal",
    "xavier_uniform",
    "orthogonal",
    "identity",
    "pairs",
    "principal_rows",
    "principal_columns",
    "qr_rows",
    "qr_columns",
]

INIT_KINDS: tuple[InitKind, ...] = get_args(InitKind)

INIT_ARGUMENTS: dict[InitKind, tuple[tuple[str, float | None], ...]] = {
    "zero": (),
    "constant": (("value", None),),
    "normal": (("std", 1.0), ("mean", 0.0)),
    "uniform": (("low", None), ("high", None)),
    "kaiming_uniform": (("a", 5.0**0.5),),
    "kaiming_normal": (("a", 0.0),),
    "xavier_uniform": (("gain", 1.0),),
    "orthogonal": (("gain", 1.0),),
    "identity": (("gain", 1.0),),
    "pairs": (),
    "principal_rows": (("scale", 1.0),),
    "principal_columns": (("scale", 1.0),),
    "qr_rows": (),
    "qr_columns": (),
}
"""Argument names and defaults (None: required) of each initialisation, in order."""


ROWS_OF_WEIGHT: frozenset[InitKind] = frozenset(("principal_rows", "qr_rows"))
"""r × in_features, from the weight of the module."""
COLUMNS_OF_WEIGHT: frozenset[InitKind] = frozenset(("principal_columns", "qr_columns"))
"""out_features × r, from the weight of the module."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Init:
    """An initialisation with all its arguments, in the order of `INIT_ARGUMENTS`.

    `fan_in` of the kaiming and xavier kinds is the product of all axes but the first, as in torch.
    For an MPO, `zero` sets the last core to zero and draws the others with kaiming_normal, so that
    the operator is exactly zero and still receives gradients.
    """

    kind: InitKind
    arguments: tuple[float, ...] = ()

    @property
    def from_weight(self) -> bool:
        """Whether the module's weight says how the tensor starts, once the adapter is attached."""
        return self.kind in ROWS_OF_WEIGHT | COLUMNS_OF_WEIGHT

    @property
    def is_zero(self) -> bool:
        """Whether a tensor starts at exactly zero."""
        match self.kind:
            case "zero":
                return True
            case "constant" | "xavier_uniform" | "orthogonal" | "identity":
                return self.arguments == (0.0,)
            case "normal" | "uniform":
                return all(value == 0 for value in self.arguments)
            case _:
                return False


def init_named(kind: InitKind) -> Init:
    """With the defaults of all arguments.

    Raises:
        ValueError: an argument has none.
    """
    defaults = [default for _, default in INIT_ARGUMENTS[kind]]
    arguments = tuple(default for default in defaults if default is not None)
    if len(arguments) < len(defaults):
        raise ValueError(f"`{kind}` needs arguments")
    return Init(kind=kind, arguments=arguments)


ZERO = Init(kind="zero")
KAIMING_UNIFORM = Init(kind="kaiming_uniform", arguments=(5.0**0.5,))
KAIMING_NORMAL = Init(kind="kaiming_normal", arguments=(0.0,))
IDENTITY = Init(kind="identity", arguments=(1.0,))
NORMAL = Init(kind="normal", arguments=(1.0, 0.0))
