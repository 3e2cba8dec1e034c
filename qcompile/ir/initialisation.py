"""How a trainable tensor starts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, get_args

from qcompile.ir.added_later import ADDED_LATER
from qcompile.ir.file_tensor import FileTensor

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
    "activation_rows",
    "covariance_rows",
    "covariance_columns",
    "minor_covariance_rows",
    "minor_covariance_columns",
    "gradient_rows",
    "gradient_columns",
    "residual_rows",
    "residual_columns",
    "file",
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
    "activation_rows": (),
    "covariance_rows": (("scale", 1.0),),
    "covariance_columns": (("scale", 1.0),),
    "minor_covariance_rows": (("scale", 1.0),),
    "minor_covariance_columns": (("scale", 1.0),),
    "gradient_rows": (("gamma", 16.0),),
    "gradient_columns": (("gamma", 16.0),),
    "residual_rows": (("scale", 1.0),),
    "residual_columns": (("scale", 1.0),),
    "file": (),
}
"""Argument names and defaults (None: required) of each initialisation, in order."""


Start = Literal["weight", "activation", "covariance", "gradient", "residual"]
"""What of a module says how a tensor starts: its weight, its inputs, the products of its inputs and
its weight, the gradient of its weight, or what quantising took from its weight."""

STARTS: dict[InitKind, Start] = {
    "principal_rows": "weight",
    "principal_columns": "weight",
    "qr_rows": "weight",
    "qr_columns": "weight",
    "activation_rows": "activation",
    "covariance_rows": "covariance",
    "covariance_columns": "covariance",
    "minor_covariance_rows": "covariance",
    "minor_covariance_columns": "covariance",
    "gradient_rows": "gradient",
    "gradient_columns": "gradient",
    "residual_rows": "residual",
    "residual_columns": "residual",
}
"""The kinds whose values come from the module that the adapter is attached to. Rows are
r × in_features, columns out_features × r."""


DRAWN: tuple[InitKind, ...] = tuple(
    kind for kind in INIT_KINDS if kind not in STARTS and kind != "file"
)
"""The kinds whose values the seed alone gives."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Init:
    """An initialisation with all its arguments, in the order of `INIT_ARGUMENTS`.

    `fan_in` of the kaiming and xavier kinds is the product of all axes but the first, as in torch.
    For an MPO, `zero` sets the last core to zero and draws the others with kaiming_normal, so that
    the operator is exactly zero and still receives gradients.
    """

    kind: InitKind
    arguments: tuple[float, ...] = ()
    file: FileTensor | None = field(default=None, metadata=ADDED_LATER)
    """Of the kind `file`, and of it alone."""

    @property
    def start(self) -> Start | None:
        """What of the module says how the tensor starts; None: it is drawn."""
        return STARTS.get(self.kind)

    @property
    def from_module(self) -> bool:
        """Whether the module says how the tensor starts, which is not known to a compilation."""
        return self.kind in STARTS

    @property
    def rows(self) -> bool:
        """Whether what comes from the module is r × in_features, not out_features × r."""
        return self.kind.endswith("_rows")

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
