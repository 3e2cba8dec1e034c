"""What the executor does for a circuit, as a value: counted by `count`, carried out by `build`.

The state is a chain of tensors (left bond, 2, right bond), one for each qubit in order. A gate on
two qubits is a sum of two products, which doubles the bonds between them and needs no
decomposition; bonds are brought back to what the ends of the chain allow, exactly, and cut only
where they would pass the limit. Nothing here needs torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from qcompile.executors.mps.operators import (
    Controlled,
    Exchange,
    Flip,
    PairOperator,
    PairPhases,
    SingleOperator,
    operators_of,
)
from qcompile.executors.network.program import GateRotation, MatrixGroup
from qcompile.ir.circuit import Expectations, Pauli
from qcompile.ir.circuit_analysis import is_real
from qcompile.ir.factors import Factor, append
from qcompile.ir.matrices import Matrix, PauliLetter
from qcompile.ir.plan import MpsEvaluation

SLACK = 2
"""How far bonds may pass the limit before the chain is cut: a layer of neighbours in one go."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MatrixPlace:
    """Two rows and columns: member `position` of `MpsProgram.groups[group]`."""

    group: int
    position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteStep:
    """A matrix on one qubit."""

    qubit: int
    matrix: MatrixPlace


@dataclass(frozen=True, slots=True, kw_only=True)
class PairStep:
    """|0⟩⟨0| ⊗ A + |1⟩⟨1| ⊗ B on two qubits: the bonds between them carry the control's value."""

    control: int
    target: int
    kind: Literal["flip", "controlled", "diagonal"]
    """A = 1, B = X; A = 1, B the matrix; A and B diagonal, with the rows of the matrix for entries,
    the control before the target."""
    matrix: MatrixPlace | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AbsorbStep:
    """Tensors at an end as wide as all that they can hold go into their neighbours: exact."""

    left: tuple[int, ...]
    """Qubits whose tensor goes to the right one after another: as identities they stay."""
    right: tuple[int, ...]
    """The same from the right end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CutStep:
    """Bonds cut from left to right, keeping what weighs most in the state."""

    bonds: tuple[int, ...]
    """What is kept of the bond after each qubit, up to the last that is too wide."""


Step = SiteStep | PairStep | AbsorbStep | CutStep


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainString:
    """⟨P⟩ of a Pauli string."""

    letters: tuple[tuple[int, PauliLetter], ...]
    """By qubit."""
    sign: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MpsProgram:
    """data (B, w), angles (k,) → (B, outputs)."""

    qubits: int
    data_width: int
    bond: int
    """What no bond may pass in the end."""
    real: bool
    """All tensors are real."""
    groups: tuple[MatrixGroup, ...]
    steps: tuple[Step, ...]
    strings: tuple[ChainString, ...]
    widest: int
    """The widest bond that is left."""

    @property
    def cuts(self) -> bool:
        """Whether something of the state may be lost."""
        return any(isinstance(step, CutStep) for step in self.steps)


@lru_cache(maxsize=64)
def mps_program(evaluation: MpsEvaluation) -> MpsProgram:
    """Gates in order; neighbours on one qubit are one matrix."""
    circuit = evaluation.circuit
    assert isinstance(circuit.readout, Expectations)
    paulis = circuit.readout.paulis
    real = is_real(circuit) and all(map(has_real_matrix, paulis))
    chain = ChainBuilder(circuit.qubits, evaluation.bond)
    for gate in circuit.gates:
        for operator in operators_of(gate, real=real):
            chain.apply(operator)
    chain.finish()
    strings = tuple(
        ChainString(
            letters=tuple(sorted((chain.at[qubit], letter) for qubit, letter in pauli.letters)),
            sign=pauli.sign,
        )
        for pauli in paulis
    )
    return MpsProgram(
        qubits=circuit.qubits,
        data_width=circuit.data_width,
        bond=evaluation.bond,
        real=real,
        groups=chain.matrices.groups(),
        steps=tuple(chain.steps),
        strings=strings,
        widest=max(chain.bonds, default=1),
    )


def has_real_matrix(pauli: Pauli) -> bool:
    """Whether the letters Y come in pairs."""
    return sum(letter == "Y" for _, letter in pauli.letters) % 2 == 0


class SiteMatrices:
    """Matrices of one qubit, grouped by what their factors depend on."""

    def __init__(self) -> None:
        self.members: dict[tuple[str, ...], dict[tuple[GateRotation, ...], int]] = {}

    def place(self, chain: Sequence[Factor]) -> MatrixPlace:
        """That of the product of the factors, the first acting first."""
        rotations = tuple(
            GateRotation(constant=f.constant, cosine=f.cosine, sine=f.sine, angle=f.angle)
            for f in chain
        )
        key = tuple(rotation.kind for rotation in rotations)
        members = self.members.setdefault(key, {})
        position = members.setdefault(rotations, len(members))
        return MatrixPlace(group=list(self.members).index(key), position=position)

    def groups(self) -> tuple[MatrixGroup, ...]:
        return tuple(
            MatrixGroup(qubits=1, factors=tuple(zip(*members, strict=True)))
            for members in self.members.values()
        )


def entries_exchanged(factor: Factor) -> Factor:
    """The second and the third entry in each other's place."""

    def swapped(entries: Matrix) -> Matrix:
        return (entries[0], entries[2], entries[1], entries[3])

    return Factor(
        constant=swapped(factor.constant),
        cosine=swapped(factor.cosine),
        sine=swapped(factor.sine),
        angle=factor.angle,
    )


