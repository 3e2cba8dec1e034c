"""Updates that start at zero because a map that starts as the identity is taken off its operand."""

from __future__ import annotations

from qcompile.ir.ops.arithmetic import SpecScale, SpecSum
from qcompile.ir.scalar import Constant
from qcompile.ir.spec_node import SpecNode

Form = dict[int, float]
"""A sum of nodes, each times a number; widths aside."""


def cancels(nodes: tuple[SpecNode, ...], result: int) -> bool:
    """Whether the result may start at zero: `tensor_gates(x, to: n, …) - resize(x, n)`.

    What is cut off or padded is not looked at, so that True is no promise.
    """
    forms: list[Form] = []
    for index, node in enumerate(nodes[: result + 1]):
        forms.append(_form(index, node, forms))
    return not forms[result]


def _form(index: int, node: SpecNode, forms: list[Form]) -> Form:
    if node.identity_at_start:
        return forms[node.inputs[0]]
    match node:
        case SpecScale(operand=operand, factor=Constant(value=int() | float() as factor)):
            return {key: factor * value for key, value in forms[operand].items()}
        case SpecSum(operands=operands):
            total: Form = {}
            for operand in operands:
                for key, value in forms[operand].items():
                    total[key] = total.get(key, 0.0) + value
            return {key: value for key, value in total.items() if value}
        case _:
            return {index: 1.0}
