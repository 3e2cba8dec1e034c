"""Whether all turns of a loop are equally large."""

from __future__ import annotations

from qcompile.ir.scalar import Scalar, variables
from qcompile.ir.spec_circuit import (
    Choose,
    CircuitItem,
    EncodeAngle,
    EncodeBasis,
    ForEach,
    GateLayer,
    MatrixLayer,
    PairPattern,
    Repeat,
    SpecAdjoint,
    WireRange,
)


def size_depends_on(variable: str, items: tuple[CircuitItem, ...]) -> bool:
    """Whether the number of gates in `items` may change with the loop variable."""
    return any(variable in variables(scalar) for item in items for scalar in _counts(item))


def _counts(item: CircuitItem) -> tuple[Scalar, ...]:
    """The scalars that decide how many gates an item places."""
    match item:
        case Repeat(count=count, items=items):
            return (count, *(scalar for inner in items for scalar in _counts(inner)))
        case ForEach(start=start, stop=stop, items=items):
            return (start, stop, *(scalar for inner in items for scalar in _counts(inner)))
        case SpecAdjoint(items=items):
            return tuple(scalar for inner in items for scalar in _counts(inner))
        case Choose(condition=condition, items=items, otherwise=otherwise):
            inside = (scalar for inner in (*items, *otherwise) for scalar in _counts(inner))
            return (condition, *inside)
        case (
            GateLayer(wires=WireRange(start=start, stop=stop))
            | MatrixLayer(wires=WireRange(start=start, stop=stop))
        ):
            return (start, stop)
        case EncodeAngle(wires=WireRange(start=start, stop=stop)):
            return (start, stop)
        case EncodeBasis(wires=WireRange(start=start, stop=stop)):
            return (start, stop)
        case (
            GateLayer(pairs=PairPattern(step=step)) | MatrixLayer(pairs=PairPattern(step=step))
        ) if step is not None:
            return (step,)
        case _:
            return ()
