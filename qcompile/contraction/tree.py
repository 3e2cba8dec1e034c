"""Contraction trees: from a path to einsum steps, data-free steps first, with their costs."""

from __future__ import annotations

import math
import string
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from qcompile.ir.network import BATCH, PairContraction

Labels = tuple[int, ...]
Tree = tuple[tuple[int, int], ...]
"""Pairs of tensors by number: operands 0..n-1, then the results in order."""

LETTERS = string.ascii_letters


class TooManyIndices(Exception):
    """A step has more indices than there are letters for einsum."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shapes:
    """A network to be contracted: labels of each operand, of the result, extents of all."""

    operands: tuple[Labels, ...]
    output: Labels
    """With the batch first, if there is one."""
    sizes: Mapping[int, int]
    """With the batch's extent."""

    def elements(self, labels: Iterable[int]) -> int:
        return math.prod(self.sizes[label] for label in labels)


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeStep:
    """One contraction of a tree, in the order of execution, with its forward counts."""

    contraction: PairContraction
    flops: float
    """For the whole batch; a multiply-add counts as 2."""
    elements: int
    """Of the result."""
    moved: int
    """Elements read and written by the contraction itself."""
    copied: int
    """Elements that are rearranged in memory to make it a matrix product."""
    is_last: bool


def tree_of_path(path: Iterable[Sequence[int]], count: int) -> Tree:
    """The tree of a path in the convention of opt_einsum (positions removed, result appended).

    Steps on a single tensor vanish, steps on more than two become several.
    """
    working = list(range(count))
    pairs: list[tuple[int, int]] = []
    for step in path:
        taken = [working.pop(position) for position in sorted(step, reverse=True)][::-1]
        result = taken[0]
        for other in taken[1:]:
            pairs.append((result, other))
            result = count + len(pairs) - 1
        working.append(result)
    while len(working) > 1:
        pairs.append((working.pop(0), working.pop(0)))
        working.append(count + len(pairs) - 1)
    return tuple(pairs)


def steps_of_tree(shapes: Shapes, tree: Tree) -> tuple[TreeStep, ...]:
    """The steps of `tree`, data-free ones first, otherwise in its order.

    Raises:
        TooManyIndices: A step needs more than 52 letters.
    """
    count = len(shapes.operands)
    if count == 1:
        return (_single(shapes),)
    labels: dict[int, Labels] = dict(enumerate(shapes.operands))
    holders = _holders(shapes)
    batched = {number for number in range(count) if BATCH in labels[number]}
    for index, (left, right) in enumerate(tree):
        if left in batched or right in batched:
            batched.add(count + index)
    order = sorted(range(len(tree)), key=lambda index: (count + index in batched, index))
    working = list(range(count))
    steps: list[TreeStep] = []
    for index in order:
        left, right = tree[index]
        if right in batched and left not in batched:
            left, right = right, left
        for label in (*labels[left], *labels[right]):
            holders[label].discard(left)
            holders[label].discard(right)
        number = count + index
        is_last = len(steps) == len(tree) - 1
        step, result = _pair(
            shapes,
            (labels[left], labels[right]),
            {label for label, readers in holders.items() if readers},
            (working.index(left), working.index(right)),
            number in batched,
            is_last,
        )
        working = [tensor for tensor in working if tensor not in (left, right)] + [number]
        labels[number] = result
        for label in result:
            holders[label].add(number)
        steps.append(step)
    return tuple(steps)


def _holders(shapes: Shapes) -> dict[int, set[int]]:
    holders: dict[int, set[int]] = {}
    for number, operand in enumerate(shapes.operands):
        for label in operand:
            holders.setdefault(label, set()).add(number)
    for label in shapes.output:
        holders[label].add(-1)
    return holders


def _single(shapes: Shapes) -> TreeStep:
    (operand,) = shapes.operands
    letters = _letters(operand)
    equation = f"{_spell(operand, letters)}->{_spell(shapes.output, letters)}"
    size = shapes.elements(shapes.output)
    return TreeStep(
        contraction=PairContraction(
            left=0, right=None, equation=equation, batched=BATCH in shapes.output
        ),
        flops=0.0 if size == shapes.elements(operand) else float(shapes.elements(operand)),
        elements=size,
        moved=size + shapes.elements(operand),
        copied=0,
        is_last=True,
    )


def _pair(
    shapes: Shapes,
    pair: tuple[Labels, Labels],
    needed: set[int],
    positions: tuple[int, int],
    is_batched: bool,
    is_last: bool,
) -> tuple[TreeStep, Labels]:
    # A label that repeats within one tensor is a diagonal: einsum takes it first.
    left, right = (tuple(dict.fromkeys(labels)) for labels in pair)
    shared = [label for label in left if label in right]
    hyper = [label for label in shared if label in needed]
    summed = [label for label in shared if label not in needed]
    left_kept = [label for label in left if label in needed and label not in right]
    right_kept = [label for label in right if label in needed and label not in left]
    natural = (*hyper, *left_kept, *right_kept)
    result = shapes.output if is_last else natural
    # torch.einsum orders the summed axes by their letters: follow the left operand, the larger.
    letters = _letters((*left, *right))
    spelt = ",".join(_spell(labels, letters) for labels in pair)
    equation = f"{spelt}->{_spell(result, letters)}"
    sizes = shapes.sizes
    copied = 0 if _merges(natural, (list(result),), sizes) else shapes.elements(result)
    for labels, kept in ((left, left_kept), (right, right_kept)):
        if not _merges(labels, (hyper, kept, summed), sizes):
            copied += shapes.elements(labels)
    total = shapes.elements(set(left) | set(right))
    step = TreeStep(
        contraction=PairContraction(
            left=positions[0], right=positions[1], equation=equation, batched=is_batched
        ),
        flops=float(total) * (2 if len(set(left) | set(right)) > len(result) else 1),
        elements=shapes.elements(result),
        moved=shapes.elements(left) + shapes.elements(right) + shapes.elements(result),
        copied=copied,
        is_last=is_last,
    )
    return step, result


def _merges(labels: Labels, groups: tuple[list[int], ...], sizes: Mapping[int, int]) -> bool:
    """Each group is one axis of a strided view of a contiguous tensor with axes `labels`."""
    long = [label for label in labels if sizes[label] > 1]
    position = {label: index for index, label in enumerate(long)}
    for group in groups:
        places = [position[label] for label in group if sizes[label] > 1]
        if places and places != list(range(places[0], places[0] + len(places))):
            return False
    return True


def _letters(labels: Labels) -> dict[int, str]:
    distinct = dict.fromkeys(labels)
    if len(distinct) > len(LETTERS):
        raise TooManyIndices(f"a contraction has {len(distinct)} indices, at most 52 are possible")
    return dict(zip(distinct, LETTERS, strict=False))


def _spell(labels: Labels, letters: Mapping[int, str]) -> str:
    return "".join(letters[label] for label in labels)
