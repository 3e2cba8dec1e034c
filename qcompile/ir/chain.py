"""Nodes that are linear in one operand, and how they enter a tensor network."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from qcompile.ir.node import Dependence, ProgramNode


@dataclass(slots=True)
class Axis:
    """An axis of a tensor: its extent after zero-padding, its modes and their labels."""

    padded: int
    modes: tuple[int, ...]
    labels: tuple[int, ...]

    @staticmethod
    def of(modes: tuple[int, ...], labels: tuple[int, ...]) -> Axis:
        """The axis that holds all modes, row-major."""
        return Axis(padded=math.prod(modes), modes=modes, labels=labels)


class Chain(Protocol):
    """A network under construction; it ends in the value that the node reads."""

    @property
    def width(self) -> int:
        """Of the value."""

    def split(self, modes: tuple[int, ...]) -> tuple[int, ...]:
        """Hold the value, zero-padded, in these modes; the labels of the modes.

        Raises:
            EdgeMismatch: it is held in other modes; the node then starts a network of its own.
        """

    def reading_axis(self) -> Axis:
        """An axis of a new tensor that is contracted with the value."""

    def label(self, extent: int) -> int:
        """A new label."""

    def axis(self, extent: int) -> Axis:
        """An axis with a new label."""

    def place(self, source: object, *axes: Axis) -> None:
        """Add a trainable tensor, by its index, or the columns of an OrthogonalFrame."""

    def leave(self, width: int, axis: Axis) -> None:
        """The value of the node: `axis`, row-major, cut to `width`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MultilinearNode(ProgramNode):
    """A node whose value is linear in its operand and in each of its tensors.

    It is executed as part of a tensor network.
    """

    READS = ("operand",)
    FAMILY = "network"

    operand: int

    def join(self, chain: Chain) -> None:
        """Add the node to the network.

        Raises:
            EdgeMismatch: before anything was changed.
        """
        raise NotImplementedError

    def dependence(self, parts: Sequence[Dependence]) -> Dependence:
        return parts[0]


def extents_text(modes: Sequence[int]) -> str:
    """`8*4*4`"""
    return "*".join(map(str, modes))
