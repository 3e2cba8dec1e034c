"""Work of linear combinations of data and trainable angles: `operators.Combination` counted."""

from __future__ import annotations

from collections.abc import Sequence

from qcompile.executors.sweeps.program import DataTerms
from qcompile.ir.circuit import Affine
from qcompile.ir.work import Work


def trainable_angles(work: Work, angles: Sequence[Affine]) -> None:
    work.tables += len(angles)
    if not any(angle.angles for angle in angles):
        return
    combination(work, [angle.angles for angle in angles], batched=False)
    if any(angle.constant for angle in angles):
        work.elementwise(len(angles), batched=False)


def mixed_angles(work: Work, angles: Sequence[Affine]) -> None:
    combination(work, [angle.data for angle in angles], batched=True)
    rest = [Affine(constant=angle.constant, angles=angle.angles) for angle in angles]
    if any(angle != Affine() for angle in rest):
        trainable_angles(work, list(dict.fromkeys(rest)))
        work.write(len(angles), batched=False)
        work.elementwise(len(angles), batched=True)


def combination(work: Work, rows: Sequence[DataTerms], *, batched: bool) -> None:
    if not all(len(row) == 1 for row in rows):
        width = max((index + 1 for row in rows for index, _ in row), default=0)
        work.tables += len(rows) * width
        work.product(2 * len(rows) * width, len(rows), batched=batched)
        return
    work.tables += 2 * len(rows)
    indices = [row[0][0] for row in rows]
    if indices != list(range(len(indices))):
        work.write(len(rows), batched=batched)
    if any(row[0][1] != 1.0 for row in rows):
        work.elementwise(len(rows), batched=batched)
