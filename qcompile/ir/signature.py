"""Signatures: what a function of the language takes, for elaboration, messages and docs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from qcompile.ir.limits import MAX_WIDTH

OptionKind = Literal[
    "value", "values", "vector", "tensors", "int", "real", "bool", "text", "init", "ints", "choice",
    "pairs", "number",
]  # fmt: skip
Family = Literal[
    "trainable",
    "activation",
    "structure",
    "table",
    "scalar",
    "circuit",
    "encoding",
    "initialisation",
    "device",
    "penalty",
    "proximal",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One argument: by position where `positional`, else by name."""

    name: str
    kind: OptionKind
    meaning: str
    default: str | None = None
    """As written in a file; None: required, unless `optional`."""
    optional: bool = False
    """May be left out without a default."""
    positional: bool = False
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    more: Callable[[str], bool] = lambda _: False
    """Whether a word that is none of them is one that another package offers."""

    @property
    def required(self) -> bool:
        return self.default is None and not self.optional


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """A function, encoding, initialisation or device of the language."""

    name: str
    family: Family
    options: tuple[Option, ...]
    meaning: str
    width: str = ""
    """Of the value it gives, in words."""

    @property
    def positional(self) -> tuple[Option, ...]:
        return tuple(option for option in self.options if option.positional)

    @property
    def signature(self) -> str:
        """`linear(v, to: int, bias: bool = false, …)`"""
        return f"{self.name}({', '.join(_shown(option) for option in self.options)})"


def _shown(option: Option) -> str:
    words = {"ints": "[int, …]", "pairs": "[(int, int), …]", "number": "real", "vector": "value"}
    if option.positional:
        if option.kind == "values":
            return f"{option.name}, …"
        return option.name if option.default is None else f"{option.name} = {option.default}"
    kind = (
        "|".join(option.choices) if option.kind == "choice" else words.get(option.kind, option.kind)
    )
    if option.default is not None:
        return f"{option.name}: {kind} = {option.default}"
    return f"{option.name}: {kind}"


def value_option(meaning: str = "the value") -> Option:
    """The value that a function is applied to."""
    return Option(name="v", kind="value", meaning=meaning, positional=True)


def init_option(default: str, choices: tuple[str, ...] = ()) -> Option:
    """How the tensors start; `choices` limits the initialisations."""
    return Option(
        name="init", kind="init", default=default, choices=choices, meaning="how the tensors start"
    )


TO = Option(name="to", kind="int", low=1, high=MAX_WIDTH, meaning="width of the result")
SHARE = Option(
    name="share",
    kind="text",
    optional=True,
    meaning="key: all places and modules with the same key use the same tensors",
)
FROZEN = Option(
    name="frozen",
    kind="bool",
    default="false",
    meaning="whether the tensors keep their start values, which files then leave out",
)
VECTOR_INITS = ("zero", "constant", "normal", "uniform")
"""Those of vectors of angles."""
ONE_TENSOR_INITS = (*VECTOR_INITS, "file")
"""Those of vectors and of other tensors that are no matrices but stand alone."""
TENSOR_INITS = (*VECTOR_INITS, "kaiming_uniform", "kaiming_normal", "xavier_uniform")
"""Those of tensors that are no matrices."""


def size_option(name: str, meaning: str, high: int = MAX_WIDTH) -> Option:
    """A whole number from 1, by position."""
    return Option(name=name, kind="int", low=1, high=high, positional=True, meaning=meaning)
