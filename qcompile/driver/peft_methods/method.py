"""What is known of a method of peft: how its tensors become a spec, and what may be its own."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from qcompile.ir.hosts import CONVOLUTION_HOST, EMBEDDING_HOST, LINEAR_HOST

if TYPE_CHECKING:
    from torch import Tensor, nn

    from qcompile.driver.peft_base import PeftBase
    from qcompile.models.norms import NormForm

Config = Mapping[str, Any]
"""The adapter_config.json."""
Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PeftModule:
    """The module that tensors belong to; sizes are None where no model was named."""

    name: str
    in_features: int | None = None
    out_features: int | None = None
    host: str | None = None
    """The kind of module, see `qcompile.ir.hosts`."""
    norm: NormForm | None = None

    @property
    def sizes(self) -> tuple[int, int]:
        """in_features, out_features; for methods that need the model."""
        assert self.in_features is not None and self.out_features is not None
        return self.in_features, self.out_features


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One module's part."""

    body: str
    """Statements of an adapter."""
    tensors: Mapping[str, Tensor]
    """By their names in the spec; frozen tensors that it draws, or the weight starts, are not
    here."""
    in_features: int | None = None
    out_features: int | None = None
    """None where the tensors do not say it."""
    host: ClassVar[str] = LINEAR_HOST
    """The kind of module, see `qcompile.ir.hosts`."""


class EmbeddingPiece(Piece):
    """That of an embedding."""

    host = EMBEDDING_HOST


class ConvolutionPiece(Piece):
    """That of a convolution."""

    host = CONVOLUTION_HOST


class Unreadable(Exception):
    """Why the tensors of a module cannot become a spec."""


class Apart(Exception):
    """Why a method cannot hold all modules of an adapter."""


Read = Callable[[Config, PeftModule, dict[str, "Tensor"]], Piece]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a plan shows of itself, for methods to guess their settings from."""

    host: str
    in_features: int
    out_features: int
    trained: tuple[Shape, ...]
    frozen: tuple[Shape, ...]
    starts: tuple[str, ...]
    """How the frozen tensors start."""
    reals: tuple[float, ...]
    """Numbers in the nodes, with 1, and products of two."""
    integers: tuple[int, ...]
    seeds: Mapping[str, tuple[int, ...]]
    """Of drawn places, by `draw` of `scatter`."""
    places: tuple[tuple[int, ...], ...]
    """Of elements that are picked from the input."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PeftHost:
    """The module that tensors are written for."""

    name: str
    base: PeftBase
    padding: int | None
    """Of an embedding: the token whose row no adapter changes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PeftForm:
    """Settings and shapes with which a plan may be one of a method.

    What `read` makes of them is compared with the plan, so that a guess may be wrong.
    """

    config: dict[str, Any]
    shapes: Mapping[str, Shape]
    """Of peft's tensors."""
    given: Mapping[str, Tensor] = field(default_factory=dict)
    """Tensors of the folder that are no parameters."""
    norm: NormForm | None = None
    read: Read | None = None
    """In the place of the method's: of tensors that differ from peft's by what the base has."""
    finish: Callable[[dict[str, Tensor], PeftHost], dict[str, Tensor]] | None = None
    """The tensors of these shapes → peft's, by what is known of the module."""


@dataclass(slots=True, kw_only=True)
class PeftFolder:
    """What will be written."""

    config: dict[str, Any]
    modules: dict[str, dict[str, Tensor]]
    """By module, then by peft's names."""
    shared: dict[str, Tensor]
    sizes: dict[str, tuple[int, int]]
    """in_features and out_features of the modules."""
    hosts: dict[str, str]
    """Their kinds."""
    base: PeftBase


Split = Callable[
    [Config, "nn.Module", Mapping[str, dict[str, "Tensor"]]], dict[str, dict[str, "Tensor"]]
]


@dataclass(frozen=True, kw_only=True)
class PeftMethod:
    """A row of the table."""

    name: str
    read: Read
    """(configuration, module, tensors; takes what it uses out of them) → part."""
    forms: Callable[[Seen], Iterator[PeftForm]]
    """Of an adapter's plan, likely ones first."""
    fields: str
    """Entries of the configuration that it knows, beside those of every method; words."""
    fixed: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    """Entries that must have one of these values, where they are there."""
    shared: tuple[str, ...] = ()
    """Tensors of the model and not of a module, which every module is given too."""
    integers: tuple[str, ...] = ()
    """Tensors that hold whole numbers."""
    needs_model: bool = False
    """`read` asks for the sizes of the module."""
    hosts: tuple[str, ...] = (LINEAR_HOST,)
    """The kinds of its modules."""
    dropout: str | None = None
    """The entry with the probability of dropout of the input."""
    patterns: Mapping[str, str] = field(default_factory=dict)
    """Entry that may differ between modules → the entry that says how."""
    invert: Callable[[Mapping[str, Tensor]], dict[str, Tensor]] | None = None
    """The spec's tensors → peft's, where `read` does not just put numbers elsewhere."""
    settle: Callable[[PeftFolder], None] = lambda folder: None
    """Completes what depends on all modules; raises `Apart`."""
    split: Split | None = None
    """peft's modules → those here, where a module of peft is several, by the model."""


NOTHING: tuple[Any, ...] = (None, False, 0, 0.0, "none", "", [], {})


def written_number(value: float) -> str:
    """As the language writes it."""
    return repr(int(value)) if float(value).is_integer() else repr(float(value))


def entry(value: float) -> float | int:
    """As a configuration writes it: whole where it is, but for rounding."""
    near = round(value)
    return near if abs(value - near) <= 1e-9 * max(1.0, abs(value)) else value


def patterned(config: Config, name: str, patterns: str, module: str) -> float:
    """A number of one module, as peft's patterns say it."""
    for pattern, value in (config.get(patterns) or {}).items():
        if re.match(rf"(.*\.)?({pattern})$", module):
            return float(value)
    return float(config[name])


def dropped(config: Config, name: str) -> str:
    """The input, with dropout where the configuration has it."""
    probability = config.get(name) or 0.0
    return f"dropout(x, {written_number(probability)})" if probability else "x"


def ranks(seen: Seen) -> Iterator[int]:
    """r of each pair of trained tables (r, in_features) and (out_features, r)."""
    found = {shape[0] for shape in seen.trained if len(shape) == 2 and shape[1] == seen.in_features}
    yield from sorted(r for r in found if (seen.out_features, r) in seen.trained)


def no_forms(_seen: Seen) -> Iterator[PeftForm]:
    """Of a method that peft no longer writes."""
    return iter(())
