"""Chooses the contraction path of a network by its cost for the batch that will run."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

from qcompile.contraction.paths import candidate_trees, sweep
from qcompile.contraction.tree import Shapes, TooManyIndices, TreeStep, steps_of_tree
from qcompile.ir.machine import DEFAULT_MACHINE, Machine
from qcompile.ir.network import BATCH, ContractionNode, DataOperand, NetworkNode


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractionCost:
    """Of one step of training with the whole batch."""

    seconds: float
    bytes: float
    """Of all intermediates, which backward needs."""


def shapes_of(network: NetworkNode, tokens: int) -> Shapes:
    """The network's labels and extents, the batch being `tokens`."""
    operands = tuple(
        (BATCH, *operand.view.labels) if isinstance(operand, DataOperand) else operand.view.labels
        for operand in network.operands
    )
    has_data = any(isinstance(operand, DataOperand) for operand in network.operands)
    return Shapes(
        operands=operands,
        output=(BATCH, *network.output) if has_data else network.output,
        sizes={BATCH: tokens, **dict(network.sizes)},
    )


def reference_contraction(network: NetworkNode) -> ContractionNode:
    """The operands contracted one after the other, as they stand.

    Raises:
        TooManyIndices: The sweep holds more indices at once than einsum has letters.
    """
    shapes = shapes_of(network, 1)
    return _frozen(network, steps_of_tree(shapes, sweep(len(network.operands))))


@lru_cache(maxsize=256)
def best_contraction(
    network: NetworkNode,
    *,
    tokens: int,
    memory_limit: int,
    item_bytes: int = 4,
    repeats: int = 8,
    seed: int = 0,
    machine: Machine = DEFAULT_MACHINE,
) -> ContractionNode:
    """The cheapest of all candidate paths that fit in memory; of all, where none fits.

    Kept: adapters of modules of several sizes have networks in common.

    Raises:
        TooManyIndices: No candidate can be written as einsum steps.
    """
    shapes = shapes_of(network, tokens)
    best: tuple[tuple[bool, float], tuple[TreeStep, ...]] | None = None
    refused: TooManyIndices | None = None
    for tree in candidate_trees(shapes, repeats=repeats, seed=seed):
        try:
            steps = steps_of_tree(shapes, tree)
        except TooManyIndices as error:
            refused = error
            continue
        cost = contraction_cost(steps, item_bytes, machine)
        score = (cost.bytes > memory_limit, cost.seconds if math.isfinite(cost.seconds) else 0.0)
        if best is None or score < best[0]:
            best = (score, steps)
    if best is None:
        raise refused or TooManyIndices("no path")
    # The steps do not depend on the number of tokens, their counts do.
    return _frozen(network, best[1], tokens)


def contraction_cost(
    steps: tuple[TreeStep, ...], item_bytes: int = 4, machine: Machine = DEFAULT_MACHINE
) -> ContractionCost:
    """Forward and backward: a product C = A B has the gradients dC Bᵀ and Aᵀ dC, so that its
    arithmetic and traffic come three times; rearranged operands are read and written each time."""
    return ContractionCost(
        seconds=machine.seconds(
            flops=3.0 * sum(step.flops for step in steps),
            bytes=float(item_bytes) * sum(3 * step.moved + 6 * step.copied for step in steps),
            operations=3 * len(steps),
        ),
        bytes=float(item_bytes) * sum(step.elements + step.copied for step in steps),
    )


def _frozen(network: NetworkNode, steps: tuple[TreeStep, ...], tokens: int = 1) -> ContractionNode:
    on_data = [step for step in steps if step.contraction.batched]
    return ContractionNode(
        network=network,
        steps=tuple(step.contraction for step in steps),
        flops_per_token=sum(step.flops for step in on_data) / tokens,
        flops_hoisted=sum(step.flops for step in steps if not step.contraction.batched),
        activations_per_token=sum(step.elements // tokens for step in on_data if not step.is_last),
    )
