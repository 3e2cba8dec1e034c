"""Compound matrices by determinants."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from qcompile.ir.ops.compound import CompoundNode
from qcompile.testing.growing import Growing
from qcompile.testing.table_operands import table_operand

Array = NDArray[np.float64]


def minors(node: CompoundNode, table: Array) -> Array:
    rows = list(combinations(range(table.shape[0]), node.order))
    columns = list(combinations(range(table.shape[1]), node.order))
    found = [[np.linalg.det(table[np.ix_(r, c)]) for c in columns] for r in rows]
    return np.array(found, dtype=np.float64).reshape(len(rows), len(columns))


def random_compound(program: Growing, operand: int, width: int) -> CompoundNode | None:
    operand = table_operand(program, operand, width)
    rows = program.domain(operand).rows
    order = program.draw(st.integers(1, min(rows, width, 3)))
    if math.comb(width, order) > program.max_width:
        return None
    return CompoundNode(operand=operand, order=order, rows=rows, width=math.comb(width, order))


LINEAR = False
VALUES = {CompoundNode: minors}
RANDOM_NODE = random_compound
