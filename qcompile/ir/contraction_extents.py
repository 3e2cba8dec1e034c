"""Follows frozen contraction steps without computing them."""

from __future__ import annotations

from qcompile.ir.network import ContractionNode, DataOperand
from qcompile.ir.verification import VerificationError


def result_shapes(node: ContractionNode, tokens: int) -> tuple[tuple[int, ...], ...]:
    """The shape of each step's result for a batch of `tokens`.

    Raises:
        VerificationError: A step refers to no tensor of the working list, its equation does not
            fit the shapes, or `batched` is wrong.
    """
    working = [
        ((tokens, *operand.view.modes), True)
        if isinstance(operand, DataOperand)
        else (operand.view.modes, False)
        for operand in node.network.operands
    ]
    results: list[tuple[int, ...]] = []
    for number, step in enumerate(node.steps):
        chosen = (step.left,) if step.right is None else (step.left, step.right)
        if len(set(chosen)) != len(chosen) or not all(0 <= k < len(working) for k in chosen):
            raise VerificationError(f"step {number} takes tensors {chosen} of {len(working)}")
        inputs, arrow, output = step.equation.partition("->")
        terms = inputs.split(",")
        extents: dict[str, int] = {}
        if not arrow or len(terms) != len(chosen):
            raise VerificationError(f"step {number}: `{step.equation}` is no such equation")
        for letters, position in zip(terms, chosen, strict=True):
            shape = working[position][0]
            if len(letters) != len(shape):
                raise VerificationError(f"step {number}: `{letters}` for the shape {shape}")
            for letter, extent in zip(letters, shape, strict=True):
                if extents.setdefault(letter, extent) != extent:
                    raise VerificationError(f"step {number}: two extents for `{letter}`")
        if not set(output) <= set(extents) or len(set(output)) != len(output):
            raise VerificationError(f"step {number}: `{output}` is no result of `{inputs}`")
        batched = any(working[position][1] for position in chosen)
        if batched != step.batched:
            raise VerificationError(f"step {number}: `batched` is wrong")
        shape = tuple(extents[letter] for letter in output)
        working = [tensor for k, tensor in enumerate(working) if k not in chosen]
        working.append((shape, batched))
        results.append(shape)
    if len(working) != 1:
        raise VerificationError(f"{len(working)} tensors are left instead of one")
    return tuple(results)
