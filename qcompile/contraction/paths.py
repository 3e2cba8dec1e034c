"""Candidate contraction paths; the only place that imports cotengra and opt_einsum.

Every search is deterministic: fixed seeds, fixed repeats, no time limits, no worker processes.
cotengra's `auto` presets and hyper-optimisers are not: they can depend on the machine's speed.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence

from qcompile.contraction.tree import Labels, Shapes, Tree, tree_of_path
from qcompile.ir.network import BATCH

EXHAUSTIVE = 6
"""Operands up to which opt_einsum tries every order, outer products included."""
OPTIMAL = 10
"""Operands up to which cotengra searches for the optimum of several objectives."""
OBJECTIVES = ("flops", "write", "combo-64", "combo-256")

Path = Sequence[Sequence[int]]


def candidate_trees(shapes: Shapes, *, repeats: int, seed: int = 0) -> tuple[Tree, ...]:
    """Different trees that may be best, in a fixed order."""
    count = len(shapes.operands)
    found: list[Tree] = [sweep(count)]
    if count > 2:
        found.append(sweep_backwards(count))
        found += [tree_of_path(path, count) for path in _searched(shapes, repeats, seed)]
        found += _data_last(shapes, repeats, seed)
    return tuple(dict.fromkeys(found))


def greedy_trees(shapes: Shapes, *, repeats: int, seed: int = 0) -> tuple[Tree, ...]:
    """Trees for networks of hundreds of tensors: greedy, and the best of random greedy ones."""
    count = len(shapes.operands)
    found = [tree_of_path(path, count) for path in _greedy(shapes, repeats, seed)]
    return tuple(dict.fromkeys(found))


def sweep(count: int) -> Tree:
    """The first operand (the data) through all others, in order."""
    return _through(tuple(range(count)), count)


def sweep_backwards(count: int) -> Tree:
    """The first operand through all others, the last one first."""
    return _through((0, *range(count - 1, 0, -1)), count)


def _through(order: tuple[int, ...], count: int) -> Tree:
    pairs: list[tuple[int, int]] = []
    current = order[0]
    for operand in order[1:]:
        pairs.append((current, operand))
        current = count + len(pairs) - 1
    return tuple(pairs)


def _data_last(shapes: Shapes, repeats: int, seed: int) -> list[Tree]:
    """Everything that does not depend on data to one tensor first, then the data."""
    count = len(shapes.operands)
    free = [k for k in range(count) if BATCH not in shapes.operands[k]]
    data = [k for k in range(count) if BATCH in shapes.operands[k]]
    if len(free) < 2 or not data:
        return []
    outside = {label for k in data for label in shapes.operands[k]} | set(shapes.output)
    within = dict.fromkeys(label for k in free for label in shapes.operands[k])
    inner = Shapes(
        operands=tuple(shapes.operands[k] for k in free),
        output=tuple(label for label in within if label in outside),
        sizes=shapes.sizes,
    )
    paths: list[Path] = [[(0, 1)]] if len(free) == 2 else _searched(inner, repeats, seed)
    found: list[Tree] = []
    for path in paths:
        pairs: list[tuple[int, int]] = []
        for left, right in tree_of_path(path, len(free)):
            pairs.append((_outer(left, free, count), _outer(right, free, count)))
        current = count + len(pairs) - 1
        for k in data:
            pairs.append((k, current))
            current = count + len(pairs) - 1
        found.append(tuple(pairs))
    return found


def _outer(number: int, free: list[int], count: int) -> int:
    return free[number] if number < len(free) else count + number - len(free)


def _searched(shapes: Shapes, repeats: int, seed: int) -> list[Path]:
    from cotengra.pathfinders.path_basic import optimize_optimal

    paths = _greedy(shapes, repeats, seed)
    inputs, output, sizes = _translated(shapes)
    if len(inputs) <= OPTIMAL:
        for objective in OBJECTIVES:
            paths.append(optimize_optimal(inputs, output, sizes, minimize=objective))
    if len(inputs) <= EXHAUSTIVE:
        from opt_einsum.paths import optimal

        sets = [frozenset(operand) for operand in inputs]
        paths.append([tuple(step) for step in optimal(sets, frozenset(output), sizes)])
    return paths


def _greedy(shapes: Shapes, repeats: int, seed: int) -> list[Path]:
    with warnings.catch_warnings():
        # cotengra announces optional back ends that are not installed.
        warnings.simplefilter("ignore")
        from cotengra.pathfinders.path_basic import RandomGreedyOptimizer, optimize_greedy

    inputs, output, sizes = _translated(shapes)
    paths: list[Path] = [optimize_greedy(inputs, output, sizes)]
    if repeats > 0:
        search = RandomGreedyOptimizer(max_repeats=repeats, seed=seed, accel=False, parallel=False)
        paths.append(search(inputs, output, sizes))
    return paths


def _translated(
    shapes: Shapes,
) -> tuple[list[tuple[str, ...]], tuple[str, ...], dict[str, int]]:
    return (
        [_named(operand) for operand in shapes.operands],
        _named(shapes.output),
        {_name(label): extent for label, extent in shapes.sizes.items()},
    )


def _named(labels: Labels) -> tuple[str, ...]:
    return tuple(_name(label) for label in labels)


def _name(label: int) -> str:
    # Any one character is a name for both libraries; surrogates are not characters.
    return chr(0x100 + label if label < 0xD000 else 0x10000 + label)
