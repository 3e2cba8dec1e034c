"""Contraction paths and costs of expectation values as tensor networks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from qcompile.contraction.paths import greedy_trees
from qcompile.contraction.tree import Shapes, TooManyIndices, TreeStep, steps_of_tree, tree_of_path
from qcompile.executors.costing import Price, Workload, price, seconds
from qcompile.executors.network.count import count_matrices, count_network
from qcompile.executors.network.program import NetworkProgram, network_program
from qcompile.ir.circuit import Circuit, Expectations, ZeroState
from qcompile.ir.circuit_network import ObservableOperands, observable_operands
from qcompile.ir.network import BATCH
from qcompile.ir.plan import NetworkEvaluation, ObservableNetwork
from qcompile.ir.work import Work

COMPLEX_FLOPS = 4
"""A complex multiply-add has four real ones."""

OPERATIONS = 9
"""Tensor operations of one complex contraction: it, its two gradients, and their permutations."""

HOPELESS = 10
"""How many times slower than the budget a greedy path is where searching on is in vain."""


LARGEST_SEARCH = 4000
"""Tensors, of all observables together, beyond which paths are not searched: seconds and more, for
circuits whose light cones are too wide to contract anyway."""


def has_networks(circuit: Circuit) -> bool:
    """Whether the circuit can be read as one network for each output."""
    return isinstance(circuit.initial, ZeroState) and isinstance(circuit.readout, Expectations)


@lru_cache(maxsize=256)
def fewest_operations(circuit: Circuit) -> int | None:
    """Tensor operations that contracting all observables takes at least, whatever the path.

    None where there are more than `LARGEST_SEARCH`.
    """
    total = 0
    for output in range(circuit.outputs):
        total += max(0, len(observable_operands(circuit, output).operands) - 1)
        if total > LARGEST_SEARCH:
            return None
    return total


def network_price(evaluation: NetworkEvaluation, load: Workload) -> Price:
    """Work and memory of the program that is run; its time by the rates of the search."""
    program = _program(evaluation)
    total = seconds(count_matrices(program), load)
    for network in evaluation.networks:
        shapes = _shapes(observable_operands(evaluation.circuit, network.output), load)
        if network.path:
            tree = tree_of_path(network.path, len(shapes.operands))
            total += _seconds(steps_of_tree(shapes, tree), load)
    return replace(price(evaluation.circuit, _work(program), load), seconds=total)


@lru_cache(maxsize=256)
def _program(evaluation: NetworkEvaluation) -> NetworkProgram:
    return network_program(evaluation)


@lru_cache(maxsize=256)
def _work(program: NetworkProgram) -> Work:
    return count_network(program)


def network_evaluation(
    circuit: Circuit, load: Workload, repeats: int, *, budget: float = math.inf
) -> NetworkEvaluation | None:
    """Each observable along the cheapest of a few greedy paths.

    None where no path can be written as einsums, or all take more than `budget` seconds.
    """
    networks: list[ObservableNetwork] = []
    spent = 0.0
    for output in range(circuit.outputs):
        shapes = _shapes(observable_operands(circuit, output), load)
        best = _best(shapes, load, repeats=0)
        if best is not None and best[0] > HOPELESS * budget:
            return None
        if repeats > 0:
            best = _best(shapes, load, repeats)
        if best is None:
            return None
        spent += best[0]
        if spent > budget:
            return None
        pairs = ((s.contraction.left, s.contraction.right or 0) for s in best[1])
        path = tuple((min(pair), max(pair)) for pair in pairs)
        networks.append(ObservableNetwork(output=output, path=path))
    return NetworkEvaluation(circuit=circuit, networks=tuple(networks))


def _shapes(network: ObservableOperands, load: Workload) -> Shapes:
    sizes = {label: 2 for labels in network.labels for label in labels}
    sizes[BATCH] = load.tokens
    return Shapes(operands=network.labels, output=network.result, sizes=sizes)


def _best(
    shapes: Shapes, load: Workload, repeats: int
) -> tuple[float, tuple[TreeStep, ...]] | None:
    if len(shapes.operands) < 2:
        return 0.0, ()
    best: tuple[float, tuple[TreeStep, ...]] | None = None
    for tree in greedy_trees(shapes, repeats=repeats):
        try:
            steps = steps_of_tree(shapes, tree)
        except TooManyIndices:
            continue
        seconds = _seconds(steps, load)
        if best is None or seconds < best[0]:
            best = seconds, steps
    return best


def _seconds(steps: Sequence[TreeStep], load: Workload) -> float:
    return load.machine.seconds(
        elementwise=3.0 * COMPLEX_FLOPS * sum(step.flops for step in steps),
        bytes=12.0 * load.item_bytes * sum(step.moved + step.copied for step in steps),
        operations=OPERATIONS * len(steps),
    )
