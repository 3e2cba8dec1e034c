"""Orthogonal matrices made of circuits of real gates.

For a power of two, N = 2^n, the matrix is that of one circuit on n qubits. For every other N it is

    U = (1 ⊕ Q₂)(Q₁ ⊕ 1)

with two circuits on k = ⌊log2 N⌋ qubits, of the same gates with angles of their own: Q₁ on the
first 2^k coordinates, acting first, and Q₂ on the last 2^k. They overlap in 2^(k+1) - N
coordinates, so that the first columns reach every coordinate. Both factors are orthogonal, hence so
is U.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from qcompile.ir.chain import Chain, MultilinearNode
from qcompile.ir.circuit import Circuit, Gate, Probabilities, ZeroState
from qcompile.ir.circuit_analysis import used_angles
from qcompile.ir.gate_algebra import inverse
from qcompile.ir.gates import GATES
from qcompile.ir.node import Needed, PlainNode
from qcompile.ir.verification import VerificationError, require
from qcompile.ir.verify_circuit import verify_circuit


@dataclass(frozen=True, slots=True, kw_only=True)
class GateBlock:
    """The matrix of gates on the coordinates offset … offset + 2^qubits - 1, else the identity.

    Qubit 0 is the most significant bit of a coordinate. All gates are real, and without data.
    """

    offset: int
    qubits: int
    gates: tuple[Gate, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Orthogonal:
    """A product of blocks, the first acting first: (size, size)."""

    size: int
    blocks: tuple[GateBlock, ...]
    angle_count: int
    """Length of the tensor of trainable angles that the gates of all blocks refer to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrthogonalFrame:
    """The first `columns` columns of U, or of Uᵀ where `adjoint`: (size, columns)."""

    orthogonal: Orthogonal
    angles: int | None
    """Index of the tensor (angle_count,); None where nothing is trainable."""
    adjoint: bool
    columns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitaryNode(MultilinearNode, PlainNode):
    """The first `width` entries of U a, or of Uᵀ a where `adjoint`.

    The size of U is the larger of the width of a and `width`; a is zero-padded to it. In a plan:
    gate by gate on the value of every token.
    """

    TENSORS = ("angles",)

    orthogonal: Orthogonal
    angles: int | None
    """As of an OrthogonalFrame."""
    adjoint: bool
    width: int

    def verify(self, widths: Sequence[int]) -> Needed:
        verify_orthogonal(self.orthogonal)
        size = max(self.width, *widths)
        require(self.orthogonal.size == size, "its matrix has another size")
        return needed_angles(self.orthogonal.angle_count, self.angles)

    def join(self, chain: Chain) -> None:
        """The wide side of the matrix is all of it; the narrow side is its first columns."""
        entering = chain.width
        columns = chain.reading_axis()
        rows = chain.axis(self.width)
        widens = self.width >= entering
        frame = OrthogonalFrame(
            orthogonal=self.orthogonal,
            angles=self.angles,
            adjoint=self.adjoint if widens else not self.adjoint,
            columns=min(entering, self.width),
        )
        chain.place(frame, *((rows, columns) if widens else (columns, rows)))
        chain.leave(self.width, rows)

    @property
    def label(self) -> str:
        return f"unitary of {self.orthogonal.size}" + (" transposed" if self.adjoint else "")


def needed_angles(count: int, angles: int | None) -> Needed:
    """The tensor of so many trainable angles."""
    require((angles is None) == (count == 0), "angles without a tensor")
    return () if angles is None else ((angles, (count,)),)


def block_places(size: int) -> tuple[tuple[int, int], ...]:
    """(offset, qubits) of the blocks for a size from 2; see the module."""
    qubits = size.bit_length() - 1
    last = size - 2**qubits
    return ((0, qubits),) if last == 0 else ((0, qubits), (last, qubits))


def circuit_of(block: GateBlock, angle_count: int) -> Circuit:
    """The gates of a block as a circuit on |0…0⟩ that reads all qubits: its first column, squared.

    For what is about gates alone: passes that keep the matrix, counts, export.
    """
    return Circuit(
        qubits=block.qubits,
        data_width=0,
        angle_count=angle_count,
        initial=ZeroState(),
        gates=block.gates,
        readout=Probabilities(qubits=tuple(range(block.qubits))),
    )


def transposed(orthogonal: Orthogonal) -> Orthogonal:
    """The transpose, which is the inverse: inverse gates in the opposite order."""
    blocks = tuple(
        replace(block, gates=tuple(g for gate in reversed(block.gates) for g in inverse(gate)))
        for block in reversed(orthogonal.blocks)
    )
    return replace(orthogonal, blocks=blocks)


def orthogonal_gates(orthogonal: Orthogonal) -> Iterator[Gate]:
    """The gates of all blocks."""
    for block in orthogonal.blocks:
        yield from block.gates


def is_idle(orthogonal: Orthogonal) -> bool:
    """Whether no gate uses a trainable angle."""
    return not used_angles(orthogonal_gates(orthogonal))


def verify_orthogonal(orthogonal: Orthogonal) -> None:
    """Check everything that an Orthogonal promises.

    Raises:
        VerificationError: a block reaches beyond the matrix, or a gate is not well formed, not
            real, or depends on data.
    """
    for block in orthogonal.blocks:
        if block.offset < 0 or block.qubits >= orthogonal.size.bit_length():
            raise VerificationError("a block reaches beyond the matrix")
        if block.offset + 2**block.qubits > orthogonal.size:
            raise VerificationError("a block reaches beyond the matrix")
        verify_circuit(circuit_of(block, orthogonal.angle_count))
        for gate in block.gates:
            if not GATES[gate.name].real:
                raise VerificationError(f"the gate {gate.name} is not real")