class ChainBuilder:
    """Steps in the making, with the bonds that they leave."""

    def __init__(self, qubits: int, limit: int) -> None:
        self.limit = limit
        self.bonds = [1] * (qubits - 1)
        self.matrices = SiteMatrices()
        self.at = list(range(qubits))
        """Where each qubit of the circuit is: exchanges are done on paper."""
        self.pending: list[tuple[Factor, ...]] = [()] * qubits
        self.steps: list[Step] = []

    def apply(self, operator: SingleOperator | PairOperator | Exchange) -> None:
        match operator:
            case SingleOperator(qubit=qubit, factor=factor):
                place = self.at[qubit]
                self.pending[place] = append(self.pending[place], factor)
            case Exchange(qubits=(one, other)):
                self.at[one], self.at[other] = self.at[other], self.at[one]
            case PairOperator():
                self._pair(operator, self.at[operator.control], self.at[operator.target])

    def finish(self) -> None:
        """Matrices that wait, and bonds within the limit."""
        for qubit in range(len(self.pending)):
            self._turn(qubit)
        if any(bond > self.limit for bond in self.bonds):
            self._compress()

    def _pair(self, operator: PairOperator, control: int, target: int) -> None:
        self._turn(control)
        self._turn(target)
        low, high = sorted((control, target))
        if any(2 * bond > SLACK * self.limit for bond in self.bonds[low:high]):
            self._compress()
        for bond in range(low, high):
            self.bonds[bond] *= 2
        kind: Literal["flip", "controlled", "diagonal"] = "flip"
        matrix = None
        match operator.what:
            case Controlled(chain=chain):
                kind, matrix = "controlled", self.matrices.place(chain)
            case PairPhases(factor=factor):
                if control > target:
                    control, target, factor = target, control, entries_exchanged(factor)
                kind, matrix = "diagonal", self.matrices.place((factor,))
            case Flip():
                pass
        self.steps.append(PairStep(control=control, target=target, kind=kind, matrix=matrix))

    def _turn(self, qubit: int) -> None:
        chain, self.pending[qubit] = self.pending[qubit], ()
        if chain:
            self.steps.append(SiteStep(qubit=qubit, matrix=self.matrices.place(chain)))

    def _compress(self) -> None:
        """Exactly as far as it goes, then by cutting what is still too wide."""
        bonds = self.bonds
        left, right = [], []
        before = 1
        for place, bond in enumerate(bonds):
            if 2 * before < bond:
                bonds[place] = 2 * before
                left.append(place)
            before = bonds[place]
        after = 1
        for place in range(len(bonds) - 1, -1, -1):
            if 2 * after < bonds[place]:
                bonds[place] = 2 * after
                right.append(place + 1)
            after = bonds[place]
        if left or right:
            self.steps.append(AbsorbStep(left=tuple(left), right=tuple(right)))
        wide = [place for place, bond in enumerate(bonds) if bond > self.limit]
        if wide:
            before, kept = 1, []
            for place in range(wide[-1] + 1):
                before = min(self.limit, 2 * before, bonds[place])
                bonds[place] = before
                kept.append(before)
            self.steps.append(CutStep(bonds=tuple(kept)))
