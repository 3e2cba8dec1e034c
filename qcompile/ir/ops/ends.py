"""`x` and `y`: the input of the adapted module, and its output."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qcompile.ir.domains import TOKENS, Domain
from qcompile.ir.node import Dependence, PlainNode
from qcompile.ir.spec_node import Lowering, SpecDomain, SpecNode


class _End(PlainNode):
    __slots__ = ()

    def domain(self, parts: Sequence[Domain]) -> Domain:
        return TOKENS

    def dependence(self, parts: Sequence[Dependence]) -> Dependence:
        return "linear"


@dataclass(frozen=True, slots=True, kw_only=True)
class InputNode(_End):
    """`x`, (…, width)."""

    width: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputNode(_End):
    """`y`, (…, width): what the adapted module gives by itself."""

    width: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecInput(SpecNode):
    """`x`: the input of the adapted module, (…, in_features)."""

    def domain(self, parts: Sequence[SpecDomain]) -> SpecDomain:
        return "tokens"

    def lower(self, inputs: tuple[int, ...], lowering: Lowering) -> int:
        return 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecOutput(SpecNode):
    """`y`: the output of the adapted module by itself, (…, out_features)."""

    def domain(self, parts: Sequence[SpecDomain]) -> SpecDomain:
        return "tokens"

    def lower(self, inputs: tuple[int, ...], lowering: Lowering) -> int:
        return lowering.output(self.span)
