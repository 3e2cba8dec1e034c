"""The steps of a program on a matrix product state, written once for all that `tensors` can be.

Products of matrices sum over neighbouring axes, so that tensors are viewed and not copied.
"""

from __future__ import annotations

from typing import Generic, TypeVar

from qcompile.executors.mps.program import (
    AbsorbStep,
    CutStep,
    MatrixPlace,
    MpsProgram,
    PairStep,
    SiteStep,
)
from qcompile.executors.mps.read import read_strings, right_environments
from qcompile.executors.mps.tensors import Tensors

T = TypeVar("T")


class ChainRun(Generic[T]):
    """One call."""

    def __init__(self, program: MpsProgram, on: Tensors[T]) -> None:
        self.program = program
        self.on = on
        self.sites: list[T | None] = [None] * program.qubits
        """(left, 2, right) each; None while a qubit is in |0⟩ and has not been touched."""

    def outputs(self) -> T:
        for step in self.program.steps:
            match step:
                case SiteStep(qubit=qubit, matrix=place):
                    self.sites[qubit] = self._turned(qubit, place)
                case PairStep():
                    self._pair(step)
                case AbsorbStep():
                    self._absorb(step)
                case CutStep(bonds=bonds):
                    self._cut(bonds)
        sites = [self._site(qubit) for qubit in range(self.program.qubits)]
        return read_strings(self.on, self.program, sites)

    def _site(self, qubit: int) -> T:
        site = self.sites[qubit]
        if site is None:
            site = self.sites[qubit] = self.on.ground()
        return site

    def _turned(self, qubit: int, place: MatrixPlace) -> T:
        matrix = self.on.matrix(place)
        if self.sites[qubit] is None:
            return self.on.column(matrix)
        return self._applied(matrix, self._site(qubit))

    def _applied(self, matrix: T, site: T) -> T:
        on = self.on
        left, _, _ = on.shape(site)
        return on.rows(on.each(matrix, left), site)

    def _pair(self, step: PairStep) -> None:
        on = self.on
        low, high = sorted((step.control, step.target))
        control, target = self._site(step.control), self._site(step.target)
        first = step.control < step.target
        left, _, right = on.shape(control)
        if first:
            spread = on.spread(on.view(control, left, 2, 1, right), "right fork")
            self.sites[step.control] = on.view(spread, left, 2, 2 * right)
        else:
            spread = on.spread(on.view(control, 1, left, 2, right), "left fork")
            self.sites[step.control] = on.view(spread, 2 * left, 2, right)
        for qubit in range(low + 1, high):
            site = self._site(qubit)
            left, _, right = on.shape(site)
            spread = on.spread(on.view(site, 1, left, 2, 1, right), "carry")
            self.sites[qubit] = on.view(spread, 2 * left, 2, 2 * right)
        self.sites[step.target] = self._target(step, target, first)

    def _target(self, step: PairStep, site: T, control_first: bool) -> T:
        """The target's tensor for both values of the control, which its bond carries."""
        on = self.on
        left, _, right = on.shape(site)
        if step.kind == "diagonal":
            assert step.matrix is not None
            phases = on.matrix(step.matrix)
            turned = on.times(on.view(site, 1, left, 2, right), on.view(phases, 2, 1, 2, 1))
            return on.view(turned, 2 * left, 2, right)
        if step.kind == "flip":
            other = on.flip(site, 1)
        else:
            assert step.matrix is not None
            other = self._applied(on.matrix(step.matrix), site)
        if control_first:
            return on.view(on.pair(site, other, 0), 2 * left, 2, right)
        return on.view(on.pair(site, other, 2), left, 2, 2 * right)

    def _absorb(self, step: AbsorbStep) -> None:
        for qubit in step.left:
            left, _, right = self.on.shape(self._site(qubit))
            passed = self.on.view(self._site(qubit), 2 * left, right)
            self.sites[qubit] = self.on.identity(left, 2 * left)
            self._into_right(passed, qubit + 1)
        for qubit in step.right:
            left, _, right = self.on.shape(self._site(qubit))
            passed = self.on.view(self._site(qubit), left, 2 * right)
            self.sites[qubit] = self.on.identity(2 * right, right)
            before, _, _ = self.on.shape(self._site(qubit - 1))
            joined = self.on.product(self.on.view(self._site(qubit - 1), 2 * before, left), passed)
            self.sites[qubit - 1] = self.on.view(joined, before, 2, 2 * right)

    def _into_right(self, matrix: T, qubit: int) -> None:
        """A matrix (new, old) on the left bond of a tensor."""
        on = self.on
        old, _, right = on.shape(self._site(qubit))
        joined = on.product(matrix, on.view(self._site(qubit), old, 2 * right))
        self.sites[qubit] = on.view(joined, on.shape(matrix)[0], 2, right)

    def _cut(self, bonds: tuple[int, ...]) -> None:
        """Left of the bond tensors are isometric, so that what the eigenvectors of the reduced
        density matrix leave out is what the state loses."""
        on = self.on
        sites = [self._site(qubit) for qubit in range(self.program.qubits)]
        right = right_environments(on, sites, first=1)
        for qubit, keep in enumerate(bonds):
            left, _, old = on.shape(self._site(qubit))
            matrix = on.view(self._site(qubit), 2 * left, old)
            if keep == 2 * left:
                self.sites[qubit] = on.identity(left, keep)
                self._into_right(matrix, qubit + 1)
                continue
            beyond = right[qubit + 1]
            weighed = matrix if beyond is None else on.product(matrix, beyond)
            density = on.product(weighed, on.transpose(on.conjugate(matrix)))
            vectors, scale = on.kept(density, keep)
            self.sites[qubit] = on.view(vectors, left, 2, keep)
            passed = on.product(on.transpose(on.conjugate(vectors)), matrix)
            self._into_right(on.times(passed, on.view(scale, 1, 1)), qubit + 1)
