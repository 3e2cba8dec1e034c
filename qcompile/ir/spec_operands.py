"""The edges of a Spec's graph."""

from __future__ import annotations

from typing import assert_never

from qcompile.ir.spec import (
    SpecActivation,
    SpecApply,
    SpecBits,
    SpecCayley,
    SpecCircuitValue,
    SpecConcat,
    SpecDropout,
    SpecFlat,
    SpecInput,
    SpecLinear,
    SpecMpo,
    SpecNode,
    SpecOutput,
    SpecProduct,
    SpecResize,
    SpecRows,
    SpecScale,
    SpecShift,
    SpecSlice,
    SpecSum,
    SpecTable,
    SpecTensorGates,
    SpecUnitary,
    SpecVector,
)


def operands_of(node: SpecNode) -> tuple[int, ...]:
    """Indices of the nodes that a node reads."""
    match node:
        case SpecInput() | SpecOutput() | SpecVector() | SpecTable() | SpecBits():
            return ()
        case SpecApply(operand=operand, weight=weight):
            return operand, weight
        case (
            SpecLinear(operand=operand)
            | SpecMpo(operand=operand)
            | SpecTensorGates(operand=operand)
            | SpecCayley(operand=operand)
            | SpecScale(operand=operand)
            | SpecShift(operand=operand)
            | SpecSlice(operand=operand)
            | SpecResize(operand=operand)
            | SpecActivation(operand=operand)
            | SpecDropout(operand=operand)
            | SpecRows(operand=operand)
            | SpecFlat(operand=operand)
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
