"""The edges of a Spec's graph."""

from __future__ import annotations

from typing import assert_never

from qcompile.ir.spec import (
    SpecActivation,
    SpecCircuitValue,
    SpecConcat,
    SpecDropout,
    SpecInput,
    SpecLinear,
    SpecMpo,
    SpecNode,
    SpecProduct,
    SpecScale,
    SpecShift,
    SpecSlice,
    SpecSum,
    SpecUnitary,
    SpecVector,
)


def operands_of(node: SpecNode) -> tuple[int, ...]:
    """Indices of the nodes that a node reads."""
    match node:
        case SpecInput() | SpecVector():
            return ()
        case (
            SpecLinear(operand=operand)
            | SpecMpo(operand=operand)
            | SpecScale(operand=operand)
            | SpecShift(operand=operand)
            | SpecSlice(operand=operand)
            | SpecActivation(operand=operand)
            | SpecDropout(operand=operand)
            | SpecUnitary(operand=operand)
        ):
            return (operand,)
        case (
            SpecSum(operands=operands)
            | SpecProduct(operands=operands)
            | SpecConcat(operands=operands)
            | SpecCircuitValue(operands=operands)
        ):
            return operands
        case _:
            assert_never(node)
